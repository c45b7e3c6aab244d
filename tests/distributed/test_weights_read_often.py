"""Weights that a model reads several times in a step, and rows that are no first axis."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import nnlib as nn

IDS = np.random.default_rng(0).integers(0, 40, (16, 5)).astype("int32")
WORDS, SIZE = 40, 24
MESH = jax.make_mesh((8,), ("data",), (AxisType.Auto,))


class Tied(nn.layers.Layer):
    """Reads its table twice, and its kernel again and again, within loops, too."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table = nn.layers.Embedding(WORDS, SIZE, "normal", dtype=self.dtype_policy)
        self.dense = nn.layers.Dense(SIZE, "tanh", dtype=self.dtype_policy)

    def call(self, ids):
        x = self.dense(self.dense(self.table(ids)))
        x = jax.checkpoint(self.dense)(x)
        x, _ = jax.lax.scan(lambda x, _: (x + self.dense(x), None), x, length=2)
        return self.table(x, reverse=True) if self.reversible else x @ self.table.embeddings.T

    reversible = False


class Reversible(Tied):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        names = {"embeddings_initializer": "normal", "dtype": self.dtype_policy}
        self.table = nn.layers.ReversibleEmbedding(WORDS, SIZE, **names)

    reversible = True


def gradients_of(layer, policy="float32"):
    """Compiled on a mesh with cut weights; the same on one device; the text of the first."""
    model = nn.Sequential([nn.Input((5,), dtype="int32"), layer(dtype=policy)])
    where = nn.distributed.shardings(model, MESH)
    params, state = model.init(jax.random.key(0))

    def loss(params, ids):
        logits = model.apply(params, state, ids)[0].astype("float32")
        return -jnp.mean(jax.nn.log_softmax(logits)[..., 0])

    def on_the_mesh(params, ids):
        with nn.distributed.gathered_at_use(model, MESH):
            return loss(params, ids)

    cut = (where[0], NamedSharding(MESH, P("data")))
    run = jax.jit(jax.grad(on_the_mesh), in_shardings=cut, out_shardings=where[0])
    text = run.lower(params, IDS).as_text()
    return run(params, IDS), jax.jit(jax.grad(loss))(params, IDS), text


@pytest.mark.parametrize("layer", [Tied, Reversible])
def test_gradients_are_those_of_one_device(layer):
    found, expected, text = gradients_of(layer)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6 * max(1e-3, np.abs(b).max()))
    sums = re.findall(rf"add (%\w+), (%\w+) : tensor<{WORDS}x{SIZE}xf32>", text)
    parts = sums[-1]  # of the lookup, and of the product
    for part in parts:
        assert re.search(rf"{part} = sdy.sharding_constraint", text), part


def test_sixteen_bits_are_gathered_once():
    found, expected, text = gradients_of(Reversible, "mixed_bfloat16")
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == "float32"
        np.testing.assert_allclose(a, b, atol=4e-2 * np.abs(b).max())
    casts = re.findall(rf"convert (%\w+) : \(tensor<{WORDS}x{SIZE}xf32>\) -> tensor<.*bf16>", text)
    weight, sums = casts  # once, and the gradients of the lookup, which are summed in 32 bits
    assert "arg" in weight
    assert "arg" not in sums


@pytest.mark.parametrize(
    ("shape", "rows"), [({"data": 8}, 8), ({"data": 8}, 6), ({"data": 4, "model": 2}, 8)]
)
def test_sixteen_bits_count_each_look_at_a_row(shape, rows):
    """One after the other they would stop at 256."""
    mesh = jax.make_mesh((*shape.values(),), (*shape,), (AxisType.Auto,) * len(shape))
    layer = nn.layers.Embedding(8, 8, dtype="mixed_bfloat16")
    model = nn.Sequential([nn.Input((1024,), dtype="int32"), layer])
    params, state = model.init(jax.random.key(0))

    def total(params, ids):
        with nn.distributed.gathered_at_use(model, mesh):
            return model.apply(params, state, ids)[0].astype("float32").sum()

    where = nn.distributed.shardings(model, mesh)[0]
    cut = (where, NamedSharding(mesh, P("data" if rows == 8 else None)))
    run = jax.jit(jax.grad(total), in_shardings=cut, out_shardings=where)
    (gradient,) = jax.tree.leaves(run(params, np.ones((rows, 1024), "int32")))
    one = np.eye(8)[1][:, None] * np.ones(8)
    np.testing.assert_array_equal(gradient, 1024 * rows * one)


@pytest.mark.parametrize(
    "strategy", [nn.distributed.MirroredStrategy, nn.distributed.ShardedStrategy]
)
def test_recurrent_layers_keep_their_rows(strategy):
    """Time comes first within them: rows of a batch must not be brought together for that."""
    with strategy().scope():
        model = nn.Sequential([nn.Input((6, 16)), nn.layers.SimpleRNN(8)])
        model.compile("sgd", "mse")
    found = nn.distributed.plan(model, model.distribute_strategy, 64, verbose=False)
    gathered = sum(one.bytes for one in found.collectives if one.kind == "all-gather")
    assert gathered <= 4 * model.count_params()
    alone = np.random.default_rng(0).normal(size=(16, 6, 16)).astype("float32")
    np.testing.assert_allclose(model.predict(alone, verbose=0), model(alone), atol=1e-6)
