"""Chains of steps against the same chains on Python lists."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib.data import (
    AUTOTUNE,
    INFINITE_CARDINALITY,
    UNKNOWN_CARDINALITY,
    Dataset,
    experimental,
)
from tests.data.listing import listed


def chunks(items, size, drop):
    parts = [items[at : at + size] for at in range(0, len(items), size)]
    return [part for part in parts if len(part) == size or not drop]


def windows(items, size, shift, stride, drop):
    span = (size - 1) * stride + 1
    parts = [items[at : at + span : stride] for at in range(0, len(items), shift)]
    return [part for part in parts if len(part) == size or not drop]


# name: (step on a dataset, the same on a list). `n`, `m` are small numbers from 0.
STEPS = {
    "take": lambda n, m: (lambda d: d.take(n), lambda x: x[:n]),
    "skip": lambda n, m: (lambda d: d.skip(n), lambda x: x[n:]),
    "take all": lambda n, m: (lambda d: d.take(-1), lambda x: x),
    "skip all": lambda n, m: (lambda d: d.skip(-1), lambda x: []),
    "repeat": lambda n, m: (lambda d: d.repeat(n), lambda x: x * n),
    "endless": lambda n, m: (lambda d: d.repeat().take(5), lambda x: (x * 5)[:5]),
    "shard": lambda n, m: (
        lambda d: d.shard(n + 1, min(m, n)),
        lambda x: x[min(m, n) :: n + 1],
    ),
    "map": lambda n, m: (lambda d: d.map(lambda v: v + n), lambda x: [v + n for v in x]),
    "parallel map": lambda n, m: (
        lambda d: d.map(lambda v: v * m, num_parallel_calls=2),
        lambda x: [v * m for v in x],
    ),
    "filter": lambda n, m: (
        lambda d: d.filter(lambda v: v % (n + 1) == 0),
        lambda x: [v for v in x if v % (n + 1) == 0],
    ),
    "concatenate": lambda n, m: (
        lambda d: d.concatenate(Dataset.range(n)),
        lambda x: x + list(range(n)),
    ),
    "batch": lambda n, m: (
        lambda d: d.batch(n + 1, drop_remainder=m > 2).unbatch(),
        lambda x: [v for part in chunks(x, n + 1, m > 2) for v in part],
    ),
    "prefetch": lambda n, m: (lambda d: d.prefetch(n), lambda x: x),
    "cache": lambda n, m: (lambda d: d.cache(), lambda x: x),
    "flat_map": lambda n, m: (
        lambda d: d.take(4).flat_map(lambda v: Dataset.from_tensors(v).repeat(m)),
        lambda x: [v for v in x[:4] for _ in range(m)],
    ),
    "enumerate": lambda n, m: (
        lambda d: d.enumerate(n).map(lambda i, v: i * v),
        lambda x: [i * v for i, v in enumerate(x, n)],
    ),
    "window": lambda n, m: (
        lambda d: d.window(n + 1, m + 1, 2, m > 1).flat_map(lambda w: w.batch(9).unbatch()),
        lambda x: [v for part in windows(x, n + 1, m + 1, 2, m > 1) for v in part],
    ),
    "zip": lambda n, m: (
        lambda d: Dataset.zip(d, Dataset.range(n, n + 4)).map(lambda a, b: a - b),
        lambda x: [a - b for a, b in zip(x, range(n, n + 4), strict=False)],
    ),
    "take_while": lambda n, m: (
        lambda d: d.take_while(lambda v: v < n),
        lambda x: x[: next((i for i, v in enumerate(x) if v >= n), len(x))],
    ),
}
small = st.integers(0, 4)
chains = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), small, small), max_size=4)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(size=st.integers(0, 9), chain=chains)
def test_any_chain_of_steps_equals_the_same_chain_on_lists(size, chain):
    dataset, expected, hollow = Dataset.range(size), list(range(size)), False
    for name, n, m in chain:
        # Repeating what turns out to be empty counts as infinite and ends at once, as in tf.data.
        unknown = dataset.cardinality() == UNKNOWN_CARDINALITY
        hollow = hollow or (name == "endless" and not expected and unknown)
        on_dataset, on_list = STEPS[name](n, m)
        dataset, expected = on_dataset(dataset), on_list(expected)
    assert listed(dataset) == expected
    assert listed(dataset) == expected, "a second pass differs"
    count = dataset.cardinality()
    assert hollow or count in (len(expected), UNKNOWN_CARDINALITY)
    if dataset.node.random_access:
        found = [int(experimental.at(dataset, i)) for i in range(count)]
        assert found == expected
        with pytest.raises(IndexError):
            experimental.at(dataset, count)


@pytest.mark.parametrize("name", sorted(STEPS))
def test_every_step_alone(name):
    for n, m in ((0, 0), (1, 2), (3, 1), (2, 4)):
        on_dataset, on_list = STEPS[name](n, m)
        assert listed(on_dataset(Dataset.range(7))) == on_list(list(range(7)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    total=st.integers(0, 12),
    size=st.integers(1, 4),
    shift=st.integers(1, 6),
    stride=st.integers(1, 3),
    drop=st.booleans(),
)
def test_windows(total, size, shift, stride, drop):
    dataset = Dataset.range(total).window(size, shift, stride, drop)
    expected = windows(list(range(total)), size, shift, stride, drop)
    assert listed(dataset) == expected
    assert len(dataset) == len(expected)


def test_windows_of_tuples_are_tuples_of_datasets():
    dataset = Dataset.from_tensor_slices((np.arange(4), {"b": np.arange(4) * 10})).window(2)
    assert listed(dataset) == [([0, 1], {"b": [0, 10]}), ([2, 3], {"b": [20, 30]})]
    batches = dataset.flat_map(lambda a, b: Dataset.zip(a.batch(2), b["b"].batch(2)))
    assert listed(batches) == [([0, 1], [0, 10]), ([2, 3], [20, 30])]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    total=st.integers(0, 10),
    size=st.integers(1, 4),
    drop=st.booleans(),
    parallel=st.sampled_from([None, 2]),
)
def test_batches(total, size, drop, parallel):
    expected = chunks(list(range(total)), size, drop)
    rows = Dataset.range(total)
    elements = rows.map(lambda x: x)
    for dataset in (rows.batch(size, drop, parallel), elements.batch(size, drop, parallel)):
        assert listed(dataset) == expected
        assert len(dataset) == len(expected) == (math.floor if drop else math.ceil)(total / size)


def test_repeat_and_batch_run_over_the_seam():
    assert listed(Dataset.range(3).repeat(2).batch(2)) == [[0, 1], [2, 0], [1, 2]]
    assert listed(Dataset.range(3).batch(2).repeat(2)) == [[0, 1], [2], [0, 1], [2]]


def test_interleave_goes_around_like_tf_data():
    def numbers(x):
        return Dataset.from_tensors(x).repeat(6)

    dataset = Dataset.range(1, 6).interleave(numbers, cycle_length=2, block_length=4)
    expected = [1] * 4 + [2] * 4 + [1] * 2 + [2] * 2 + [3] * 4 + [4] * 4 + [3] * 2 + [4] * 2
    expected += [5] * 4 + [5] * 2  # the example of tf.data's own documentation
    assert listed(dataset) == expected
    ahead = Dataset.range(1, 6).interleave(numbers, 2, 4, num_parallel_calls=AUTOTUNE)
    assert listed(ahead) == expected


@pytest.mark.parametrize("cycle", [1, 2, 3, None])
def test_interleave_has_the_elements_of_flat_map(cycle):
    def numbers(x):
        return Dataset.range(x)

    mixed = Dataset.range(5).interleave(numbers, cycle, 2, num_parallel_calls=2)
    assert sorted(listed(mixed)) == sorted(listed(Dataset.range(5).flat_map(numbers)))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda d: d.repeat(), INFINITE_CARDINALITY),
        (lambda d: d.repeat().batch(2), INFINITE_CARDINALITY),
        (lambda d: d.repeat().take(12), 12),
        (lambda d: d.repeat().skip(3), INFINITE_CARDINALITY),
        (lambda d: d.repeat(0), 0),
        (lambda d: d.take(0).repeat(), 0),
        (lambda d: d.filter(bool), UNKNOWN_CARDINALITY),
        (lambda d: d.filter(bool).repeat(), INFINITE_CARDINALITY),
        (lambda d: d.filter(bool).take(2), UNKNOWN_CARDINALITY),
        (lambda d: d.repeat().shard(3, 1), INFINITE_CARDINALITY),
        (lambda d: Dataset.zip(d, d.repeat()), 5),
        (lambda d: Dataset.zip(d, d.filter(bool)), UNKNOWN_CARDINALITY),
        (lambda d: d.concatenate(d.repeat()), INFINITE_CARDINALITY),
        (lambda d: d.concatenate(d.filter(bool)), UNKNOWN_CARDINALITY),
        (lambda d: d.batch(2, drop_remainder=True).unbatch(), 4),
        (lambda d: d.map(lambda x: [x]).unbatch(), UNKNOWN_CARDINALITY),
        (lambda d: d.shuffle(3).cache().prefetch(AUTOTUNE).enumerate().map(lambda i, x: x), 5),
        (lambda d: d.take(-1).skip(4), 1),
    ],
)
def test_cardinality(make, expected):
    dataset = make(Dataset.range(5))
    assert dataset.cardinality() == experimental.cardinality(dataset) == expected
    assert dataset
    if expected < 0:
        with pytest.raises(TypeError, match="len"):
            len(dataset)
    else:
        assert len(dataset) == len(listed(dataset)) == expected
    assert str(dataset).startswith("<Dataset")


def test_asserted_cardinality():
    odd = Dataset.range(6).filter(lambda x: x % 2 == 1)
    right = odd.apply(experimental.assert_cardinality(3))
    assert len(right) == 3
    assert listed(right) == [1, 3, 5]
    for wrong in (2, 4):
        with pytest.raises(ValueError, match=f"expected {wrong} elements"):
            listed(odd.apply(experimental.assert_cardinality(wrong)))


def test_reduce_apply_and_single_elements():
    total, count = Dataset.range(1, 5).reduce((0, 0), lambda s, x: (s[0] + x, s[1] + 1))
    assert (total, count) == (10, 4)
    assert listed(Dataset.range(3).apply(lambda d: d.skip(1))) == [1, 2]
    assert Dataset.range(4).batch(4).get_single_element().tolist() == [0, 1, 2, 3]
    for wrong in (0, 2):
        with pytest.raises(ValueError, match="expected one element"):
            Dataset.range(wrong).get_single_element()


def test_each_method_leaves_its_dataset_as_it_was():
    dataset = Dataset.range(4)
    for method in ("shuffle", "batch", "repeat", "take", "skip", "window"):
        getattr(dataset, method)(2)
    assert listed(dataset) == [0, 1, 2, 3]
