"""nn.random draws, for an integer seed, the numbers that Keras draws; and is pure for a key."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

X = np.arange(24, dtype="float32").reshape(4, 6)
KEY = jnp.array([1337, 0], "uint32")  # what 1337 stands for, as Keras takes it too
ROWS = [
    ("normal", ((3, 4),), {"mean": 1.0, "stddev": 2.0}),
    ("normal", ((),), {"dtype": "float16"}),
    ("truncated_normal", ((3, 4),), {"mean": 1.0, "stddev": 2.0}),
    ("uniform", ((3, 4),), {"minval": -1.0, "maxval": 2.0}),
    ("randint", ((3, 4),), {"minval": -3, "maxval": 9}),
    ("randint", ((3, 4), 0, 200), {"dtype": "uint8"}),
    ("categorical", (np.log([[0.2, 0.8, 0.1], [0.4, 0.3, 0.3]]), 5), {}),
    ("shuffle", (X,), {"axis": 1}),
    ("dropout", (X, 0.4), {}),
    ("dropout", (X, 0.4), {"noise_shape": (None, 1)}),
    ("dropout", (X, 0), {}),
    ("dropout", (X, 1.0), {}),
    ("gamma", ((2, 3), np.full((2, 3), 0.5, "float32")), {}),
    ("beta", ((2, 3), np.full((2, 3), 0.5), np.full((2, 3), 2.0)), {}),
    ("binomial", ((2, 3), np.full((2, 3), 5), np.full((2, 3), 0.3)), {}),
]


@pytest.mark.parametrize(("name", "given", "options"), ROWS)
def test_the_numbers_of_keras(keras, name, given, options):
    ours, theirs = getattr(nn.random, name), getattr(keras.random, name)
    seed = 1337 if "normal" in name else KEY  # with the same arrays JAX compiles only once
    want = np.asarray(theirs(*given, **options, seed=seed))
    with jax.numpy_rank_promotion("raise"):
        got = np.asarray(ours(*given, **options, seed=seed))
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", nn.random.__all__)
def test_signatures(keras, name):
    ours, theirs = (
        [
            (p.name, p.default)
            for p in inspect.signature(getattr(m.random, name)).parameters.values()
        ]
        for m in (nn, keras)
    )
    assert ours == [pair for pair in theirs if pair[0] != "kwargs"]


def test_every_name_of_keras(keras):
    assert {name for name in dir(keras.random) if not name.startswith("_")} == {*nn.random.__all__}


def test_generators_go_on_as_those_of_keras(keras):
    mine, its = nn.random.SeedGenerator(5), keras.random.SeedGenerator(5)
    for _ in range(3):
        got, want = (m.random.normal((2,), seed=g) for m, g in ((nn, mine), (keras, its)))
        np.testing.assert_array_equal(got, want)
    for _ in range(3):
        key = jax.random.key_data(mine.next(ordered=False))
        np.testing.assert_array_equal(key, its.next(ordered=False))
    np.testing.assert_array_equal(mine.state, its.state.value)
    assert nn.random.SeedGenerator.from_config(mine.get_config()).state.tolist() == [5, 0]


def test_a_key_makes_it_pure():
    keys = jax.random.split(jax.random.key(0), 3)
    draws = jax.jit(jax.vmap(lambda key: nn.random.normal((2,), seed=key)))(keys)
    for key, draw in zip(keys, draws, strict=True):
        np.testing.assert_array_equal(nn.random.normal((2,), seed=key), draw)
        raw = nn.random.normal((2,), seed=jax.random.key_data(key))
        np.testing.assert_array_equal(raw, draw)


def test_without_a_seed_the_process_decides():
    def draw():
        nn.utils.set_random_seed(3)
        return nn.random.normal((2,)), nn.random.normal((2,)), nn.random.SeedGenerator().state

    first, again = draw(), draw()
    np.testing.assert_array_equal(np.stack(first[:2]), np.stack(again[:2]))
    np.testing.assert_array_equal(first[2], again[2])
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("seed", [None, nn.random.SeedGenerator(1)])
def test_a_draw_that_would_become_a_constant_is_refused(seed):
    with pytest.raises(nn.errors.RandomKeyError, match="every run would draw the same"):
        jax.jit(lambda: nn.random.normal((2,), seed=seed))()


class Noise(nn.layers.Layer):
    """As Keras users write it."""

    def __init__(self, seed=None):
        super().__init__()
        self.seed_generator = nn.random.SeedGenerator(seed) if seed is not None else None

    def call(self, x):
        return x + nn.random.normal(x.shape, seed=self.seed_generator)


@pytest.mark.parametrize("seed", [None, 7])
def test_inside_call_the_keys_come_from_the_call(seed):
    model, x = nn.Sequential([nn.Input((3,)), Noise(seed), Noise(seed)]), jnp.zeros((2, 3))
    params, state = model.init(jax.random.key(0), x)

    @jax.jit
    def run(key):
        return model.apply(params, state, x, rng=key)[0]

    one, two, again = (run(jax.random.key(n)) for n in (1, 2, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, two)
    assert 0.5 < np.std(np.concatenate([run(jax.random.key(n)) for n in range(50)])) / 2**0.5 < 1.5
    assert np.isfinite(model(x)).all()
    with pytest.raises(nn.errors.RandomKeyError, match="rng="):
        model.apply(params, state, x)


def test_seeds_of_any_size():
    for seed in (-1, 2**31, 2**40 + 3, np.int64(5)):
        assert nn.random.uniform((2,), seed=seed).shape == (2,)
    np.testing.assert_array_equal(
        nn.random.uniform((2,), seed=-1), nn.random.uniform((2,), seed=2**32 - 1)
    )
