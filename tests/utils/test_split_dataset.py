"""Datasets in two parts."""

import random

import numpy as np
import pytest

import nnlib as nn
from nnlib.data import Dataset

split = nn.utils.split_dataset


def ints(dataset):
    return [int(x) for x in dataset]


@pytest.mark.parametrize(
    ("left", "right", "sizes"),
    [
        (0.6, None, (6, 4)),
        (None, 0.25, (8, 2)),
        (3, None, (3, 7)),
        (None, 1, (9, 1)),
        (2, 3, (2, 3)),
        (0.5, 0.2, (5, 2)),
        (4, 0.5, (4, 5)),
    ],
)
def test_sizes(left, right, sizes):
    for source in (np.arange(10), Dataset.range(10), Dataset.range(10).map(lambda x: x)):
        first, second = split(source, left, right)
        assert ints(first) == list(range(sizes[0]))
        assert ints(second) == list(range(10 - sizes[1], 10))
        assert (len(first), len(second)) == sizes


def test_the_order_of_a_seed_is_that_of_pythons_random():
    order = list(range(10))
    random.Random(5).shuffle(order)
    first, second = split(np.arange(10), 0.5, shuffle=True, seed=5)
    assert ints(first) + ints(second) == order
    both = split(np.arange(10), 5, shuffle=True)
    assert sorted(ints(both[0]) + ints(both[1])) == list(range(10))


def test_tuples_and_lists_become_tuples():
    x, y = np.arange(8).reshape(4, 2), np.arange(4)
    for source in ((x, y), [x, y], Dataset.from_tensor_slices((x, y))):
        first, _ = split(source, 0.5)
        assert [(a.tolist(), int(b)) for a, b in first] == [([0, 1], 0), ([2, 3], 1)]
        batch = next(iter(first.batch(2)))
        assert batch[0].shape == (2, 2)


def test_batches_are_split_by_rows_and_made_again():
    first, second = split(Dataset.range(10).batch(4).prefetch(1), left_size=7)
    assert [b.tolist() for b in first] == [[0, 1, 2, 3], [4, 5, 6]]
    assert [b.tolist() for b in second] == [[7, 8, 9]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "got neither"),
        ((0,), "left_size"),
        ((10,), "left_size"),
        ((1.0,), "left_size"),
        ((None, -0.1), "right_size"),
        ((True,), "number"),
        (("3",), "number"),
        ((0.7, 0.6), "fractions up to 1"),
        ((7, 6), "two parts"),
        ((0.01,), "at least one each"),
        ((3, None, False, None, "torch"), "preferred_backend"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        split(np.arange(10), *arguments)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("text", "got str"),
        (np.zeros((0, 2)), "at least one element"),
        ((np.zeros(2), np.zeros(3)), "same number of rows"),
        (Dataset.range(3).repeat(), "infinite"),
        (Dataset.range(0), "at least one element"),
    ],
)
def test_refused_data(source, message):
    with pytest.raises(ValueError, match=message):
        split(source, 0.5)
