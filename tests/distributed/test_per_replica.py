"""Functions by replica: collectives, axes, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

FOUR = jax.devices()[:4]
X = np.arange(8.0, dtype="float32").reshape(4, 2)


def per_replica(fn, **options):
    return nn.distributed.per_replica(fn, devices=FOUR, **options)


def test_a_step_of_data_parallel_research_code():
    """Raw gradients: the mean over replicas is that of the whole batch, without a factor."""
    rng = np.random.default_rng(0)
    w, x, y = (rng.normal(size=s).astype("float32") for s in ((3,), (4, 5, 3), (4, 5)))

    def loss(w, x, y):
        return jnp.mean((x @ w - y) ** 2)

    def step(w, batch):
        value, grad = jax.value_and_grad(loss)(w, *batch)
        return jax.lax.pmean((value, w - grad), "replica")

    found = per_replica(step, in_axes=(None, 0), out_axes=None)(w, (x, y))
    value, grad = jax.value_and_grad(loss)(w, x.reshape(20, 3), y.reshape(20))
    np.testing.assert_allclose(found[0], value, rtol=1e-6)
    np.testing.assert_allclose(found[1], w - grad, rtol=1e-6)


def test_each_replica_is_itself():
    out = per_replica(lambda x: x + jax.lax.axis_index("replica"))(X)
    np.testing.assert_array_equal(out, X + np.arange(4)[:, None])
    assert {shard.data.shape for shard in out.addressable_shards} == {(1, 2)}


def test_the_gradient_of_a_sum_is_a_sum():
    def one(x):
        return jax.grad(lambda x: jax.lax.psum(x**2, "replica"))(x)

    np.testing.assert_array_equal(per_replica(one)(X[:, 0]), 4 * 2 * X[:, 0])


def test_axes_and_static_arguments():
    def one(tree, power, offset):
        assert tree["a"].shape == (2,)
        return tree["a"] ** power + tree["b"] + offset, tree["a"].sum()

    run = per_replica(
        one, in_axes=({"a": 1, "b": None}, None, 0), out_axes=(1, 0), static_argnums=1
    )
    given = {"a": X.T, "b": np.float32(1)}
    out, total = run(given, 2, X[:, 0])
    np.testing.assert_array_equal(out, X.T**2 + 1 + X[:, 0])
    np.testing.assert_array_equal(total, X.sum(1))
    np.testing.assert_array_equal(run(given, 3, X[:, 0])[0], X.T**3 + 1 + X[:, 0])


def test_donated_arguments_are_gone():
    given = per_replica(lambda x: x)(X)
    out = per_replica(lambda x: x + 1, donate_argnums=0)(given)
    np.testing.assert_array_equal(out, X + 1)
    assert given.is_deleted()


@pytest.mark.parametrize(
    ("options", "given", "match"),
    [
        ({}, X[:3], r"4 entries, one for each device, on axis 0 of argument 0, got shape \(3, 2\)"),
        ({"in_axes": 1}, X, "on axis 1"),
        ({"in_axes": (0, 0)}, X, "each of 1 arguments"),
        ({"in_axes": -1}, X, "axes from 0 on"),
    ],
)
def test_what_is_refused(options, given, match):
    with pytest.raises(ValueError, match=match):
        per_replica(lambda x: x, **options)(given)
    with pytest.raises(ValueError, match="static_argnums from 0 on"):
        per_replica(lambda x: x, static_argnums=-1)
