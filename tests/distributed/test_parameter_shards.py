"""Parameter servers without processes: what they hold, apply, write down and read again."""

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest
from nnlib.distributed.parameter_server import dispatcher, engine, session, watch
from nnlib.distributed.parameter_server.layout import Layout, flat
from nnlib.distributed.parameter_server.shard import ParameterShard, Rules

import nnlib as nn
from nnlib.core.errors import MissingExtraError

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("partitioner", "shape", "expected"),
    [  # as tf.distribute.experimental.partitioners say
        (nn.distributed.FixedShardsPartitioner(2), (10, 3), [2, 1]),
        (nn.distributed.FixedShardsPartitioner(4), (3,), [3]),
        (nn.distributed.FixedShardsPartitioner(4), (), []),
        (nn.distributed.MinSizePartitioner(4, max_shards=2), (6, 1), [2, 1]),
        (nn.distributed.MinSizePartitioner(4, max_shards=10), (6, 1), [6, 1]),
        (nn.distributed.MinSizePartitioner(max_shards=8), (100, 10), [1, 1]),
        (nn.distributed.MinSizePartitioner(max_shards=8), (2**17, 1), [2, 1]),
        (nn.distributed.MinSizePartitioner(64, max_shards=3), (10, 3), [2, 1]),
        (nn.distributed.MaxSizePartitioner(4), (6, 1), [6, 1]),
        (nn.distributed.MaxSizePartitioner(4, max_shards=2), (6, 1), [2, 1]),
        (nn.distributed.MaxSizePartitioner(1024), (6, 1), [1, 1]),
        (nn.distributed.MaxSizePartitioner(20), (6, 2), [3, 1]),
        (nn.distributed.MaxSizePartitioner(1), (6, 2), [6, 1]),
    ],
)
def test_partitioners(partitioner, shape, expected):
    assert partitioner(shape=shape, dtype="float32") == expected


def test_partitioner_along_another_axis():
    assert nn.distributed.FixedShardsPartitioner(2)((10, 3), "float32", axis=1) == [1, 2]


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.distributed.FixedShardsPartitioner(0),
        lambda: nn.distributed.MinSizePartitioner(min_shard_bytes=0),
        lambda: nn.distributed.MinSizePartitioner(max_shards=1.5),
        lambda: nn.distributed.MaxSizePartitioner(-1),
        lambda: nn.distributed.MaxSizePartitioner(4, max_shards=0),
        lambda: nn.distributed.FixedShardsPartitioner(2)((3,), "float32", axis=1),
        lambda: Layout({("w",): ((4, 4), "float32")}, 2, lambda shape, dtype: [1, 2]),
    ],
)
def test_what_partitioners_refuse(make):
    with pytest.raises(ValueError, match="expected"):
        make()


@pytest.mark.parametrize("servers", [1, 2, 3])
@pytest.mark.parametrize("pieces", [None, 2, 3])
@pytest.mark.parametrize("optimizer", [nn.optimizers.Adam(0.1), nn.optimizers.Nadam(0.1)])
def test_shards_together_move_weights_as_one_does(tmp_path, servers, pieces, optimizer):
    weights = {"table": {"rows": draw(7, 2)}, "dense": {"kernel": draw(2, 3), "bias": draw(3)}}
    gradients = [jax.tree.map(lambda a: draw(*a.shape), weights) for _ in range(3)]
    specs = {path: (a.shape, a.dtype) for path, a in flat(weights).items()}
    cut = pieces and nn.distributed.FixedShardsPartitioner(pieces)
    layout = Layout(specs, servers, cut)
    assert bool(layout.cut) == (pieces is not None and servers > 1)
    shards = [ParameterShard(tmp_path / str(index)) for index in range(servers)]
    for shard, part in zip(shards, layout.split(flat(weights)), strict=True):
        shard.load(Rules(optimizer, {}), part, {}, {})
    expected, state = weights, optimizer.init(weights)
    for number, gradient in enumerate(gradients):
        for shard, part in zip(shards, layout.split(flat(gradient)), strict=True):
            assert shard.push(number, part, {}) == number + 1
        changes, state = optimizer.update(gradient, state, expected)
        expected = jax.tree.map(lambda w, c: w + np.asarray(c), expected, changes)
    parts = [shard.everything() for shard in shards]
    found, slots = (layout.join([part[index] for part in parts]) for index in (0, 1))
    for one, other in ((found, flat(expected)), (slots, flat(state))):
        assert one.keys() == other.keys()
        for path, array in one.items():
            np.testing.assert_allclose(array, other[path], rtol=1e-6, atol=1e-7)
    again = [ParameterShard(tmp_path / "again" / str(index)) for index in range(servers)]
    for shard, weights_, slots_ in zip(
        again, layout.split(found), layout.split(slots), strict=True
    ):
        shard.load(Rules(optimizer, {}), weights_, slots_, {})
    resumed = layout.join([shard.everything()[1] for shard in again])
    assert all(np.array_equal(resumed[path], slots[path]) for path in slots)


def pushed(shard, updates):
    for number in updates:
        gradient = np.full(3, number + 1, "float32")
        shard.push(number, {("w",): gradient}, {("mean",): np.float32(0.5)})


def test_the_next_process_knows_all_that_was_confirmed(tmp_path):
    shard = ParameterShard(tmp_path)
    rules = Rules(nn.optimizers.Adam(0.1), {("w",): nn.constraints.NonNeg()})
    shard.load(rules, {("w",): np.ones(3, "float32")}, {}, {("mean",): np.float32(0)})
    pushed(shard, range(20))
    for _ in range(2):  # again and again
        following = ParameterShard(tmp_path)
        for one, other in zip(following.everything(), shard.everything(), strict=True):
            assert one.keys() == other.keys()
            assert all(np.array_equal(one[path], other[path]) for path in one)
    pushed(following, range(21))  # only the last of them is new
    assert following.pull()[0] == 21
    assert following.pull()[2][("mean",)] == pytest.approx(21 * 0.5)
    assert (following.pull()[1][("w",)] >= 0).all()


def test_the_next_process_knows_an_optimizer_of_optax(tmp_path):
    rules = Rules.of(nn.optimizers.get(optax.sgd(1.0)), {})
    ParameterShard(tmp_path).load(rules, {("w",): np.ones(3, "float32")}, {}, {})
    ParameterShard(tmp_path).push(0, {("w",): np.ones(3, "float32")}, {})
    assert ParameterShard(tmp_path).pull()[1][("w",)].tolist() == [0, 0, 0]


def test_an_entry_that_was_cut_off_was_never_confirmed(tmp_path):
    shard = ParameterShard(tmp_path)
    shard.load(Rules(nn.optimizers.SGD(1.0), {}), {("w",): np.zeros(3)}, {}, {("mean",): 0.0})
    pushed(shard, range(3))
    (path,) = tmp_path.glob("entries-*")
    os.truncate(path, path.stat().st_size - 5)
    following = ParameterShard(tmp_path)
    assert following.pull()[0] == 2
    pushed(following, [2])
    np.testing.assert_allclose(ParameterShard(tmp_path).pull()[1][("w",)], -6.0)


def test_a_large_journal_becomes_a_snapshot(tmp_path, monkeypatch):
    monkeypatch.setattr("nnlib.distributed.parameter_server.journal.COMPACT_BYTES", 1000)
    shard = ParameterShard(tmp_path)
    shard.load(Rules(nn.optimizers.SGD(1.0), {}), {("w",): np.zeros(3)}, {}, {("mean",): 0.0})
    pushed(shard, range(50))
    assert len(list(tmp_path.glob("snapshot-*"))) == 1
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 10_000
    following = ParameterShard(tmp_path)
    assert following.pull()[0] == 50
    np.testing.assert_allclose(following.pull()[1][("w",)], -50 * 51 / 2)


class Resolver:
    """What this needs of a cluster resolver."""

    def __init__(self, cluster, task_type=None):
        self.cluster, self.task_type = cluster, task_type

    def cluster_spec(self):
        return self

    def as_dict(self):
        return self.cluster


def test_clusters():
    tasks = engine.tasks_of(
        Resolver({"worker": ["localhost:1", "10.0.0.2:5"], "ps": {1: "127.0.0.1:3"}}, "chief")
    )
    assert tasks == engine.Tasks(("", "10.0.0.2"), ("",))
    with pytest.raises(ValueError, match='jobs "worker" and "ps"'):
        engine.tasks_of(Resolver({"worker": ["a:1"]}))
    with pytest.raises(RuntimeError, match="ray start"):
        engine.tasks_of(Resolver({"worker": ["a:1"], "ps": ["b:1"]}, "ps"))


def test_without_ray(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"nnlib\[ray\]"):
        nn.distributed.ParameterServerStrategy()
    with pytest.raises(ValueError, match="ParameterServerStrategy"):
        nn.distributed.ClusterCoordinator(nn.distributed.MirroredStrategy())


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
    call = sent.send(dispatcher.Call([lambda: 5]))  # nobody is there, and nobody starts a Ray
    assert not call.finished.is_set()
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
        children.append(subprocess.Popen([sys.executable, "-c", script]))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.wait(10)


def test_what_stands_still_is_ended_and_what_computes_is_not(started):
    """A function that keeps the interpreter to itself answers nothing either."""
    pytest.importorskip("ray")
    busy = started("sum(iter(int, 1))")  # for ever, within one call
    here = watch.Process(busy.pid, watch.use_of(busy.pid).began, "ab" * 28)
    assert not ended(here._replace(began=here.began - 1))  # another process of that number
    assert not ended(here)
    busy.send_signal(signal.SIGSTOP)
    while not watch.use_of(busy.pid).stopped:
        time.sleep(0.01)
    assert ended(here)
    assert busy.wait(10) == -signal.SIGKILL
    assert not ended(here)


def test_what_neither_answers_nor_computes_is_ended(started):
    idle = started("import time; time.sleep(100)")
    time.sleep(0.5)
    assert watch.ended(watch.Process(idle.pid, watch.use_of(idle.pid).began, "here"), 0.3)
    assert idle.wait(10) == -signal.SIGKILL


def test_the_next_use_after_close_starts_others(monkeypatch):
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
