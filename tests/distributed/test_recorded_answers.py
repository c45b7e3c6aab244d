"""What TensorFlow 2.21 answered, and its public tests expect, of run, reduce, gather and contexts.

Facts only: recorded from MirroredStrategy on logical CPUs. Errors are of the kinds it raises.
"""

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

D = nn.distributed
TWO = D.MirroredStrategy(["cpu:0", "cpu:1"])
FOUR = D.MirroredStrategy([f"cpu:{i}" for i in range(4)])
LONE = D.MirroredStrategy(["cpu:0"])
ONE = D.OneDeviceStrategy("cpu:1")
DEFAULT = D.get_strategy()
ALONE = [LONE, ONE, DEFAULT]
TABLES = [[[1, 2, 3], [3, 4, 5]], [[5, 6, 7], [7, 8, 10]]]


def of(*values, strategy=TWO, dtype="float32"):
    """A PerReplica of arrays."""

    def value(context):
        return np.asarray(values[context.replica_id_in_sync_group], dtype)

    return strategy.experimental_distribute_values_from_function(value)


def lists(value, strategy=TWO):
    """The values of the replicas as lists."""
    return [np.asarray(part).tolist() for part in strategy.experimental_local_results(value)]


# reduce ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "values", "axis", "expected"),
    [
        (D.ReduceOp.SUM, ([1, 2], [3, 4]), None, [4, 6]),
        (D.ReduceOp.MEAN, ([1, 2], [3, 4]), None, [2, 3]),
        ("SUM", ([1, 2], [3, 4]), None, [4, 6]),
        ("mean", ([1, 2], [3, 4]), None, [2, 3]),
        ("Mean", (1, 2), None, 1.5),
        ("SUM", TABLES, 0, [16, 20, 25]),
        ("MEAN", TABLES, 0, [4, 5, 6.25]),
        ("SUM", TABLES, -1, [24, 37]),
        ("MEAN", TABLES, 1, [4, 6.1666665]),
        ("MEAN", TABLES, (0,), [4, 5, 6.25]),
        ("SUM", TABLES, (0, 1), 61),
        ("MEAN", TABLES, (0, 1), 5.0833335),
        ("MEAN", TABLES, (), [[3, 4, 5], [5, 6, 7.5]]),
        ("SUM", TABLES, (), [[6, 8, 10], [10, 12, 15]]),
        # A mean weighs elements, not replicas.
        ("MEAN", ([0, 1, 2], [10]), 0, 3.25),
        ("SUM", ([0, 1, 2], [10]), 0, 13),
        ("MEAN", ([[0, 1], [1, 2]], [[10, 1]]), 0, [3.6666667, 1.3333334]),
        ("MEAN", ([[0, 1], [1, 2]], [[10, 1]]), (0, 1), 2.5),
        ("MEAN", ([1, 2], []), 0, 1.5),
        ("MEAN", ([], []), 0, np.nan),
    ],
)
def test_reduce(op, values, axis, expected):
    np.testing.assert_allclose(TWO.reduce(op, of(*values), axis=axis), expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("values", "axis", "expected"),
    [(([0, 1], [1, 1]), 0, 0.75), ((0, 1), None, 0.5), ((0, 1), (), 0.5)],
)
@pytest.mark.parametrize("dtype", ["int32", "int8"])
def test_a_mean_of_integers_is_a_float(values, axis, expected, dtype):
    mean = TWO.reduce("MEAN", of(*values, dtype=dtype), axis=axis)
    assert float(mean) == expected
    assert mean.dtype == "float32"
    assert TWO.reduce("SUM", of(0, 1, dtype="int32"), axis=None).dtype == "int32"


def test_a_mean_keeps_small_floats():
    mean = TWO.reduce("MEAN", of([1, 2], [3, 5], dtype=jnp.bfloat16), axis=0)
    assert (float(mean), mean.dtype) == (2.75, jnp.bfloat16)


@pytest.mark.parametrize(
    ("op", "values", "axis", "error"),
    [
        ("MAX", (1, 2), None, ValueError),
        ("max", (1, 2), None, ValueError),
        (None, (1, 2), None, ValueError),
        (3, (1, 2), None, ValueError),
        ("MEAN", ([0, 1, 2], [10]), None, ValueError),
        ("SUM", ([0, 1, 2], [10, 1]), None, ValueError),
        ("MEAN", ([[0, 1], [1, 2]], [[10, 1]]), 1, ValueError),
        ("MEAN", ([[0, 1]], [[10, 1, 2]]), 0, ValueError),
        ("MEAN", ([[0, 1]], [10, 1]), 0, ValueError),
        ("MEAN", (1, 2), 0, ValueError),
        ("SUM", TABLES, 2, ValueError),
        ("SUM", TABLES, -3, ValueError),
        ("SUM", TABLES, "x", ValueError),
        ("SUM", TABLES, True, ValueError),
        ("SUM", TABLES, (0, -2), ValueError),
    ],
)
def test_reduce_refuses(op, values, axis, error):
    with pytest.raises(error):
        TWO.reduce(op, of(*values), axis=axis)


def test_reduce_needs_an_axis_and_numbers():
    with pytest.raises(TypeError, match="axis"):
        TWO.reduce("SUM", of(1, 2))
    with pytest.raises(TypeError, match="dtype bool"):
        TWO.reduce("SUM", of(True, False, dtype=bool), axis=None)


def test_trees_are_reduced_and_gathered_leaf_by_leaf():
    assert float(TWO.reduce("SUM", {"a": of(1, 2)}, axis=None)["a"]) == 3
    both = TWO.reduce("SUM", (of([1], [2]), of([3], [4])), axis=0)
    assert [float(total) for total in both] == [3, 7]
    assert TWO.gather({"a": of([1], [2])}, axis=0)["a"].tolist() == [1, 2]


def test_values_that_no_replica_computed():
    plain = np.array([1.0, 2.0], "float32")
    for value in (plain, 3, None):
        assert TWO.reduce("MEAN", value, axis=None) is value
        with pytest.raises(ValueError, match=r"strategy\.run"):
            TWO.reduce("SUM", value, axis=None)
    assert float(TWO.reduce("SUM", plain, axis=0)) == 6  # each replica has it
    assert float(TWO.reduce("MEAN", plain, axis=0)) == 1.5
    assert TWO.gather(plain, axis=0) is plain


@pytest.mark.parametrize("strategy", ALONE)
def test_with_one_replica_values_are_themselves(strategy):
    plain = jnp.array([1.0, 2.0])
    for op in ("SUM", "MEAN"):
        assert strategy.reduce(op, plain, axis=None) is plain
        assert strategy.reduce(op, 3, axis=None) == 3
    assert float(strategy.reduce("SUM", plain, axis=0)) == 3
    assert float(strategy.reduce("MEAN", plain, axis=0)) == 1.5
    assert strategy.gather(plain, axis=0) is plain
    assert strategy.experimental_local_results(plain) == (plain,)
    assert strategy.num_replicas_in_sync == 1


# gather ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "axis", "expected"),
    [
        (([1, 2], [3]), 0, [1, 2, 3]),
        (([1], [3, 4]), 0, [1, 3, 4]),
        (([1, 2], [3, 4]), 0, [1, 2, 3, 4]),
        (([[1, 2]], [[3]]), 1, [[1, 2, 3]]),
        (([[1, 2]], [[3]]), -1, [[1, 2, 3]]),
        (([[1, 2]], [[3, 4]]), 0, [[1, 2], [3, 4]]),
        (([[1, 2]], [[3, 4]]), 1, [[1, 2, 3, 4]]),
        (([], [3]), 0, [3]),
    ],
)
def test_gather(values, axis, expected):
    assert TWO.gather(of(*values), axis=axis).tolist() == expected


@pytest.mark.parametrize(
    ("values", "axis"),
    [
        ((1, 2), 0),
        (([[1, 2]], [[3]]), 0),
        (([[1, 2]], [3]), 0),
        (([1], [2]), 1),
        (([1], [2]), None),
    ],
)
def test_gather_refuses(values, axis):
    with pytest.raises(ValueError, match="gather: expected"):
        TWO.gather(of(*values), axis=axis)


# run ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", [TWO, *ALONE])
def test_constants_are_returned_as_they_are(strategy):
    result = strategy.run(lambda: (3, None, "x", 2.5, True))
    assert result == (3, None, "x", 2.5, True)
    assert [type(value) for value in result] == [int, type(None), str, float, bool]
    assert strategy.run(lambda x, y: x + y, kwargs={"x": 1, "y": 2}) == 3
    assert strategy.run(lambda x: x is None, args=(None,)) is True
    assert strategy.run(lambda: {"b": 1, "a": [2, ()]}) == {"a": [2, ()], "b": 1}


def test_arguments_are_split_or_broadcast():
    result = TWO.run(lambda x, y: (x["a"] + y,), args=({"a": of([1], [2])}, jnp.full(1, 10.0)))
    assert isinstance(result[0], D.PerReplica)
    assert lists(result[0]) == [[11], [12]]
    numbers = TWO.experimental_distribute_values_from_function(
        lambda context: context.replica_id_in_sync_group
    )
    assert numbers.values == (0, 1)
    assert lists(TWO.run(lambda x: x + 1, args=[numbers])) == [1, 2]


@pytest.mark.parametrize("strategy", ALONE)
def test_results_of_one_replica_are_arrays(strategy):
    result = strategy.run(lambda x: {"a": 2 * x, "b": [x, None]}, args=(jnp.ones(()),))
    assert float(result["a"]) == 2
    assert result["b"][1] is None
    number = strategy.run(lambda: D.get_replica_context().replica_id_in_sync_group)
    assert (int(number), number.dtype) == (0, "int32")


def test_each_replica_knows_its_number():
    number = FOUR.run(lambda: D.get_replica_context().replica_id_in_sync_group)
    assert lists(number, FOUR) == [0, 1, 2, 3]
    assert number.values[0].dtype == "int32"


@pytest.mark.parametrize("strategy", [TWO, *ALONE])
def test_arguments_must_be_a_tuple(strategy):
    for given in (jnp.ones(1), "x", None):
        with pytest.raises(ValueError, match="run: expected args"):
            strategy.run(lambda x: x, args=given)
    with pytest.raises(ValueError, match="run: expected kwargs"):
        strategy.run(lambda x: x, kwargs=(1,))


def test_values_of_another_number_of_replicas_are_refused():
    for strategy, values in ((TWO, of(1, 2, 3, 4, strategy=FOUR)), (FOUR, of(1, 2))):
        with pytest.raises(ValueError, match="replicas, got"):
            strategy.run(lambda x: x, args=(values,))
        with pytest.raises(ValueError, match="replicas, got"):
            strategy.reduce("SUM", values, axis=None)


def test_local_results():
    assert lists(of([1], [2])) == [[1], [2]]
    both = TWO.experimental_local_results({"a": of([1], [2]), "b": 3})
    assert [(one["a"].tolist(), one["b"]) for one in both] == [([1], 3), ([2], 3)]


@pytest.mark.parametrize(("strategy", "expected"), [(TWO, (0, 1)), (LONE, (0,))])
def test_values_from_a_function(strategy, expected):
    made = strategy.experimental_distribute_values_from_function(
        lambda context: {
            "id": context.replica_id_in_sync_group,
            "of": context.num_replicas_in_sync,
            "name": "a",
            "array": jnp.ones(2),
        }
    )
    assert made["id"].values == expected
    assert made["of"].values == (len(expected),) * len(expected)
    assert made["name"].values == ("a",) * len(expected)
    assert lists(made["array"], strategy) == [[1, 1]] * len(expected)
    assert ONE.experimental_distribute_values_from_function(lambda _: 3) == 3


# The replica context -----------------------------------------------------------------------------


def within(strategy, function, *args):
    """The result of `function(context, *args)` on every replica."""
    return strategy.run(lambda *args: function(D.get_replica_context(), *args), args=args)


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("SUM", jnp.array([1.0, 2.0]), [[2, 4]] * 2),
        ("MEAN", jnp.array([1, 2]), [[1, 2]] * 2),
        ("mean", of([1, 2], [3, 6]), [[2, 4]] * 2),
        (D.ReduceOp.SUM, of(1, 2), [3, 3]),
    ],
)
def test_all_reduce(op, value, expected):
    result = within(TWO, lambda context, x: context.all_reduce(op, x), value)
    assert lists(result) == expected
    assert result.values[0].dtype == "float32"


def test_all_reduce_of_trees_and_what_it_refuses():
    tree = within(TWO, lambda c: c.all_reduce("SUM", {"a": jnp.ones(()), "b": [jnp.full((), 2.0)]}))
    assert (lists(tree["a"]), lists(tree["b"][0])) == ([2, 2], [4, 4])
    with pytest.raises(ValueError, match="MAX"):
        within(TWO, lambda c: c.all_reduce("MAX", jnp.ones(())))
    with pytest.raises(TypeError, match="bool"):
        within(TWO, lambda c: c.all_reduce("SUM", jnp.ones((), bool)))


@pytest.mark.parametrize(
    ("value", "axis", "expected"),
    [
        (of([[1, 2]], [[3, 4]]), 0, [[1, 2], [3, 4]]),
        (of([[1, 2]], [[3, 4]]), 1, [[1, 2, 3, 4]]),
        (of([[1, 2]], [[3, 4]]), -1, [[1, 2, 3, 4]]),
    ],
)
def test_all_gather(value, axis, expected):
    assert lists(within(TWO, lambda c, x: c.all_gather(x, axis), value)) == [expected] * 2


def test_all_gather_of_trees_and_what_it_refuses():
    tree = within(TWO, lambda c: c.all_gather([jnp.ones(1), jnp.zeros(1)], axis=0))
    assert [lists(leaf) for leaf in tree] == [[[1, 1]] * 2, [[0, 0]] * 2]
    for value, axis in ((jnp.ones(()), 0), (jnp.ones(1), 5)):
        with pytest.raises(ValueError, match="all_gather: expected an axis"):
            within(TWO, lambda c, x, axis: c.all_gather(x, axis), value, axis)


@pytest.mark.parametrize("strategy", ALONE)
def test_exchange_with_nobody(strategy):
    plain = jnp.array([1, 2])
    for op in ("SUM", "MEAN"):
        result = within(strategy, lambda c, x, op: c.all_reduce(op, x), plain, op)
        assert (result.tolist(), result.dtype) == ([1, 2], "int32")
    assert within(strategy, lambda c, x: c.all_gather(x, axis=0), plain).tolist() == [1, 2]
    with pytest.raises(ValueError, match="MAX"):
        within(strategy, lambda c: c.all_reduce("MAX", 1))


@pytest.mark.parametrize(
    ("name", "function", "expected"),
    [
        ("sum", lambda c, x: c.all_reduce("SUM", x * x), [4, 12]),
        ("mean", lambda c, x: c.all_reduce("MEAN", x * x), [2, 6]),
        (
            "weighted",
            lambda c, x: c.all_reduce("SUM", x * x) * (1.0 + c.replica_id_in_sync_group),
            [6, 18],
        ),
        (
            "gather",
            lambda c, x: c.all_gather((x * x)[None], 0) @ jnp.array([1.0, 10.0]),
            [4, 120],
        ),
    ],
)
def test_gradients_flow_through_collectives(name, function, expected):
    import jax

    del name
    result = within(TWO, lambda c, x: jax.grad(lambda x: function(c, x))(x), of(1, 3))
    assert lists(result) == expected


# Contexts ----------------------------------------------------------------------------------------


def where():
    context = D.get_replica_context()
    return D.has_strategy(), D.in_cross_replica_context(), context is None, D.get_strategy()


@pytest.mark.parametrize("strategy", [TWO, LONE, ONE])
def test_contexts(strategy):
    assert where() == (False, False, False, DEFAULT)
    with strategy.scope():
        assert where() == (True, True, True, strategy)
        assert strategy.run(where) == (True, False, False, strategy)
    assert strategy.run(where) == (True, False, False, strategy)
    assert where() == (False, False, False, DEFAULT)


def test_the_default_strategy():
    with DEFAULT.scope():
        assert where() == (False, False, False, DEFAULT)
    assert DEFAULT.run(where) == (False, False, False, DEFAULT)
    assert D.get_replica_context().num_replicas_in_sync == 1
    assert float(D.get_replica_context().all_reduce("SUM", jnp.ones(()))) == 1
    with TWO.scope(), pytest.raises(RuntimeError, match="Mixing different"):
        DEFAULT.scope().__enter__()


@pytest.mark.parametrize("strategy", [TWO, LONE, ONE])
def test_what_a_replica_may_not_do(strategy):
    for call in (
        lambda: strategy.reduce("SUM", jnp.ones(()), axis=None),
        lambda: strategy.gather(jnp.ones(1), axis=0),
        lambda: strategy.run(lambda: 1),
        lambda: strategy.scope().__enter__(),
        lambda: strategy.experimental_distribute_values_from_function(lambda _: 1),
    ):
        with pytest.raises(RuntimeError, match="cross-replica"):
            strategy.run(call)
    assert D.get_replica_context() is not None
