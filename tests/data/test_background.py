"""Threads: order, errors, and that they end."""

import gc
import threading
import time

import pytest

from nnlib.data import AUTOTUNE, Dataset, Options
from tests.data.listing import listed


def ours():
    return [t for t in threading.enumerate() if t.name.startswith("nnlib-")]


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def _no_threads_left():
    yield
    if ours():
        gc.collect()
        wait_for(lambda: not ours())


def test_prefetch_runs_ahead_and_no_further():
    made = []
    iterator = iter(Dataset.range(10).map(lambda x: made.append(x) or x).prefetch(3))
    next(iterator)
    wait_for(lambda: len(made) == 5)  # one taken, three waiting, one at the door
    assert len(ours()) == 1
    assert [int(x) for x in iterator] == list(range(1, 10))


@pytest.mark.parametrize("size", [0, 1, AUTOTUNE, None])
def test_prefetch_of_any_size_has_all_elements(size):
    dataset = Dataset.range(9).prefetch(size)
    assert listed(dataset) == listed(dataset) == list(range(9))


def test_a_dropped_iterator_ends_its_thread():
    iterator = iter(Dataset.range(100).repeat().prefetch(2).batch(2).prefetch(1))
    next(iterator)
    assert len(ours()) == 2
    del iterator
    gc.collect()
    wait_for(lambda: not ours())


def test_dropping_ends_a_thread_whose_generator_has_a_finally():
    ended = []

    def numbers():
        try:
            yield from range(1000)
        finally:
            ended.append(True)

    iterator = iter(Dataset.from_generator(numbers).prefetch(1))
    next(iterator)
    iterator.close()
    wait_for(lambda: ended)


@pytest.mark.parametrize(
    "step",
    [
        lambda d: d.prefetch(2),
        lambda d: d.map(lambda x: x, num_parallel_calls=2),
        lambda d: d.batch(2, num_parallel_calls=2).unbatch(),
    ],
)
def test_errors_come_through_behind_the_elements_before(step):
    def broken(x):
        if x == 4:
            raise KeyError("four")
        return x

    iterator = iter(step(Dataset.range(9).map(broken)))
    with pytest.raises(KeyError, match="four"):
        list(iterator)
    direct = iter(Dataset.range(9).map(broken, num_parallel_calls=3))
    assert [int(next(direct)) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(KeyError, match="four"):
        next(direct)


def test_parallel_maps_keep_the_order():
    third = threading.Event()

    def slow_first(x):
        if x == 0:
            assert third.wait(20)
        elif x == 2:
            third.set()
        return x

    assert listed(Dataset.range(6).map(slow_first, 3)) == list(range(6))


def test_parallel_maps_may_give_up_the_order():
    taken = threading.Event()

    def slow_first(x):
        assert x != 0 or taken.wait(20)
        return x

    iterator = iter(Dataset.range(6).map(slow_first, 3, deterministic=False))
    first = int(next(iterator))  # there is one although the first of all still waits
    taken.set()
    assert sorted([first, *map(int, iterator)]) == list(range(6))
    assert first != 0


def test_options_say_whether_order_counts_and_how_many_threads():
    options = Options()
    options.deterministic = False
    options.threading.private_threadpool_size = 3
    gate = threading.Barrier(3, timeout=20)  # passes only if three threads run at once

    def together(x):
        gate.wait()
        return x

    dataset = Dataset.range(3).map(together, AUTOTUNE).with_options(options)
    assert sorted(listed(dataset)) == [0, 1, 2]


def test_maps_in_threads_run_at_once():
    gate = threading.Barrier(4, timeout=20)
    dataset = Dataset.range(8).map(lambda x: (gate.wait(), x)[1], num_parallel_calls=4)
    assert listed(dataset) == list(range(8))
