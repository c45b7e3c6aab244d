"""PyDataset and its workers."""

import threading

import numpy as np
import pytest

import nnlib as nn
from nnlib.data import PyDataset, PyDatasetFeed


class Rows(PyDataset):
    """Batch number i holds i; notes the hooks."""

    def __init__(self, count=5, add=0, **kwargs):
        super().__init__(**kwargs)
        self.count, self.add, self.hooks = count, add, []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return np.array([index + self.add]), np.array([0])

    def on_epoch_begin(self):
        self.hooks.append("begin")

    def on_epoch_end(self):
        self.hooks.append("end")


class Moving(Rows):
    """Changes between epochs, as one that shuffles its rows would."""

    def on_epoch_end(self):
        self.add += 100


class Endless(Rows):
    @property
    def num_batches(self):
        return None


def numbers(batches):
    return [int(x[0]) for x, _ in batches]


def test_names():
    assert nn.utils.PyDataset is nn.utils.Sequence is PyDataset


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_order_between_the_hooks(workers):
    rows = Rows(workers=workers, max_queue_size=2)
    with PyDatasetFeed(rows) as feed:
        assert numbers(feed.epoch()) == numbers(feed.epoch()) == [0, 1, 2, 3, 4]
    assert rows.hooks == ["begin", "end"] * 2
    assert numbers(rows) == [0, 1, 2, 3, 4], "plain iteration"


@pytest.mark.parametrize("workers", [1, 3])
def test_shuffled_epochs_differ(workers):
    nn.utils.set_random_seed(1)
    with PyDatasetFeed(Rows(20, workers=workers), shuffle=True) as feed:
        one, two = numbers(feed.epoch()), numbers(feed.epoch())
    assert sorted(one) == sorted(two) == list(range(20))
    assert one != two


def test_workers_make_batches_at_once():
    gate = threading.Barrier(3, timeout=20)

    class Together(Rows):
        def __getitem__(self, index):
            gate.wait()
            return super().__getitem__(index)

    with PyDatasetFeed(Together(6, workers=3)) as feed:
        assert numbers(feed.epoch()) == list(range(6))


@pytest.mark.parametrize("workers", [1, 2])
def test_one_without_end_goes_on_where_it_stopped(workers):
    feed = PyDatasetFeed(Endless(workers=workers, max_queue_size=2))
    epoch = feed.epoch()
    assert [int(next(epoch)[0][0]) for _ in range(3)] == [0, 1, 2]
    epoch.close()
    assert feed.dataset.hooks == ["begin", "end"]
    assert int(next(feed.epoch())[0][0]) >= 3


def test_processes_get_the_dataset_as_it_is_now():
    feed = PyDatasetFeed(Moving(3, workers=1, use_multiprocessing=True))
    with feed:
        assert numbers(feed.epoch()) == [0, 1, 2]
        assert numbers(feed.epoch()) == [100, 101, 102]
    assert feed._pool is None


def test_processes_stay_for_the_next_epoch_and_refuse_what_cannot_travel():
    class Local(Rows):
        pass

    with pytest.raises(ValueError, match="expected something picklable"):
        list(PyDatasetFeed(Local(use_multiprocessing=True)).epoch())


@pytest.mark.parametrize(
    ("batch", "expected"),
    [(np.ones(2), 1), ([1, 2], 2), ((1, 2, 3), 3), ({"a": 1}, 1)],
)
def test_batches_are_tuples_or_dicts(batch, expected):
    class One(Rows):
        def __getitem__(self, index):
            return batch

    (found,) = PyDatasetFeed(One(1)).epoch()
    assert len(found) == expected
    assert isinstance(found, tuple | dict)


@pytest.mark.parametrize("batch", [(1, 2, 3, 4), "text", None])
def test_other_batches_are_refused(batch):
    class One(Rows):
        def __getitem__(self, index):
            return batch

    rows = One(1)
    with pytest.raises(ValueError, match="One: expected __getitem__ to return"):
        list(PyDatasetFeed(rows).epoch())
    assert rows.hooks == ["begin", "end"]


def test_errors_in_workers_come_through():
    class Broken(Rows):
        def __getitem__(self, index):
            raise OSError("no file")

    for workers in (1, 2):
        with pytest.raises(OSError, match="no file"):
            list(PyDatasetFeed(Broken(workers=workers)).epoch())


def test_missing_methods_and_bad_arguments():
    with pytest.raises(NotImplementedError, match="__getitem__"):
        _ = PyDataset()[0]
    with pytest.raises(NotImplementedError, match="__len__"):
        _ = PyDataset().num_batches
    with pytest.raises(ValueError, match="workers"):
        Rows(workers=-1)
    with pytest.raises(ValueError, match="max_queue_size"):
        Rows(max_queue_size=0)


def test_a_subclass_need_not_call_super():
    class Quiet(PyDataset):
        def __init__(self):
            pass

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return index

    assert list(PyDatasetFeed(Quiet()).epoch()) == [(0,)]
