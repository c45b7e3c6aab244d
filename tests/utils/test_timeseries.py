"""Sliding windows against a loop that builds each one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib as nn
from nnlib.data import Dataset

windows_of = nn.utils.timeseries_dataset_from_array


def by_hand(data, targets, length, stride, rate, start, end):
    """[(window, target), ...] written as the documentation of Keras says it."""
    data, end = np.asarray(data), len(data) if end is None else end
    start = start or 0
    count = end - start - (length - 1) * rate
    found = []
    for begin in range(0, min(count, len(targets)), stride):
        steps = [start + begin + k * rate for k in range(length)]
        found.append(([data[s].tolist() for s in steps], int(targets[start + begin])))
    return found


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    total=st.integers(4, 25),
    length=st.integers(1, 5),
    stride=st.integers(1, 3),
    rate=st.integers(1, 3),
    start=st.sampled_from([None, 0, 2]),
    cut=st.sampled_from([None, 1]),
    batch=st.sampled_from([None, 1, 4, 128]),
)
def test_windows_are_those_of_a_loop(total, length, stride, rate, start, cut, batch):
    data, targets = np.arange(2 * total).reshape(total, 2), np.arange(total) + 100
    end = None if cut is None else total - cut
    expected = by_hand(data, targets, length, stride, rate, start, end)
    arguments = (data, targets, length, stride, rate, batch, False, None, start, end)
    if not expected:
        with pytest.raises(ValueError, match="steps for one window"):
            windows_of(*arguments)
        return
    dataset = windows_of(*arguments)
    found = list(dataset)
    if batch is not None:
        assert [len(x) for x, _ in found[:-1]] == [batch] * (len(found) - 1)
        found = [pair for x, y in found for pair in zip(x, y, strict=True)]
    assert [(x.tolist(), int(y)) for x, y in found] == expected
    assert len(dataset) == (len(expected) if batch is None else -(-len(expected) // batch))


def test_shuffled_windows_keep_their_targets():
    data = np.arange(50.0, dtype="float32")
    dataset = windows_of(data, data * 10, 5, batch_size=8, shuffle=True, seed=1)
    rows = [(x, y) for xs, ys in dataset for x, y in zip(xs, ys, strict=True)]
    assert all(y == x[0] * 10 and (np.diff(x) == 1).all() for x, y in rows)
    begins = [int(x[0]) for x, _ in rows]
    assert sorted(begins) == list(range(46))
    assert begins != sorted(begins)
    assert dataset.element_spec[0] == nn.data.TensorSpec((None, 5), "float32")
    again = windows_of(data, None, 5, batch_size=None, shuffle=True)
    assert sorted(int(x[0]) for x in again) == list(range(46))


def test_the_old_names_are_the_same_functions():
    for kind in ("timeseries_dataset_from_array", "image_dataset_from_directory"):
        assert getattr(nn.preprocessing, kind) is getattr(nn.utils, kind)
    assert nn.preprocessing.text_dataset_from_directory is nn.utils.text_dataset_from_directory


def test_without_targets_and_for_grain():
    assert [x.tolist() for x in windows_of(np.arange(4), None, 3)] == [[[0, 1, 2], [1, 2, 3]]]
    grain = windows_of(np.arange(4), None, 3, batch_size=1, format="grain")
    assert [x.tolist() for x in Dataset.from_grain(grain)] == [[[0, 1, 2]], [[1, 2, 3]]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start_index": -1}, "start_index"),
        ({"start_index": 10}, "start_index below 10"),
        ({"start_index": 4, "end_index": 3}, "end_index above 4"),
        ({"end_index": 10}, "below 10"),
        ({"end_index": 0}, "end_index"),
        ({"sampling_rate": 0}, "sampling_rate"),
        ({"sampling_rate": 10}, "sampling_rate below 10"),
        ({"sequence_stride": 0}, "sequence_stride"),
        ({"sequence_stride": 10}, "sequence_stride below 10"),
        ({"sequence_length": 0}, "sequence_length"),
        ({"format": "torch"}, "format"),
        ({"batch_size": 0}, "batch_size"),
        ({"targets": np.arange(5), "start_index": 4}, "targets up to"),
    ],
)
def test_refusals(arguments, message):
    filled = {"data": np.arange(10), "targets": None, "sequence_length": 2} | arguments
    with pytest.raises(ValueError, match=message):
        windows_of(**filled)
