"""Statistics of BatchNormalization: padding, precision, nested batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import errors, layers


def trained(layer, x, row_mask=None):
    params, state = layer.init(jax.random.key(0), x)
    out, state, *_ = layer.apply_full(params, state, x, training=True, row_mask=row_mask)
    return out, state


def random(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(2.0, 3.0, size=shape), "float32")


@pytest.mark.parametrize("shape", [(6, 3), (6, 4, 5, 3)])
def test_padded_rows_do_not_count(shape):
    x = random(*shape)
    filler = jnp.full((2, *shape[1:]), jnp.nan)
    mask = jnp.asarray([1, 1, 1, 1, 1, 1, 0, 0], "float32")
    padded, padded_state = trained(layers.BatchNormalization(), jnp.concatenate([x, filler]), mask)
    plain, state = trained(layers.BatchNormalization(), x)
    np.testing.assert_allclose(padded[:6], plain, rtol=1e-5, atol=1e-5)
    for name, value in state.items():
        np.testing.assert_allclose(padded_state[name], value, rtol=1e-5)


def test_padded_rows_get_no_gradient():
    x = jnp.concatenate([random(4, 3), jnp.full((2, 3), 5.0)])
    layer = layers.BatchNormalization()
    params, state = layer.init(jax.random.key(0), x)
    mask = jnp.asarray([1, 1, 1, 1, 0, 0])

    def loss(x):
        y = layer.apply_full(params, state, x, training=True, row_mask=mask)[0]
        return jnp.sum(y[:4] ** 3)

    gradient = jax.grad(loss)(x)
    assert (gradient[4:] == 0).all()
    assert (gradient[:4] != 0).all()


def test_the_mask_follows_a_batch_that_was_joined_with_time():
    class PerStep(layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm = layers.BatchNormalization()

        def call(self, x):
            return self.norm(x.reshape(-1, x.shape[-1])).reshape(x.shape)

    x = random(3, 4, 2)
    mask = jnp.asarray([1, 1, 0])
    _, joined = trained(PerStep(), x, mask)
    _, plain = trained(layers.BatchNormalization(), x[:2])
    for name, value in plain.items():
        np.testing.assert_allclose(joined["norm"][name], value, rtol=1e-5)


def test_a_mask_that_cannot_be_matched_is_refused():
    layer = layers.BatchNormalization(name="bn")
    with pytest.raises(errors.ShapeError, match=r"bn .*multiple of the 4 rows"):
        trained(layer, random(6, 3), jnp.ones(4))


def test_axis_zero_ignores_the_mask():
    x = random(4, 5)
    masked, _ = trained(layers.BatchNormalization(axis=0), x, jnp.asarray([1, 1, 0, 0]))
    plain, _ = trained(layers.BatchNormalization(axis=0), x)
    np.testing.assert_array_equal(masked, plain)


def test_statistics_are_float32_under_mixed_precision():
    # In bfloat16 a mean of 300 would have a step of 2, and the variance would be lost.
    x = (300 + random(512, 1, seed=3)).astype("bfloat16")
    layer = layers.BatchNormalization(momentum=0.0, dtype="mixed_bfloat16")
    out, state = trained(layer, x)
    assert out.dtype == jnp.bfloat16
    exact = np.asarray(x, "float64")
    np.testing.assert_allclose(state["moving_mean"], exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(state["moving_variance"], exact.var(0), rtol=1e-4)


def test_a_large_mean_does_not_swallow_the_variance():
    x = 1e4 + random(64, 2)
    out, _ = trained(layers.BatchNormalization(epsilon=1e-6), x)
    np.testing.assert_allclose(np.std(np.asarray(out), axis=0), 1.0, atol=2e-3)


def test_moving_statistics_converge_and_are_used():
    layer = layers.BatchNormalization(momentum=0.5)
    x = random(256, 2)
    for _ in range(30):
        layer(x, training=True)
    np.testing.assert_allclose(layer.moving_mean, x.mean(0), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, x.var(0), rtol=1e-4)
    np.testing.assert_allclose(layer(x), layer(x, training=True), atol=1e-4)


def test_writes_inside_vmap_are_refused():
    class Mapped(layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm = layers.BatchNormalization()

        def call(self, x):
            return jax.vmap(self.norm)(x)

    layer = Mapped()
    params, state = layer.init(jax.random.key(0), random(2, 3, 4))
    layer.apply(params, state, random(2, 3, 4))
    with pytest.raises(errors.StateWriteError, match="norm"):
        layer.apply(params, state, random(2, 3, 4), training=True)
