"""What each of two processes does in `test_multi_worker.py`, and one process for comparison."""

import contextlib
import hashlib
import io
import json
import os
import socket

import jax
import numpy as np

import nnlib as nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(52, 6)).astype("float32")
Y = RNG.normal(size=(52, 1)).astype("float32")


def model(optimizer="sgd", **options):
    made = nn.Sequential(
        [nn.Input((6,)), nn.layers.Dense(8, "tanh"), nn.layers.Dropout(0.3), nn.layers.Dense(1)]
    )
    if optimizer == "sgd":
        optimizer = nn.optimizers.SGD(0.1)
    made.compile(optimizer, "mse", metrics=["mae"], **options)
    return made


def digest(arrays):
    return hashlib.sha256(b"".join(np.asarray(a).tobytes() for a in arrays)).hexdigest()


def fit_of_arrays(folder):
    nn.utils.set_random_seed(3)
    made = model()
    stop = nn.callbacks.EarlyStopping("val_loss", patience=0, min_delta=100.0)
    history = made.fit(
        X,
        Y,
        batch_size=16,
        epochs=4,
        verbose=2,
        validation_data=(X[:10], Y[:10]),
        callbacks=[
            nn.callbacks.ModelCheckpoint(folder / "best.keras", monitor="loss"),
            nn.callbacks.CSVLogger(folder / f"log-{jax.process_index()}.csv"),
            stop,
        ],
    ).history
    return made, {
        "history": history,
        "weights": made.get_weights(),
        "evaluate": made.evaluate(X, Y, batch_size=20, verbose=0),
        "predict": made.predict(X[:7]),
        "step": int(made.optimizer.iterations),
    }


def fit_of_a_dataset():
    nn.utils.set_random_seed(3)
    made = model("adam")
    data = nn.data.Dataset.from_tensor_slices((X, Y)).shuffle(52, seed=1).batch(12)
    made.fit(data, epochs=2, verbose=0)
    return made.get_weights()


def train(folder):
    strategy = nn.distributed.MultiWorkerMirroredStrategy()
    index = jax.process_index()
    printed = io.StringIO()
    with strategy.scope():
        with contextlib.redirect_stdout(printed):
            made, found = fit_of_arrays(folder)
        found["dataset"] = fit_of_a_dataset()
    found["printed"] = printed.getvalue()
    found["restored"] = digest(nn.models.load_model(folder / "best.keras").get_weights())
    found["digest"] = digest(made.get_weights())
    found["replicas"] = strategy.num_replicas_in_sync
    found["index"] = index
    with strategy.scope():
        nn.utils.set_random_seed(index)  # the weights of the first count
        other = model()
        other.fit(X, Y, epochs=1, verbose=0)
    found["other"] = other.get_weights()
    if jax.process_count() > 1:
        found["listens"] = [listens(strategy, host) for host in ("127.0.0.1", "127.0.0.2")]
        found["again"] = nn.distributed.MultiWorkerMirroredStrategy().num_replicas_in_sync
        found["refused"] = refusals(strategy)
    return found


def listens(strategy, host):
    """Whether the first process is reached at an address of its machine."""
    address = strategy.cluster_resolver.cluster_spec().task_address("worker", 0)
    try:
        socket.create_connection((host, int(address.split(":")[1])), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def refusals(strategy):
    index = jax.process_index()
    found = []
    with strategy.scope():
        made = model()
    for data in (X + index, X[: 40 + index]):
        try:
            made.fit(data, Y[: len(data)], verbose=0)
        except nn.errors.DataError as error:
            found.append(str(error))
    os.environ["TF_CONFIG"] = json.dumps(
        {"cluster": {"worker": ["a:1", "b:1", "c:1"]}, "task": {"type": "worker", "index": 0}}
    )
    try:
        nn.distributed.MultiWorkerMirroredStrategy()
    except nn.distributed.StrategyError as error:
        found.append(str(error))
    return found
