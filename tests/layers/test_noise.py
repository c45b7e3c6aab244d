"""Layers that draw: means, variances and what shares a draw, against the formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import layers

ROWS, N = (200, 200), 40_000
NORMAL = jax.random.normal(jax.random.key(9), ROWS)


def trained(layer, x, seed=0):
    return layer.apply({}, {}, x, training=True, rng=jax.random.key(seed))[0]


def assert_moments(y, mean, variance):
    """Within six standard errors."""
    np.testing.assert_allclose(y.mean(), mean, atol=6 * (variance / N) ** 0.5)
    np.testing.assert_allclose(y.var(), variance, rtol=0.1)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(rate):
    y = trained(layers.AlphaDropout(rate), NORMAL)
    assert_moments(y, 0.0, 1.0)
    values, counts = np.unique(y, return_counts=True)
    # What is dropped is one value: minus alpha times scale of SELU, scaled and shifted.
    lowest = -1.7580993408473766
    a = ((1 - rate) * (1 + rate * lowest**2)) ** -0.5
    np.testing.assert_allclose(values[counts.argmax()], a * lowest * (1 - rate), rtol=1e-5)
    np.testing.assert_allclose(counts.max() / N, rate, atol=6 * (rate * (1 - rate) / N) ** 0.5)


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_gaussian_dropout_has_the_variance_of_dropout(rate):
    y = trained(layers.GaussianDropout(rate), jnp.full(ROWS, 2.0))
    assert_moments(y, 2.0, 4 * rate / (1 - rate))


def test_gaussian_noise():
    y = trained(layers.GaussianNoise(0.5), jnp.full(ROWS, 2.0))
    assert_moments(y, 2.0, 0.25)
    assert_moments((y - 2.0) ** 4, 3 * 0.5**4, 96 * 0.5**8)  # the moments of a normal


SPATIAL = [
    (layers.SpatialDropout1D(0.3), (50, 4, 80), (1,)),
    (layers.SpatialDropout2D(0.3), (50, 3, 2, 80), (1, 2)),
    (layers.SpatialDropout2D(0.3, data_format="channels_first"), (50, 80, 2, 3), (2, 3)),
    (layers.SpatialDropout3D(0.3), (50, 2, 2, 2, 80), (1, 2, 3)),
]


@pytest.mark.parametrize(("layer", "shape", "shared"), SPATIAL)
def test_spatial_dropout_drops_whole_channels(layer, shape, shared):
    y = trained(layer, jnp.ones(shape))
    np.testing.assert_array_equal(y.min(shared), y.max(shared))
    kept = np.asarray(y.max(shared) > 0)
    assert abs(kept.mean() - 0.7) < 6 * (0.21 / kept.size) ** 0.5
    np.testing.assert_allclose(y.max(), 1 / 0.7, rtol=1e-6)


DRAWING = [
    layers.AlphaDropout(0.5, seed=1),
    layers.GaussianDropout(0.5, seed=1),
    layers.GaussianNoise(0.5, seed=1),
    layers.SpatialDropout1D(0.5, seed=1),
]


@pytest.mark.parametrize("layer", DRAWING, ids=lambda layer: layer.name)
def test_a_seed_changes_the_draws_and_keeps_them_apart(layer):
    x = jnp.ones((4, 3, 9))
    twin = type(layer).from_config(layer.get_config() | {"seed": None})
    same, other, unseeded = trained(layer, x), trained(layer, x, seed=1), trained(twin, x)
    np.testing.assert_array_equal(same, trained(layer, x))
    assert not np.array_equal(same, other)
    assert not np.array_equal(same, unseeded)


def test_attention_drops_weights_and_returns_those_it_used():
    x = jnp.ones((2, 6, 4))
    value = jnp.ones((2, 40, 4))
    layer = layers.Attention(dropout=0.5)
    (y, scores), _ = layer.apply(
        {}, {}, [x, value], training=True, rng=jax.random.key(0), return_attention_scores=True
    )
    np.testing.assert_allclose(y, scores @ value, rtol=1e-5)
    assert (scores == 0).any()
    assert 0.5 < float(y.mean()) < 1.5
    assert float(y.std()) > 0.05


def test_heads_drop_weights_while_training():
    x = jax.random.normal(jax.random.key(0), (2, 5, 4))
    layer = layers.MultiHeadAttention(2, 3, dropout=0.5, seed=4)
    params, state = layer.init(jax.random.key(0), x, x)
    run = jax.jit(
        lambda seed: layer.apply(params, state, x, x, training=True, rng=jax.random.key(seed))[0]
    )
    first, again, other = run(0), run(0), run(1)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
