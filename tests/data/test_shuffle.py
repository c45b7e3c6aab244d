"""Random order: complete, uniform, reproducible, resumable."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib.data import UNKNOWN_CARDINALITY, Dataset
from nnlib.utils import set_random_seed
from tests.data.listing import listed


@settings(max_examples=80, deadline=None, derandomize=True)
@given(total=st.integers(0, 30), buffer=st.integers(1, 40), seed=st.integers(0, 5))
def test_a_shuffle_is_a_permutation_that_never_looks_beyond_its_buffer(total, buffer, seed):
    for dataset in (Dataset.range(total), Dataset.range(total).map(lambda x: x)):
        order = listed(dataset.shuffle(buffer, seed))
        assert sorted(order) == list(range(total))
        assert all(value < place + buffer for place, value in enumerate(order))


def test_all_orders_are_equally_likely():
    counts = Counter(tuple(listed(Dataset.range(3).shuffle(3, seed))) for seed in range(600))
    assert len(counts) == 6
    assert min(counts.values()) > 60
    small = Counter(tuple(listed(Dataset.range(3).shuffle(2, seed))) for seed in range(400))
    assert set(small) == {(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0)}, "2 cannot come first"
    assert min(small.values()) > 60


def test_each_pass_has_an_order_of_its_own_and_can_be_had_again():
    dataset = Dataset.range(20).shuffle(20, seed=3)
    passes = [listed(dataset) for _ in range(4)]
    assert len({tuple(p) for p in passes}) == 4
    again = Dataset.range(20).shuffle(20, seed=3)
    assert [listed(again) for _ in range(4)] == passes
    assert [int(x) for x in again.iterate(2)] == passes[2]
    assert listed(again.take(5)) == passes[0][:5]


def test_a_resumed_pass_goes_through_repeats_and_nested_datasets_the_same():
    def make():
        inner = Dataset.range(6).shuffle(6, seed=1)
        nested = Dataset.range(3).flat_map(lambda x: inner)
        return Dataset.zip(nested, inner.repeat()).shuffle(4, seed=2).batch(2)

    first = make()
    passes = [listed(first) for _ in range(3)]
    assert len({str(p) for p in passes}) == 3
    assert [listed_at(make(), epoch) for epoch in (2, 0)] == [passes[2], passes[0]]
    rounds = passes[0]
    assert len(rounds) == 9


def listed_at(dataset, epoch):
    return [tuple(part.tolist() for part in pair) for pair in dataset.iterate(epoch)]


def test_without_reshuffling_all_passes_are_alike():
    dataset = Dataset.range(20).shuffle(20, seed=3, reshuffle_each_iteration=False)
    assert listed(dataset) == listed(dataset) == listed(dataset.repeat(2))[20:]


def test_repetitions_have_orders_of_their_own():
    twice = listed(Dataset.range(20).shuffle(20, seed=0).repeat(2))
    assert sorted(twice[:20]) == sorted(twice[20:]) == list(range(20))
    assert twice[:20] != twice[20:]


def test_the_global_seed_settles_shuffles_without_one():
    def order():
        set_random_seed(4)
        return listed(Dataset.range(20).shuffle(20))

    assert order() == order()
    one, two = (listed(Dataset.range(20).shuffle(20)) for _ in range(2))
    assert one != two


@pytest.mark.parametrize("size", [None, UNKNOWN_CARDINALITY])
def test_a_buffer_of_everything(size):
    assert sorted(listed(Dataset.range(9).filter(lambda x: x > 3).shuffle(size))) == [4, 5, 6, 7, 8]


def test_shuffled_rows_stay_together():
    x = np.arange(40).reshape(20, 2)
    dataset = Dataset.from_tensor_slices((x, {"y": x[:, 0] * 3})).shuffle(20, seed=0).batch(6)
    seen = []
    for rows, labels in dataset:
        assert (rows[:, 0] * 3 == labels["y"]).all()
        seen += rows[:, 0].tolist()
    assert sorted(seen) == list(range(0, 40, 2))
    assert seen != sorted(seen)


def test_a_whole_shuffle_of_many_rows_touches_only_those_that_are_asked_for():
    touched = []

    class Column(np.ndarray):
        def take(self, indices, axis=None):
            touched.append(len(indices))
            return super().take(indices, axis)

    source = np.arange(10**5).view(Column)
    dataset = Dataset.from_tensor_slices(np.zeros(1))
    dataset.node.table.tree, dataset.node.table.size = source, len(source)
    dataset.node.order.size = len(source)
    batches = itertools.islice(dataset.shuffle(10**5, seed=0).skip(7).repeat().batch(32), 3)
    assert [len(set(batch.tolist())) for batch in batches] == [32] * 3
    assert touched == [32] * 3


def test_shuffled_shares_are_disjoint_within_a_pass():
    dataset = Dataset.range(10).shuffle(10, seed=5)
    left, right = dataset.take(6), dataset.skip(6)
    for _ in range(2):
        assert sorted(listed(left) + listed(right)) == list(range(10))
