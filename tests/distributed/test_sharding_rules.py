"""Rules for cutting weights: what they cut, what stays whole, what is refused."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, Mesh
from jax.sharding import PartitionSpec as P

import nnlib as nn
from nnlib.core.tree import flatten

MESH = Mesh(np.array(jax.devices()).reshape(4, 2), ("data", "model"))


@pytest.fixture(scope="module")
def model():
    return nn.Sequential(
        [nn.Input((12,)), nn.layers.Dense(16, name="up"), nn.layers.Dense(6, name="down")]
    )


def specs(model, rules, **options):
    params, _ = nn.distributed.shardings(model, MESH, rules, **options)
    return {path: where.spec for path, where in flatten(params).items()}


@pytest.mark.parametrize(
    ("rules", "options", "kernel", "bias"),
    [
        (None, {}, P("data"), P("data")),
        (None, {"fsdp": ("data", "model")}, P(None, ("data", "model")), P(("data", "model"))),
        (None, {"fsdp": ()}, P(), P()),
        ({"out": "model"}, {}, P("data", "model"), P(("model", "data"))),
        ({"in": "model"}, {"fsdp": ()}, P("model"), P()),
        ({"up/*": P()}, {}, P(), P()),
        ({"*kernel": P(None, "model")}, {}, P("data", "model"), P("data")),
        ({re.compile("^up/k"): P("model")}, {"fsdp": ()}, P("model"), P()),
        ({"up/kernel": P("model"), "out": "model"}, {"fsdp": ()}, P("model"), P("model")),
        ({"up/kernel": P(None, ("data", "model"))}, {"fsdp": ()}, P(None, ("data", "model")), P()),
        ({"up/kernel": P(("data", "model"))}, {"fsdp": ()}, P(), P()),  # 8 do not divide 12
    ],
)
def test_what_is_cut(model, rules, options, kernel, bias):
    found = specs(model, rules, **options)
    assert found["up/kernel"] == kernel
    assert found["up/bias"] == bias


@pytest.mark.parametrize(
    ("rules", "match"),
    [
        ({"upp/kernel": P("model")}, r"'upp/kernel', which .* Did you mean 'up/kernel'"),
        ({"outs": "model"}, "logical axes. Did you mean 'out'"),
        ({"*": P(None, "model")}, "at most 1 dimensions for up/bias"),
        ({"*/kernel": P("modle")}, "Did you mean 'model'"),
        ({"in": "model", "out": "model"}, "at most once over each axis"),
        ({"*/kernel": P("model", "model")}, "every axis once"),
        ({"out": None}, "a PartitionSpec for a path"),
        ({"out": 3}, "a PartitionSpec for a path"),
        ([("out", "model")], "rules as a dict"),
    ],
)
def test_rules_that_are_refused(model, rules, match):
    with pytest.raises(ValueError, match=match):
        nn.distributed.shardings(model, MESH, rules)


@pytest.mark.parametrize(
    ("mesh", "options", "match"),
    [
        ({"data": 3, "model": 3}, {}, "8 devices"),
        ({"data": -1, "model": -1}, {}, "at most one of them -1"),
        ({"data": 0}, {}, "at least 1"),
        ({"data": -1, "model": 3}, {}, "8 devices"),
        (8, {}, "sizes by name"),
        (jax.make_mesh((8,), ("data",), (AxisType.Explicit,)), {}, "automatic axes"),
        ({"date": 8}, {}, "Did you mean 'date'"),
        ({"data": 8}, {"fsdp": "model"}, "The mesh has data"),
        ({"data": 8}, {"remat": True}, "expected remat"),
        (MESH, {"devices": ["cpu:0"]}, "got both"),
    ],
)
def test_meshes_that_are_refused(mesh, options, match):
    with pytest.raises(ValueError, match=match):
        nn.distributed.ShardedStrategy(mesh, **options)


def test_a_model_without_shapes_is_refused():
    with pytest.raises(nn.errors.NotBuiltError, match="input shapes"):
        nn.distributed.shardings(nn.Sequential([nn.layers.Dense(2)]), MESH)


def test_rules_about_nothing_are_refused_when_a_model_is_trained():
    with nn.distributed.ShardedStrategy(rules={"head/kernel": P("data")}).scope():
        made = nn.Sequential([nn.Input((8,)), nn.layers.Dense(8)])
        made.compile("sgd", "mse")
    with pytest.raises(ValueError, match="'head/kernel'"):
        made.fit(np.ones((8, 8)), np.ones((8, 8)), verbose=0)


def test_a_path_with_the_name_of_an_axis(model):
    with pytest.raises(ValueError, match=r"A path takes a PartitionSpec: \{'up/\*'"):
        nn.distributed.shardings(model, MESH, {"up/*": "model"})


def test_the_summary_tells_what_stays_whole(model):
    lines = []
    strategy = nn.distributed.ShardedStrategy({"data": -1, "model": 4}, {"out": "model"})
    strategy.summary(model, lines.append)
    (text,) = lines
    assert "data=2 model=4" in text
    assert re.search(r"up/kernel +\(12, 16\) +data, model +-, model +96\n", text)
    assert re.search(r"down/kernel .* data +whole +192 +dimension 1 of 6 is not divisible", text)
    sizes = (12 * 16 + 16 + 16 * 6 + 6) * 4
    assert f"{sizes:,} bytes of weights" in text


def test_slots_follow_their_weights(model):
    params, _ = model.init(jax.random.key(0))
    opt = jax.eval_shape(optax.adam(1e-3).init, params)
    where = nn.distributed.shardings(model, MESH, of=opt)
    cut = {s.spec for s in jax.tree.leaves(where[0].mu)}
    assert cut == {P("data"), P()}  # a bias of 6 stays whole
    assert where[0].count.spec == P()
    assert jax.tree.structure(where) == jax.tree.structure(opt)


def test_the_pure_interface_in_jit(model):
    """Draw, gradient and update stay cut in `jax.jit`, and are those of one device."""
    where = nn.distributed.shardings(model, MESH, {"out": "model"})
    params, state = jax.jit(model.init, out_shardings=where)(jax.random.key(0))
    alone, _ = model.init(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (16, 12))

    def loss(params, gathered):
        with gathered:
            return jnp.sum(jnp.sin(model.apply(params, state, x)[0]))

    with jax.numpy_rank_promotion("raise"):
        gathered = nn.distributed.gathered_at_use(model, MESH, {"out": "model"})
        grads = jax.jit(jax.grad(lambda p: loss(p, gathered)), out_shardings=where[0])(params)
    expected = jax.grad(lambda p: jnp.sum(jnp.sin(model.apply(p, {}, x)[0])))(alone)
    for path, found in flatten(grads).items():
        assert found.sharding == flatten(where[0])[path]
    jax.tree.map(np.testing.assert_array_equal, params, alone)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), grads, expected
    )
