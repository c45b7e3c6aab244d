"""The masks of Dropout."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import errors, layers


def drop(layer, x, seed=0):
    return layer.apply({}, {}, x, training=True, rng=jax.random.key(seed))[0]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_of_zeros_and_the_mean(rate):
    y = np.asarray(drop(layers.Dropout(rate), jnp.ones((200, 100))))
    assert abs((y == 0).mean() - rate) < 0.01
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6)
    assert abs(y.mean() - 1) < 0.03


def test_inference_changes_nothing_and_needs_no_key():
    x = jnp.arange(6.0)
    assert layers.Dropout(0.5).apply({}, {}, x)[0] is x


def test_no_rate_draws_nothing():
    x = jnp.arange(6.0)
    np.testing.assert_array_equal(layers.Dropout(0.0).apply({}, {}, x, training=True)[0], x)


def test_full_rate_gives_zeros_and_finite_gradients():
    layer = layers.Dropout(1.0)
    gradient = jax.grad(lambda x: drop(layer, x).sum())(jnp.ones(4))
    np.testing.assert_array_equal(gradient, np.zeros(4))


def test_noise_shape_shares_a_draw():
    y = np.asarray(drop(layers.Dropout(0.5, noise_shape=(None, 1, None)), jnp.ones((8, 5, 6))))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert len(np.unique(y[:, 0])) == 2


def test_seed_changes_the_draw_but_not_its_dependence_on_the_step():
    x = jnp.ones(50)
    plain, one, two = (drop(layers.Dropout(0.5, seed=s), x) for s in (None, 1, 2))
    again = drop(layers.Dropout(0.5, seed=1), x)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, two)
    assert not np.array_equal(one, plain)
    assert not np.array_equal(one, drop(layers.Dropout(0.5, seed=1), x, seed=7))


def test_eager_calls_draw_anew():
    layer = layers.Dropout(0.5)
    x = jnp.ones(50)
    first, second = layer(x, training=True), layer(x, training=True)
    assert not np.array_equal(first, second)


def test_rows_of_a_vmap_need_keys_of_their_own():
    class Rows(layers.Layer):
        def __init__(self, keyed):
            super().__init__()
            self.keyed, self.drop = keyed, layers.Dropout(0.5)

        def call(self, x):
            if not self.keyed:
                return jax.vmap(self.drop)(x)
            keys = jax.random.split(self.next_key(), x.shape[0])
            return jax.vmap(lambda row, key: self.drop(row, key=key))(x, keys)

    x = jnp.ones((4, 50))
    with pytest.raises(errors.RandomKeyError, match=r"drop .*key=k"):
        drop(Rows(keyed=False), x)
    rows = np.asarray(drop(Rows(keyed=True), x))
    assert len({row.tobytes() for row in rows}) == 4
