"""strategy.run on arguments of different shapes, as of a short last batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from tests.distributed.on_two_replicas import TWO, lists, network, of, traced

D = nn.distributed
X = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")


def test_replicas_of_different_shapes():
    def parts(x, weight, name):
        number = D.get_replica_context().replica_id_in_sync_group
        return {"sum": weight * x.sum(), "x": x, "number": number, "size": x.shape[0], "name": name}

    ragged = of([1.0, 2.0], [3.0])
    result = TWO.run(parts, args=(ragged, jnp.full((), 2.0), "a"))
    assert lists(result["sum"]) == [6, 6]
    assert lists(result["x"]) == [[1, 2], [3]]
    assert lists(result["number"]) == [0, 1]
    assert lists(result["size"]) == [2, 1]
    assert result["name"] == "a"
    assert [part.devices() for part in result["x"].values] == [{d} for d in TWO.mesh.devices]
    again = TWO.run(lambda x: x + 1, args=(result["x"],))
    assert lists(again) == [[2, 3], [4]]
    model, params, state = network()
    outputs = TWO.run(lambda p, x: model.apply(p, state, x)[0], args=(params, of(X[:3], X[3:5])))
    np.testing.assert_allclose(TWO.gather(outputs, axis=0), model(X[:5]), atol=1e-6)


def synchronized(x):
    layer = nn.layers.BatchNormalization(synchronized=True)
    params, state = layer.init(jax.random.key(0), x[:, None])
    return layer.apply(params, state, x[:, None], training=True)[0]


def test_one_function_for_even_and_uneven_arguments():
    total, calls = traced(lambda x, scale: scale * x.sum())
    even, ragged, scale = of([1.0, 2.0], [3.0, 4.0]), of([1.0, 2.0], [3.0]), jnp.full((), 2.0)
    for _ in range(2):
        assert lists(TWO.run(total, args=(even, scale))) == [6, 14]
        assert lists(TWO.run(total, args=(ragged, scale))) == [6, 6]
    assert len(calls) == 3


@jax.jit
def compiled_total(x):
    return D.get_replica_context().all_reduce("SUM", jnp.sum(x))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jax.lax.psum(jnp.sum(x), "replica"),
        jax.grad(lambda x: jax.lax.pmean(jnp.sum(x), "replica")),
        lambda x: jax.lax.psum(D.get_replica_context().all_reduce("SUM", jnp.sum(x)), "replica"),
        compiled_total,
        synchronized,
    ],
    ids=["psum", "pmean", "psum of all_reduce", "compiled", "batch normalization"],
)
def test_collectives_that_are_compiled_need_one_shape(function):
    """The parts of other replicas are never left out of a sum."""
    assert float(compiled_total(jnp.ones(2))) == 2  # by itself it is a sum over one replica
    with pytest.raises(RuntimeError, match="drop_remainder=True"):
        TWO.run(function, args=(of([1.0, 2.0], [3.0]),))


def context_of(function):
    """The function with the context of its replica before its arguments."""
    return lambda *args: function(D.get_replica_context(), *args)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda c, x: c.all_reduce("SUM", x.sum()), [6, 6]),
        (lambda c, x: c.all_reduce("MEAN", {"a": x.sum()})["a"], [3, 3]),
        (lambda c, x: c.all_gather(x, axis=0), [[1, 2, 3], [1, 2, 3]]),
        (lambda c, x: c.all_reduce("SUM", 10**c.replica_id_in_sync_group), [11, 11]),
        # As with even shapes: the gradient of a sum over replicas is the sum of the gradients.
        (lambda c, x: jax.grad(lambda w: c.all_reduce("SUM", (w * x).sum()))(1.0), [6, 6]),
        (lambda c, x: jax.grad(lambda x: c.all_reduce("MEAN", x.sum()))(x), [[1, 1], [1]]),
        (
            lambda c, x: jax.grad(lambda x: (c.all_gather(x, 0) * jnp.arange(3.0)).sum())(x),
            [[0, 2], [4]],
        ),
    ],
)
def test_replicas_of_different_shapes_meet(function, expected):
    assert lists(TWO.run(context_of(function), args=(of([1.0, 2.0], [3.0]),))) == expected


def test_a_step_with_a_short_last_batch():
    """Gradients of sums, over all rows: those of one device."""
    model, params, state = network()

    def step(params, x):
        def loss(params):
            return (model.apply(params, state, x)[0] ** 2).sum()

        return D.get_replica_context().all_reduce("SUM", jax.grad(loss)(params))

    found = TWO.run(step, args=(params, of(X[:3], X[3:5])))
    wanted = jax.grad(lambda params: (model.apply(params, state, X[:5])[0] ** 2).sum())(params)
    for own in TWO.experimental_local_results(found):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), own, wanted
        )
    device = jax.tree.leaves(TWO.experimental_local_results(found)[1])[0].devices()
    assert device == {TWO.mesh.devices[1]}


def test_a_function_cannot_go_on_without_the_others():
    def hiding(c, x):
        try:
            return c.all_reduce("SUM", x.sum())
        except Exception:
            return x.sum()

    assert lists(TWO.run(context_of(hiding), args=(of([1.0, 2.0], [3.0]),))) == [6, 6]


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (lambda c, x, lone: c.all_gather(x, 0) if lone else x, "all_gather .* and its end"),
        (lambda c, x, lone: c.all_reduce("SUM", {"ab"[lone]: x.sum()}), r"\['a'\] and .*\['b'\]"),
        (lambda c, x, lone: c.all_reduce("SUM", x), r"float32\[1\] and .* float32\[2\]"),
        (lambda c, x, lone: c.all_gather(x[None] * jnp.ones((2, 1)), int(lone)), "axis 0 and"),
        (lambda c, x, lone: c.all_gather(x.astype("int32") if lone else x, 0), "float32.*int32"),
    ],
    ids=["end", "tree", "shape", "axis", "dtype"],
)
def test_replicas_that_exchange_different_things_end(function, what):
    def told(c, x):
        c.all_reduce("SUM", x.sum())
        return function(c, x, x.shape[0] == 1)

    with pytest.raises(RuntimeError, match=f"in one order, got .*{what}"):
        TWO.run(context_of(told), args=(of([1.0, 2.0], [3.0]),))


def test_replicas_that_do_not_meet_end():
    def failing(c, x):
        return c.all_reduce("SUM", x.sum()) / (1 if x.shape[0] == 1 else nonsense)  # noqa: F821

    with pytest.raises(NameError, match="nonsense"):
        TWO.run(context_of(failing), args=(of([1.0, 2.0], [3.0]),))


def test_names_that_are_missing_are_not_mistaken_for_collectives():
    with pytest.raises(NameError, match="my_axis"):
        TWO.run(lambda x: x.sum(my_axis), args=(of([1.0, 2.0], [3.0]),))  # noqa: F821


def test_results_must_have_one_structure():
    with pytest.raises(ValueError, match="one structure"):
        TWO.run(lambda x: (x,) * x.shape[0], args=(of([1.0, 2.0], [3.0]),))
