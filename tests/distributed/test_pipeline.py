"""Pipelines over layers, against the stages one after the other on one device."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType

import nnlib as nn

AUTO = (AxisType.Auto, AxisType.Auto)
MESH = jax.make_mesh((2, 4), ("data", "stage"), AUTO)
KEYS = jax.random.split(jax.random.key(0), 4)
PARAMS = {
    "kernel": jax.random.normal(KEYS[0], (8, 6, 6)) * 0.4,
    "bias": jax.random.normal(KEYS[1], (8, 6)),
}
X, TARGETS = jax.random.normal(KEYS[2], (12, 6)), jax.random.normal(KEYS[3], (12, 6))


def stage(params, x):
    # A row of zeros has no norm: rows that are none would turn gradients into NaN.
    normal = x / jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True))
    return x + 0.3 * jnp.tanh(normal @ params["kernel"] + params["bias"][None])


def loss(y, targets):
    return jnp.mean((y - targets) ** 2)


def one_after_the_other(params, x):
    for index in range(8):
        x = stage(jax.tree.map(lambda a, i=index: a[i], params), x)
    return x


def gpipe(params, x, microbatches, **options):
    y = nn.distributed.pipeline(stage, params, x, mesh=MESH, microbatches=microbatches, **options)
    return loss(y, TARGETS)


def one_f_one_b(params, x, microbatches):
    return nn.distributed.pipeline_loss(
        stage, loss, params, x, TARGETS, mesh=MESH, microbatches=microbatches
    )


@functools.cache
def sequential():
    function = lambda p, x: loss(one_after_the_other(p, x), TARGETS)  # noqa: E731
    return jax.jit(jax.value_and_grad(function, (0, 1)))(PARAMS, X)


@pytest.mark.parametrize("microbatches", [1, 6])
@pytest.mark.parametrize(
    "schedule",
    [gpipe, functools.partial(gpipe, remat=True), one_f_one_b],
    ids=["gpipe", "gpipe with remat", "1f1b"],
)
def test_loss_and_gradients_are_those_of_one_device(schedule, microbatches):
    function = functools.partial(schedule, microbatches=microbatches)
    found = jax.jit(jax.value_and_grad(function, (0, 1)))(PARAMS, X)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(sequential()), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(b).max())


def test_rows_come_out_in_order():
    y = nn.distributed.pipeline(stage, PARAMS, X, mesh=MESH, microbatches=3)
    np.testing.assert_allclose(y, one_after_the_other(PARAMS, X), rtol=1e-5, atol=1e-6)


def test_a_pipeline_of_1f1b_keeps_less_than_gpipe():
    """Its memory does not grow with the number of microbatches."""
    params = {"kernel": jnp.ones((4, 64, 64)), "bias": jnp.ones((4, 64))}
    x = jnp.ones((512, 64))

    def kept(schedule, count):
        def function(params):
            options = {"mesh": MESH, "microbatches": count}
            if schedule == "gpipe":
                return nn.distributed.pipeline(stage, params, x, **options).sum()
            return nn.distributed.pipeline_loss(stage, loss, params, x, x, **options)

        compiled = jax.jit(jax.grad(function)).lower(params).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert kept("1f1b", 64) < 0.6 * kept("gpipe", 64)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"microbatches": 5}, "divides the rows, got 5"),
        ({"microbatches": 0}, "divides the rows, got 0"),
        ({"axis": "stages"}, "Did you mean 'stage'"),
        ({"mesh": 4}, "jax.sharding.Mesh"),
        ({"stacked_params": jnp.ones((6, 2))}, "a multiple of the 4 devices"),
        ({"stacked_params": {"a": jnp.ones((4, 2)), "b": jnp.ones((8, 2))}}, "Stack them"),
        ({"stage_fn": lambda p, x: x[:, :2]}, "keeps the shapes"),
        ({"stage_fn": lambda p, x: x.astype("bfloat16")}, "keeps the shapes"),
    ],
)
def test_what_is_refused(change, match):
    given = {"stage_fn": stage, "stacked_params": PARAMS, "mesh": MESH, "microbatches": 3}
    with pytest.raises(ValueError, match=match):
        nn.distributed.pipeline(x=X, **(given | change))


@pytest.mark.parametrize(
    ("found", "targets", "match"),
    [(lambda y, t: y - t, TARGETS, "a scalar"), (loss, TARGETS[:6], "a target for each row")],
)
def test_losses_that_are_refused(found, targets, match):
    with pytest.raises(ValueError, match=match):
        nn.distributed.pipeline_loss(stage, found, PARAMS, X, targets, mesh=MESH, microbatches=3)
