"""Ids that are in the table, and ids that are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import errors, layers


def table_layer():
    layer = layers.Embedding(3, 2, name="words")
    layer(jnp.asarray([[0]]))
    layer.set_weights([np.asarray([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])])
    return layer


@pytest.mark.parametrize(("ids", "bad"), [([[0, 3]], 3), ([[-1, 1]], -1), ([[0.0, 9.0]], 9)])
def test_ids_out_of_range_are_named_when_they_are_known(ids, bad):
    with pytest.raises(errors.DataError, match=f"words .*from 0 to 2, got {bad}"):
        table_layer()(jnp.asarray(ids))


def test_ids_out_of_range_are_clipped_under_jit():
    layer = table_layer()
    y = jax.jit(layer.apply)(*layer.variables, jnp.asarray([-1, 5, 1]))[0]
    np.testing.assert_array_equal(y, [[0, 1], [4, 5], [2, 3]])


def test_it_is_one_gather():
    layer = table_layer()
    jaxpr = jax.make_jaxpr(lambda ids: layer.apply(*layer.variables, ids)[0])(jnp.asarray([[1]]))
    names = [eqn.primitive.name for eqn in jaxpr.jaxpr.eqns]
    assert names.count("gather") == 1
    assert set(names) <= {"gather", "broadcast_in_dim", "reshape"}


def test_no_ids_at_all():
    assert table_layer()(jnp.zeros((0, 4), "int32")).shape == (0, 4, 2)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "float32", "bool"])
def test_any_dtype_of_whole_numbers(dtype):
    y = table_layer()(jnp.asarray([1, 0], dtype))
    np.testing.assert_array_equal(y, [[2, 3], [0, 1]])


def test_rows_that_were_not_asked_for_get_no_gradient():
    layer = table_layer()
    gradient = jax.grad(lambda p: layer.apply(p, {}, jnp.asarray([0, 0, 2]))[0].sum())
    np.testing.assert_array_equal(
        gradient(layer.variables[0])["embeddings"], [[2, 2], [0, 0], [1, 1]]
    )


def test_ids_that_are_constants_of_a_program():
    def read(*ids):
        return jax.jit(lambda: layer.apply(*layer.variables, np.array(ids))[0])()

    layer = table_layer()
    np.testing.assert_array_equal(read(2, 0), [[4, 5], [0, 1]])
    with pytest.raises(errors.DataError, match="got 3"):
        read(3)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "bfloat16", "float16"])
def test_gradients_of_a_row_that_is_read_often_are_all_counted(policy):
    layer = layers.Embedding(3, 2, dtype=policy)
    ids = jnp.ones((2048,), "int32")
    params, state = layer.init(jax.random.key(0), ids)
    gradient = jax.jit(jax.grad(lambda p: layer.apply(p, state, ids)[0].astype("float32").sum()))
    np.testing.assert_array_equal(gradient(params)["embeddings"], [[0, 0], [2048, 2048], [0, 0]])
