"""Processes of parameter servers, most of them played: calls, the watch, and those that follow."""

import gc
import importlib
import os
import signal
import subprocess
import sys
import threading
import weakref
from types import SimpleNamespace

import pytest
from nnlib.distributed.parameter_server import cluster_coordinator, dispatcher, session, watch

import nnlib as nn
from tests.distributed.waiting import wait_until


class FakeRay:
    """Workers whose calls are functions of the number of the try."""

    connected = True

    class exceptions:  # noqa: N801
        class RayError(Exception):
            pass

        class RayTaskError(RayError):
            pass

        class RaySystemError(RayError):
            pass

    def is_initialized(self):
        return self.connected

    def get_runtime_context(self):
        return self

    def get_worker_id(self):
        return "driver"

    get_node_id = get_worker_id

    def get(self, ref, timeout=None):
        return ref()

    def wait(self, refs, num_returns=1, timeout=None):
        return refs, []


def dispatched(workers, ray=None):
    return dispatcher.Dispatcher(session.Session(ray or FakeRay()), workers)


class FakeWorker:
    def __init__(self):
        self.run = self.process = self.remove = self

    def remote(self, function=lambda: None):
        return function


def test_a_function_that_kills_its_processes_is_given_up():
    def deadly():
        raise FakeRay.exceptions.RayError("died")

    sent = dispatched([FakeWorker(), FakeWorker()])
    call = sent.send(dispatcher.Call([deadly]))
    with pytest.raises(nn.distributed.StrategyError, match="10 processes that died"):
        sent.join()
    assert call.finished.is_set()
    other = sent.send(dispatcher.Call([lambda: 5]))
    sent.join()
    assert other.value == 5
    sent.stop()


def test_nobody_waits_for_workers_that_do_not_come_back(monkeypatch):
    monkeypatch.setattr(dispatcher, "RECOVERY_SECONDS", 0.2)

    def deadly():
        raise FakeRay.exceptions.RayError("died")

    worker = FakeWorker()
    worker.process = type("Gone", (), {"remote": lambda self: deadly})()
    sent = dispatched([worker])
    calls = [sent.send(dispatcher.Call([deadly])) for _ in range(3)]
    with pytest.raises(nn.distributed.StrategyError, match="a worker that lives"):
        sent.join()
    assert all(call.finished.wait(10) for call in calls)


def test_an_error_that_nobody_expects_reaches_whoever_waits():
    class Odd(FakeRay):
        def get(self, ref, timeout=None):
            raise SystemExit(0)  # as Ray does where it is shut down

    sent = dispatched([FakeWorker()], Odd())
    call = sent.send(dispatcher.Call([lambda: 5]))
    with pytest.raises(nn.distributed.StrategyError, match="SystemExit"):
        sent.join()
    assert call.finished.wait(10)
    with pytest.raises(nn.distributed.StrategyError, match="a worker that lives"):
        sent.send(dispatcher.Call([lambda: 5]))


def test_a_worker_that_cannot_be_called_leaves_nobody_waiting():
    def gone(*args):
        raise SystemExit(0)

    worker = FakeWorker()
    worker.run = type("Gone", (), {"remote": staticmethod(gone)})
    sent = dispatched([worker])
    sent.send(dispatcher.Call([lambda: 5]))
    with pytest.raises(nn.distributed.StrategyError, match="SystemExit"):
        sent.join()


def held_up():
    """A function that its process does not survive, and events: it has begun, it may die."""
    begun, killed = threading.Event(), threading.Event()

    def runs():
        begun.set()
        killed.wait(10)
        raise FakeRay.exceptions.RayError("killed")

    return runs, begun, killed


def test_a_function_under_way_when_the_strategy_is_closed_is_cancelled():
    """Whatever another one has raised meanwhile."""
    runs, begun, killed = held_up()

    def fails():
        raise ZeroDivisionError

    sent = dispatched([FakeWorker(), FakeWorker()])
    call = sent.send(dispatcher.Call([runs]))
    begun.wait(10)
    ray = sent._session.ray
    ray.get = lambda ref, timeout=None: raised(ref)
    other = sent.send(dispatcher.Call([fails]))
    assert other.finished.wait(10)
    sent.stop()
    killed.set()
    assert call.finished.wait(10)
    assert isinstance(call.error, dispatcher.CancelledError)


def raised(ref):
    """What `ray.get` does with the errors of functions."""
    try:
        return ref()
    except ZeroDivisionError as error:
        raise FakeRay.exceptions.RayTaskError from error


def test_ray_that_exits_while_it_is_shut_down_leaves_nobody_waiting():
    runs, begun, killed = held_up()

    def exits():
        raise SystemExit(0)

    sent = dispatched([FakeWorker()])
    calls = [sent.send(dispatcher.Call([runs])) for _ in range(3)]
    begun.wait(10)
    sent._session.check = exits
    killed.set()
    assert all(call.finished.wait(10) for call in calls)
    assert all(isinstance(call.error, nn.distributed.StrategyError) for call in calls)


def test_threads_end_quietly_behind_a_shutdown_of_ray():
    ray = FakeRay()
    before = set(threading.enumerate())
    sent = dispatched([FakeWorker()], ray)
    seen = watch.Watch(sent._session, {}, 0.1)
    own = set(threading.enumerate()) - before
    assert len(own) == 2
    ray.connected = False
    for thread in own:
        thread.join(10)
    assert not any(thread.is_alive() for thread in own)
    seen.stop()
    with pytest.raises(nn.distributed.StrategyError, match="shut down"):  # nobody starts a Ray
        sent.send(dispatcher.Call([lambda: 5]))
    with pytest.raises(nn.distributed.StrategyError, match="shut down"):
        sent._session.get(None)
    with pytest.raises(nn.distributed.StrategyError, match="shut down"):
        session.check_connected(ray)


def ended(process, seconds=0.5):
    """Whether this ends a process of another machine, as Ray runs it there."""

    class Elsewhere(FakeRay):
        def get_node_id(self):
            return "here"

        def remote(self, function=None, **options):
            if function is None:
                return self.remote
            self.function = function
            return self

        def options(self, scheduling_strategy):
            assert scheduling_strategy.node_id == process.node
            return SimpleNamespace(remote=lambda *given: lambda: self.function(*given))

    seen = watch.Watch(session.Session(Elsewhere()), {}, 5 * seconds)
    try:
        return seen._ended_where_it_is(process)
    finally:
        seen.stop()


@pytest.fixture
def started():
    """Starts programs of Python; none of them outlives the test."""
    children = []

    def start(script):
        children.append(subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.communicate(timeout=10)


def test_what_stands_still_is_ended_and_what_computes_is_not(started):
    """A function that keeps the interpreter to itself answers nothing either."""
    pytest.importorskip("ray")
    busy = started("sum(iter(int, 1))")  # for ever, within one call
    here = watch.Process(busy.pid, watch.use_of(busy.pid).began, "ab" * 28)
    assert not ended(here._replace(began=here.began - 1))  # another process of that number
    assert not ended(here)
    busy.send_signal(signal.SIGSTOP)
    wait_until(lambda: watch.use_of(busy.pid).stopped)
    assert ended(here)
    assert busy.wait(10) == -signal.SIGKILL
    assert not ended(here)


def test_what_neither_answers_nor_computes_is_ended(started):
    idle = started("import time; print('here', flush=True); time.sleep(100)")
    assert idle.stdout.readline()  # it has started
    here = watch.Process(idle.pid, watch.use_of(idle.pid).began, "here")
    wait_until(lambda: watch.ended(here, 0.3))
    assert idle.wait(10) == -signal.SIGKILL


def test_what_has_ended_meanwhile_is_nobodys_fault(monkeypatch):
    """A process may die between the look at it and the signal."""
    known = iter([watch.Use(1, True, 0)])
    monkeypatch.setattr(watch, "use_of", lambda number: next(known))

    def gone(*_):
        raise ProcessLookupError

    monkeypatch.setattr(watch.os, "kill", gone)
    assert not watch.ended(watch.Process(5, 1, "here"), 0.3)


@pytest.fixture
def played(monkeypatch):
    """Strategies get played processes; (those that were started, those that were killed)."""
    module = importlib.import_module("nnlib.distributed.parameter_server.processes")
    strategies = importlib.import_module("nnlib.distributed.parameter_server.strategy")
    ended, started = [], []

    class Ray(FakeRay):
        kill = staticmethod(ended.append)

    def make(*args):
        started.append(FakeWorker())
        return started[-1]

    monkeypatch.setattr(strategies, "start", lambda tasks: Ray())
    monkeypatch.setattr(module, "start_servers", lambda ray, hosts, folder: [make()])
    monkeypatch.setattr(module, "make_actor", make)
    monkeypatch.setattr(module, "waited", lambda *args: None)
    return started, ended


def test_what_outlives_its_strategy(played):
    """Nothing is killed that somebody still wants something of; a value keeps its strategy."""
    started, ended = played
    go = threading.Event()

    def late():
        assert go.wait(10)
        return 5

    strategy = nn.distributed.ParameterServerStrategy()
    call = strategy.cluster().send(dispatcher.Call([late]))
    value = cluster_coordinator.RemoteValue(call, strategy)
    gone = weakref.ref(strategy)
    held = strategy._processes.servers[0]
    handles = [weakref.ref(actor) for actor in started]
    del strategy, started[:]
    gc.collect()
    assert gone() is not None
    go.set()
    assert value.fetch(10) == 5
    del value
    gc.collect()
    assert gone() is None
    assert not ended
    wait_until(lambda: gc.collect() >= 0 and sum(h() is not None for h in handles) == 1)
    assert any(handle() is held for handle in handles)


def test_the_next_use_after_close_starts_others(played):
    started, ended = played
    strategy = nn.distributed.ParameterServerStrategy()
    first = strategy.cluster()
    assert strategy.cluster() is first
    assert len(started) == 3
    folder = strategy._processes._folder
    assert os.path.isdir(folder)
    strategy.close()
    assert ended == [*started[1:], started[0]]
    assert not os.path.exists(folder)
    assert strategy.cluster() is not first
    assert len(started) == 6
    folder = strategy._processes._folder
    strategy.ray.connected = False
    with pytest.raises(nn.distributed.StrategyError, match="shut down"):
        strategy.cluster()
    strategy.close()  # what was shut down is not called any more
    assert len(ended) == 3
    assert not os.path.exists(folder)
