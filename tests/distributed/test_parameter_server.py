"""Asynchronous training by real processes of Ray on this machine, some of which are killed."""

import contextlib
import importlib
import importlib.util
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import nnlib as nn
from tests.distributed.waiting import wait_until

if importlib.util.find_spec("ray") is None:
    pytest.skip("needs Ray", allow_module_level=True)
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

STEPS, ROWS, RATE = 40, 4, 0.01
RNG = np.random.default_rng(0)
X = RNG.normal(size=(STEPS * ROWS, 6)).astype("float32")
FAR_BELOW = np.full((STEPS * ROWS, 1), -1000, "float32")


class Cluster:
    """Two workers and two parameter servers."""

    task_type = "chief"

    def cluster_spec(self):
        return self

    def as_dict(self):
        return {"worker": ["localhost:1", "localhost:2"], "ps": ["localhost:3", "localhost:4"]}


@pytest.fixture(scope="module")
def strategy(tmp_path_factory):
    importlib.import_module("ray")  # as a script may have done; docs/distributed.md has not
    made = nn.distributed.ParameterServerStrategy(
        Cluster(),
        nn.distributed.FixedShardsPartitioner(2),
        checkpoint_dir=tmp_path_factory.mktemp("servers"),
        heartbeat_seconds=10.0,
    )
    made.cluster()
    yield made
    made.ray.shutdown()


@pytest.fixture
def coordinator(strategy):
    return nn.distributed.ClusterCoordinator(strategy)


def process_of(actor):
    ray = importlib.import_module("ray")
    for _ in range(300):
        try:
            return ray.get(actor.process.remote(), timeout=60)
        except ray.exceptions.RayActorError:  # it is coming back from the test before
            time.sleep(0.1)
    raise AssertionError("no process")


def kill(actor):
    os.kill(process_of(actor), signal.SIGKILL)


# fit -------------------------------------------------------------------------------------------


def linear(strategy):
    """A model whose gradients do not depend on its weights: |x w + b + 1000|, far above 0."""
    with strategy.scope():
        model = nn.Sequential([nn.Input((6,)), nn.layers.Dense(1)])
        model.compile(nn.optimizers.SGD(RATE), "mae", metrics=["mae"])
    return model


def killing(strategy, victims):
    """The batches; before those with these numbers a process is killed."""
    for step in range(STEPS):
        for actor in victims.get(step, []):
            kill(actor)
        rows = slice(step * ROWS, (step + 1) * ROWS)
        yield X[rows], FAR_BELOW[rows]


@pytest.mark.parametrize("who", ["nobody", "a worker", "a server", "all"])
def test_each_step_counts_once_whoever_is_killed(strategy, who):
    """The weights follow from mathematics: nothing is lost, and nothing is applied twice."""
    sent = strategy.cluster()
    victims = {
        "nobody": {},
        "a worker": {12: sent.workers[:1]},
        "a server": {12: strategy._processes.servers[:1]},
        "all": {12: [*sent.workers, *strategy._processes.servers]},
    }[who]
    model = linear(strategy)
    kernel, bias = model.get_weights()
    history = model.fit(killing(strategy, victims), steps_per_epoch=STEPS, verbose=0)
    moved, shifted = model.get_weights()
    np.testing.assert_allclose(moved, kernel - RATE * STEPS * X.mean(0)[:, None], atol=1e-5)
    np.testing.assert_allclose(shifted, bias - RATE * STEPS, rtol=1e-5)
    assert model.trainer._step == STEPS == int(model.optimizer.state["step"])
    assert history.history["loss"] == history.history["mae"]
    assert history.history["loss"][0] == pytest.approx(1000, rel=0.01)


def test_a_model_learns_and_callbacks_see_it(strategy):
    """Adam, BatchNormalization, Dropout, a frozen layer, a rate that changes."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(98, 6)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    with strategy.scope():
        frozen = nn.layers.Dense(6, kernel_initializer="identity", trainable=False)
        model = nn.Sequential([nn.Input((6,)), frozen, nn.layers.Dense(8, "tanh")])
        model.add(nn.layers.BatchNormalization(momentum=0.5))
        model.add(nn.layers.Dropout(0.1))
        model.add(nn.layers.Dense(1))
        model.compile(nn.optimizers.Adam(0.05), "mse", metrics=["mae"])
    seen = []

    class Looks(nn.callbacks.Callback):
        batch_interval = 3

        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, sorted(logs), int(model.trainer.current().step)))

    schedule = nn.callbacks.LearningRateScheduler(lambda epoch: 0.05 if epoch < 3 else 0.0)
    callbacks = [schedule, Looks()]
    options = {"epochs": 5, "batch_size": 16, "verbose": 0, "validation_data": (x, y)}
    history = model.fit(x, y, callbacks=callbacks, **options).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["learning_rate"][-1] == 0.0
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(x, y, verbose=0)[0], rel=1e-5)
    assert seen[:3] == [(2, ["loss", "mae"], 3), (5, ["loss", "mae"], 6), (2, ["loss", "mae"], 10)]
    assert np.abs(model.layers[2].moving_mean).max() > 0.01
    np.testing.assert_array_equal(frozen.kernel, np.eye(6))
    before = [np.array(layer.kernel) for layer in (model.layers[1], model.layers[-1])]
    model.optimizer.learning_rate = 0.0
    model.fit(x, y, epochs=1, verbose=0, shuffle=False)
    for kernel, layer in zip(before, (model.layers[1], model.layers[-1]), strict=True):
        np.testing.assert_array_equal(layer.kernel, kernel)


def test_errors_of_a_step_reach_the_script(strategy):
    def wrong(y_true, y_pred):
        raise ZeroDivisionError("wrong")

    model = linear(strategy)
    model.compile("sgd", wrong)
    with pytest.raises(ZeroDivisionError, match="wrong"):
        model.fit(X[:8], FAR_BELOW[:8], verbose=0)
    linear(strategy).fit(X[:8], FAR_BELOW[:8], verbose=0)  # the workers are there for others


@pytest.mark.parametrize(
    ("optimizer", "match"),
    [
        (nn.optimizers.SGD(global_clipnorm=1.0), "global_clipnorm"),
        (nn.optimizers.Lamb(), "Lamb"),
        (nn.optimizers.LossScaleOptimizer(nn.optimizers.SGD()), "loss scaling"),
    ],
)
def test_what_parts_of_weights_cannot_do_is_refused(strategy, optimizer, match):
    model = linear(strategy)
    model.compile(optimizer, "mae")
    with pytest.raises(RuntimeError, match=match):
        model.fit(X[:4], FAR_BELOW[:4], verbose=0)


def test_what_workers_cannot_do_is_refused(strategy):
    with strategy.scope():
        limited = nn.layers.Dense(1, kernel_constraint="non_neg")
        model = nn.Sequential([nn.Input((6,)), limited])
        model.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match=r"constraint on .*kernel"):
        model.fit(X[:4], FAR_BELOW[:4], verbose=0)
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(RuntimeError, match="run_eagerly"):
        model.fit(X[:4], FAR_BELOW[:4], verbose=0)


# schedule --------------------------------------------------------------------------------------


def test_functions_run_at_least_once_though_workers_die(strategy, coordinator):
    weights = strategy.create_parameters({"w": np.zeros(3, "float32")}, nn.optimizers.SGD(1.0))

    def step(number):
        time.sleep(0.01)
        version = weights.push({"w": np.ones(3, "float32")}, update=number)
        return number, version

    values = [coordinator.schedule(step, args=(number,)) for number in range(60)]
    kill(strategy.cluster().workers[0])
    assert not coordinator.done()
    coordinator.join()
    assert coordinator.done()
    assert [number for number, _ in coordinator.fetch(values)] == list(range(60))
    np.testing.assert_array_equal(weights.pull()["w"], np.full(3, -60.0))  # by its own name: once


def test_processes_that_stand_still_are_replaced(strategy, coordinator):
    """The others go on meanwhile, what was lost is run again; a long function is left alone."""
    weights = strategy.create_parameters({"w": np.zeros(3, "float32")}, nn.optimizers.SGD(1.0))

    def step(number, seconds):
        time.sleep(seconds)
        weights.push({"w": np.ones(3, "float32")}, update=number)
        return os.getpid()

    worker, server = strategy.cluster().workers[0], strategy._processes.servers[0]
    stopped = [process_of(worker), process_of(server)]
    watch = strategy._processes.watch
    watch.seconds = 1.5
    try:
        wait_until(lambda: {p.number for p in watch._known.values()} >= set(stopped))
        os.kill(stopped[0], signal.SIGSTOP)
        values = [coordinator.schedule(step, (0, 3.0))]
        values += [coordinator.schedule(step, (number, 0.02)) for number in range(1, 20)]
        os.kill(stopped[1], signal.SIGSTOP)
        coordinator.join()
        assert stopped[0] not in coordinator.fetch(values)
        np.testing.assert_array_equal(weights.pull()["w"], np.full(3, -20.0))
        assert process_of(worker) != stopped[0]
        assert process_of(server) != stopped[1]
    finally:
        watch.seconds = 10.0


def test_a_dataset_for_each_worker(strategy, coordinator):
    def dataset():
        return nn.data.Dataset.range(10_000)

    iterator = iter(coordinator.create_per_worker_dataset(dataset))
    table = coordinator.create_per_worker_resource(lambda: {"process": os.getpid()})

    def take(iterator, table=None):
        assert table["process"] == os.getpid()
        time.sleep(0.05)
        return os.getpid(), int(next(iterator))

    found = []

    def both_have_taken():  # one may have just been started
        values = [coordinator.schedule(take, (iterator,), {"table": table}) for _ in range(10)]
        found.extend(coordinator.fetch({"all": values})["all"])
        return len({process for process, _ in found}) == 2

    wait_until(both_have_taken)
    for process in {process for process, _ in found}:
        mine = sorted(number for owner, number in found if owner == process)
        assert mine == list(range(len(mine)))
    with pytest.raises(nn.distributed.StrategyError, match="function that is scheduled"):
        next(iterator)
    with pytest.raises(ValueError, match="lambda"):
        coordinator.create_per_worker_dataset([1, 2])


def test_an_error_ends_what_waits(strategy, coordinator):
    def fails():
        raise KeyError("mine")

    def sleeps():
        time.sleep(0.2)

    values = [coordinator.schedule(sleeps) for _ in range(4)]
    failed = coordinator.schedule(fails)
    values += [coordinator.schedule(sleeps) for _ in range(20)]
    with pytest.raises(KeyError, match="mine"):
        coordinator.join()
    with pytest.raises(KeyError, match="mine"):
        failed.fetch()
    with pytest.raises(nn.distributed.StrategyError, match="cancelled"):
        values[-1].fetch()
    assert coordinator.schedule(os.getpid).fetch(60) > 0
    coordinator.join()
    with pytest.raises(nn.distributed.StrategyError, match="within"):
        coordinator.schedule(sleeps).fetch(0.01)
    with pytest.raises(ValueError, match="fetch"):
        coordinator.schedule(os.getpid, args=(failed,))
    with pytest.raises(ValueError, match="a function"):
        coordinator.schedule(3)
    coordinator.join()


def test_what_cannot_travel_is_an_error_and_no_death(strategy, coordinator):
    class UnreadableError(Exception):
        def __init__(self, one, two):
            super().__init__(one)

    def raises(error):
        raise SystemExit(3) if error is None else UnreadableError(error, 2)

    lock = threading.Lock()
    for wrong in ((lambda: lock, ()), (id, (lock,))):
        with pytest.raises(ValueError, match="pickled, got: cannot pickle"):
            coordinator.schedule(*wrong)
    large = coordinator.schedule(id, (np.zeros(2**20), lock))  # pickled by Ray, in a thread
    with pytest.raises(TypeError, match="serialize"):
        coordinator.join()
    assert large.finished()
    for given, match in ((None, "SystemExit: 3"), ("mine", "UnreadableError: mine")):
        with pytest.raises(nn.distributed.StrategyError, match=match):
            coordinator.schedule(raises, (given,)).fetch(60)
        with pytest.raises(nn.distributed.StrategyError, match=match):
            coordinator.join()


def test_the_guides_block(strategy):
    default = nn.distributed.ParameterServerStrategy()  # starts nothing until it is used
    assert repr(default) == "ParameterServerStrategy(2 workers, 1 parameter servers)"
    with strategy.scope():
        model = nn.models.Sequential(
            [nn.layers.Dense(512, activation="relu"), nn.layers.Dense(10, activation="softmax")]
        )
        model.compile(
            optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
        )
    assert strategy.num_replicas_in_sync == 1
    labels = np.argmax(X, axis=1)
    data = nn.data.Dataset.from_tensor_slices((X, labels)).batch(16).repeat()
    history = model.fit(data, epochs=3, steps_per_epoch=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.predict(X[:3]).shape == (3, 10)


def test_rows_of_a_table_move_as_on_one_device(strategy):
    """The gradients do not depend on the weights: |mean of rows + 1000|, far above 0."""
    words, ids = 1000, np.random.default_rng(2).integers(0, 50, (48, 3))

    def table():
        layers = [nn.layers.Embedding(words, 1), nn.layers.GlobalAveragePooling1D()]
        model = nn.Sequential([nn.Input((3,), dtype="int32"), *layers])
        model.compile(nn.optimizers.SGD(1.0), "mae")
        return model

    alone = table()
    with strategy.scope():
        model = table()
    model.set_weights(alone.get_weights())
    for one in (model, alone):
        one.fit(ids, FAR_BELOW[:48], batch_size=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], alone.get_weights()[0], atol=1e-5)
    assert np.abs(model.get_weights()[0][:50]).max() > 0.5


def sockets_of(text):
    """The inodes of the sockets of all processes that have this text on their command line."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if text.encode() in (process / "cmdline").read_bytes():
                found |= {os.readlink(file) for file in (process / "fd").iterdir()}
    return found


def test_ray_listens_on_the_loopback_interface_alone(strategy):
    (node,) = strategy.ray.nodes()
    own = sockets_of(node["RayletSocketName"])  # another Ray may run beside it
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    listening = {row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own}
    assert any(address.endswith(f":{node['NodeManagerPort']:04X}") for address in listening)
    assert {address for address in listening if "0100007F:" not in address} == set()  # 127.0.0.1


def test_close_ends_the_processes(strategy):
    """The last test: there are none behind it."""
    processes = [
        process_of(actor) for actor in (*strategy.cluster().workers, *strategy._processes.servers)
    ]
    strategy.close()
    for _ in range(100):
        if not any(os.path.exists(f"/proc/{process}") for process in processes):
            break
        time.sleep(0.1)
    else:
        raise AssertionError("processes are still there")
    strategy.close()
