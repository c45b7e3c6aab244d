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


HEAD, SHARED = jax.random.normal(KEYS[0], (6, 6)), jax.random.normal(KEYS[1], (1, 6))
ROW_KEYS = jax.random.split(jax.random.key(1), 12)
STAGE_KEYS = jax.random.split(jax.random.key(2), 5)


def whole_model(body, params, shared, head, x):
    """A layer behind the stages, a weight that all of these use, dropout, a mask."""

    def noisy_stage(own, inputs):
        (params, key), (x, row_keys, counts) = own, inputs
        keys = jax.vmap(lambda row: jax.random.fold_in(row, jax.random.bits(key)))(row_keys)
        kept = jax.vmap(lambda key: jax.random.bernoulli(key, 0.7, (6,)))(keys)
        y = stage(params, x + shared) * kept
        return jnp.where(counts[:, None], y, x), row_keys, counts

    def error(y, targets):
        return loss(y[0] @ head, targets)

    inputs = (x, ROW_KEYS, jnp.arange(12) % 3 > 0)
    return body(noisy_stage, error, (params, STAGE_KEYS), inputs)


def by_gpipe(stage, error, params, x):
    return error(nn.distributed.pipeline(stage, params, x, mesh=MESH, microbatches=4), TARGETS)


def by_1f1b(stage, error, params, x):
    options = {"mesh": MESH, "microbatches": 4}
    return nn.distributed.pipeline_loss(stage, error, params, x, TARGETS, **options)


def on_one_device(stage, error, params, x):
    return error(jax.lax.scan(lambda x, one: (stage(one, x), None), x, params)[0], TARGETS)


def test_models_around_five_stages_on_four_devices_and_what_these_read():
    """Gradients with respect to everything are those of one device, and so is dropout."""
    five = jax.tree.map(lambda a: a[:5], PARAMS)

    def gradients(body):
        function = functools.partial(whole_model, body)
        return jax.jit(jax.value_and_grad(function, (0, 1, 2, 3)))(five, SHARED, HEAD, X)

    wanted = gradients(on_one_device)
    for body in (by_gpipe, by_1f1b):
        for a, b in zip(*map(jax.tree.leaves, (gradients(body), wanted)), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(b).max())


def test_a_pipeline_of_1f1b_keeps_less_than_gpipe():
    """Its memory does not grow with the number of microbatches."""
    params = {"kernel": jnp.ones((4, 64, 64)), "bias": jnp.ones((4, 64))}

    def kept(schedule, count):
        x = jax.ShapeDtypeStruct((8 * count, 64), "float32")

        def function(params, x):
            options = {"mesh": MESH, "microbatches": count}
            if schedule == "gpipe":
                return nn.distributed.pipeline(stage, params, x, **options).sum()
            return nn.distributed.pipeline_loss(stage, loss, params, x, x, **options)

        compiled = jax.jit(jax.grad(function)).lower(params, x).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    few, many = kept("1f1b", 16), kept("1f1b", 64)
    assert many < 1.05 * few < 0.6 * kept("gpipe", 16)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"microbatches": 5}, "divides the rows, got 5"),
        ({"microbatches": 0}, "divides the rows, got 0"),
        ({"axis": "stages"}, "Did you mean 'stage'"),
        ({"mesh": 4}, "jax.sharding.Mesh"),
        ({"stacked_params": {}}, "the stages on the first axis"),
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
