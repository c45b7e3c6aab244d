"""When callbacks are called, with what, and what they may do."""

import numpy as np
import pytest

import nnlib as nn
from nnlib import layers

X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
Y = np.arange(20) % 3


def make():
    model = nn.Sequential([nn.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Recorder(nn.callbacks.Callback):
    """Notes every call."""

    def __init__(self):
        self.calls = []

    def __getattribute__(self, name):
        if not name.startswith("on_"):
            return super().__getattribute__(name)
        return lambda *args: self.calls.append((name, *[a for a in args if isinstance(a, int)]))

    def on_train_batch_begin(self, batch, logs=None):
        """Only so that the class counts as one that listens to batches."""


def test_the_order_of_calls():
    recorder = Recorder()
    make().fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=recorder, validation_data=(X, Y))
    epoch = [
        ("on_train_batch_begin", 0),
        ("on_train_batch_end", 0),
        ("on_train_batch_begin", 1),
        ("on_train_batch_end", 1),
        ("on_test_begin",),
        ("on_test_batch_begin", 0),
        ("on_test_batch_end", 0),
        ("on_test_batch_begin", 1),
        ("on_test_batch_end", 1),
        ("on_test_end",),
    ]
    assert recorder.calls == [
        ("on_train_begin",),
        ("on_epoch_begin", 0),
        *epoch,
        ("on_epoch_end", 0),
        ("on_epoch_begin", 1),
        *epoch,
        ("on_epoch_end", 1),
        ("on_train_end",),
    ]


def test_logs_are_floats_in_the_order_of_compile():
    logs_seen = []

    class Look(nn.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            logs_seen.append(logs)

    make().fit(X, Y, batch_size=10, verbose=0, callbacks=[Look()])
    assert [list(logs) for logs in logs_seen] == [["loss", "accuracy"]] * 2
    assert all(type(value) is float for logs in logs_seen for value in logs.values())


def test_a_batch_interval_is_kept_and_changes_nothing():
    class Every(nn.callbacks.Callback):
        batch_interval = 3

        def __init__(self):
            self.batches = []

        def on_train_batch_end(self, batch, logs=None):
            self.batches.append(batch)

    nn.utils.set_random_seed(0)
    plain = make()
    plain.fit(X, Y, batch_size=2, verbose=0)
    nn.utils.set_random_seed(0)
    watched, every = make(), Every()
    watched.fit(X, Y, batch_size=2, verbose=0, callbacks=[every])
    assert every.batches == [2, 5, 8]
    np.testing.assert_array_equal(plain.get_weights()[0], watched.get_weights()[0])


def test_weights_may_be_read_and_written_at_any_time():
    class Freeze(nn.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.first = self.model.get_weights()

        def on_train_batch_end(self, batch, logs=None):
            assert not np.array_equal(self.model.layers[0].kernel, self.first[0])
            self.model.set_weights(self.first)

    model = make()
    before = model.get_weights()
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[Freeze()])
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_evaluate_and_predict_within_a_callback():
    class Look(nn.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.loss = self.model.evaluate(X, Y, verbose=0)[0]
            self.shape = self.model.predict(X).shape

    model, look = make(), Look()
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[look])
    np.testing.assert_allclose(look.loss, model.evaluate(X, Y, verbose=0)[0], rtol=1e-6)
    assert look.shape == (20, 3)


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_log_file_gets_one_clean_line_per_epoch(capsys, verbose):
    make().fit(X, Y, epochs=2, verbose=verbose)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2 - 1/1 - ")
    assert "loss: " in lines[0]
    assert "accuracy: " in lines[0]
    assert not any(ord(character) < 32 for line in lines for character in line)


def test_silence(capsys):
    model = make()
    model.fit(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X)
    assert capsys.readouterr().out == ""
    model.predict(X, batch_size=5, verbose=2)
    assert capsys.readouterr().out.startswith("4/4 - ")


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    make().fit(X, Y, epochs=1, batch_size=5, verbose="auto")
    out = capsys.readouterr().out
    assert "Epoch 1/1" in out
    assert "4/4" in out
