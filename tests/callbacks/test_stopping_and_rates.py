"""Callbacks that end training or change its learning rate, against Keras' own on the same logs."""

import warnings

import numpy as np
import pytest

import nnlib as nn
from nnlib import callbacks, errors

X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


class Model:
    """What a callback sees of a model, with weights that tell the epoch."""

    def __init__(self, optimizer):
        self.stop_training = False
        self.optimizer = optimizer
        self.weights = None

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def run(callback, optimizer, values, monitor="val_loss"):
    """Feed one value per epoch; returns the epochs that ran, rates, and final weights."""
    model = Model(optimizer)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        model.weights = [np.float32(epoch)]
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {monitor: value})
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch, rates, model.weights


SERIES = [3.0, 2.0, 2.5, 1.9, 2.1, 1.85, 2.0, 2.2, 2.1, 2.4, 2.0, 2.3]
NAN = [float("nan")] * 4


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ({}, SERIES),
        ({"patience": 2}, SERIES),
        ({"patience": 2, "min_delta": 0.12}, SERIES),
        ({"patience": 3, "restore_best_weights": True}, SERIES),
        ({"patience": 1, "mode": "max"}, SERIES),
        ({"patience": 3, "baseline": 1.0}, SERIES),
        ({"patience": 1, "start_from_epoch": 4, "restore_best_weights": True}, SERIES),
        ({"patience": 2, "restore_best_weights": True}, NAN),
    ],
)
def test_early_stopping(keras, arguments, values):
    arguments = {"mode": "min", **arguments}
    want = run(keras.callbacks.EarlyStopping(**arguments), keras.optimizers.SGD(0.1), values)
    got = run(callbacks.EarlyStopping(**arguments), nn.optimizers.SGD(0.1), values)
    assert got[0] == want[0]
    assert got[2] == want[2]


@pytest.mark.parametrize(
    "arguments",
    [
        {"patience": 1},
        {"patience": 2, "factor": 0.5},
        {"patience": 1, "cooldown": 2},
        {"patience": 1, "min_lr": 0.02, "factor": 0.3},
        {"patience": 2, "min_delta": 0.2},
        {"patience": 1, "mode": "max"},
    ],
)
def test_reduce_lr_on_plateau(keras, arguments):
    arguments = {"mode": "min", **arguments}
    want = run(keras.callbacks.ReduceLROnPlateau(**arguments), keras.optimizers.SGD(0.1), SERIES)
    got = run(callbacks.ReduceLROnPlateau(**arguments), nn.optimizers.SGD(0.1), SERIES)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-6)


@pytest.mark.parametrize("schedule", [lambda epoch, rate: rate * 0.9, lambda epoch: 0.1 / 2**epoch])
def test_learning_rate_scheduler(keras, schedule):
    want = run(keras.callbacks.LearningRateScheduler(schedule), keras.optimizers.SGD(0.1), SERIES)
    got = run(callbacks.LearningRateScheduler(schedule), nn.optimizers.SGD(0.1), SERIES)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-5)


def test_a_log_that_is_not_there_is_said():
    with pytest.warns(UserWarning, match="EarlyStopping.*'val_loss'.*only loss"):
        run(callbacks.EarlyStopping(), nn.optimizers.SGD(0.1), [1.0], "loss")


def test_bad_arguments_are_refused():
    with pytest.raises(errors.ArgumentError, match="below 1"):
        callbacks.ReduceLROnPlateau(factor=1.0)
    with pytest.raises(errors.ArgumentError, match="'upwards'"):
        callbacks.EarlyStopping(mode="upwards")
    with pytest.raises(errors.ArgumentError, match="function"):
        callbacks.LearningRateScheduler(0.1)
    with pytest.raises(errors.UnexpectedArgumentError, match="on_epoch_ends"):
        callbacks.LambdaCallback(on_epoch_ends=print)
    assert callbacks.LambdaCallback(note=print).note is print
    for nowhere in ("", None):
        with pytest.raises(errors.ArgumentError, match="backup_dir"):
            callbacks.BackupAndRestore(nowhere)
    with pytest.raises(errors.ArgumentError, match="return a number"):
        run(callbacks.LearningRateScheduler(lambda epoch: None), nn.optimizers.SGD(0.1), [1.0])


@pytest.fixture
def model():
    model = nn.Sequential([nn.layers.Dense(1, input_shape=(2,))])
    model.compile(nn.optimizers.SGD(0.1), "mse")
    return model


def test_all_of_them_in_a_fit(model, tmp_path):
    seen = []
    history = model.fit(
        X, Y, batch_size=4, epochs=3, verbose=0, validation_data=(X, Y),
        callbacks=[
            callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)),
            callbacks.ReduceLROnPlateau(min_delta=100.0, patience=1),
            callbacks.CSVLogger(tmp_path / "log.csv"),
            callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: seen.append(batch),
                on_test_end=lambda logs: seen.append("test"),
            ),
        ],
    )  # fmt: skip
    assert seen == [0, 1, "test"] * 3
    np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.05, 0.1 / 3], rtol=1e-6)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0].split(",") == ["epoch", "learning_rate", "loss", "val_loss"]
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "1", "2"]
    assert float(lines[3].split(",")[2]) == history.history["loss"][2]


def test_who_is_killed_while_a_backup_is_deleted_leaves_no_half_of_it(model, tmp_path, monkeypatch):
    def fit():
        backup = callbacks.BackupAndRestore(tmp_path / "backup")
        model.fit(np.ones((4, 2)), np.ones(4), verbose=0, callbacks=backup)

    with monkeypatch.context() as killed:
        killed.setattr("shutil.rmtree", lambda *_, **__: None)
        fit()
    assert [path.name for path in tmp_path.iterdir()] == ["backup.deleted"]
    fit()
    assert not list(tmp_path.iterdir())


def test_csv_goes_on_and_has_columns_for_late_validation(model, tmp_path):
    path = tmp_path / "log.csv"
    for append in (False, True):
        logger = callbacks.CSVLogger(path, separator=";", append=append)
        model.fit(
            X, Y, epochs=2, verbose=0, callbacks=logger, validation_data=(X, Y), validation_freq=2
        )
    rows = [line.split(";") for line in path.read_text().splitlines()]
    assert rows[0] == ["epoch", "loss", "val_loss"]
    assert [row[0] for row in rows[1:]] == ["0", "1", "0", "1"]
    assert rows[1][2] == "NA"
    assert float(rows[2][2]) > 0


def test_nan_ends_training_where_it_comes(model):
    bad = Y.copy()
    bad[5] = np.nan
    calls = []
    count = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: calls.append(batch))
    model.compile("sgd", lambda y_true, y_pred: (y_true - y_pred) ** 2)  # NaN targets get through
    model.fit(
        X, bad, batch_size=2, shuffle=False, verbose=0,
        callbacks=[callbacks.TerminateOnNaN(), count],
    )  # fmt: skip
    assert calls == [0, 1, 2]
    with pytest.raises(errors.NonFiniteLossError, match=r"TerminateOnNaN.*got nan"):
        model.fit(
            X, bad, batch_size=2, shuffle=False, verbose=0,
            callbacks=callbacks.TerminateOnNaN(raise_error=True),
        )  # fmt: skip


def test_averaged_weights_are_evaluated_and_kept():
    model = nn.Sequential([nn.layers.Dense(1, input_shape=(2,), use_bias=False)])
    model.compile(nn.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), "mse")
    own, evaluated = [], []
    see = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: own.append(model.get_weights()[0]),
        on_test_begin=lambda logs: evaluated.append(model.get_weights()[0]),
    )
    model.fit(
        X, Y, epochs=4, verbose=0, validation_data=(X, Y),
        callbacks=[callbacks.SwapEMAWeights(), see],
    )  # fmt: skip
    average = own[0]  # by hand: the first step begins the mean
    for epoch, weights in enumerate(own):
        average = weights if epoch == 0 else 0.9 * average + 0.1 * weights
        np.testing.assert_allclose(evaluated[epoch], average, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], average, rtol=1e-5)
    model.compile("sgd", "mse")
    with pytest.raises(errors.ArgumentError, match="use_ema=True"):
        model.evaluate(X, Y, verbose=0, callbacks=callbacks.SwapEMAWeights())


def test_older_batch_methods_and_those_of_evaluation(model):
    seen = []

    class Old(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append(("train", batch, sorted(logs)))

        def on_test_batch_end(self, batch, logs=None):
            seen.append(("test", batch, sorted(logs)))

        def on_predict_batch_end(self, batch, logs=None):
            seen.append(("predict", batch, logs["outputs"].shape))

    model.fit(X, Y, batch_size=4, verbose=0, callbacks=Old())
    model.evaluate(X, Y, batch_size=4, verbose=0, callbacks=Old())
    model.predict(X, batch_size=5, callbacks=Old())
    assert seen == [
        *[("train", batch, ["loss"]) for batch in (0, 1)],
        *[("test", batch, ["loss"]) for batch in (0, 1)],
        ("predict", 0, (5, 1)),
        ("predict", 1, (3, 1)),
    ]


def test_a_remote_server_gets_the_logs(model):
    import http.server
    import json
    import threading
    import urllib.parse

    got = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            got.append(json.loads(urllib.parse.parse_qs(body)["data"][0]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            root = f"http://127.0.0.1:{server.server_port}"
            history = model.fit(X, Y, verbose=0, callbacks=callbacks.RemoteMonitor(root))
        finally:
            server.shutdown()
            thread.join()
    assert got == [{"epoch": 0, "loss": history.history["loss"][0]}]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, Y, verbose=0, callbacks=callbacks.RemoteMonitor(root))
    assert "RemoteMonitor" in str(caught[0].message)


def test_orbax_checkpoints_are_kept_and_read(model, tmp_path):
    model.fit(
        X, Y, epochs=3, verbose=0,
        callbacks=callbacks.OrbaxCheckpoint(tmp_path / "run", max_to_keep=2),
    )  # fmt: skip
    again = nn.Sequential([nn.layers.Dense(1, input_shape=(2,))])
    again.compile(nn.optimizers.SGD(0.1), "mse")
    with nn.saving.CheckpointManager(again, tmp_path / "run") as manager:
        assert manager.steps == [1, 2]
        manager.restore()
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
