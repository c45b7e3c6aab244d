"""Bad input: each a clear error that names the place and the remedy."""

import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers

X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
Y = np.arange(20) % 3


def make(loss="sparse_categorical_crossentropy", units=3, **options):
    model = nn.Sequential([nn.Input((4,)), layers.Dense(units, activation="softmax", name="top")])
    model.compile("sgd", loss, **options)
    return model


def fit(x=X, y=Y, model=None, **options):
    return lambda: (model or make()).fit(x, y, verbose=0, **options)


CASES = [
    (fit(X, Y[:19]), errors.DataError, r"fit: .*same number of rows, got x with 20, y with 19"),
    (fit(X[:0], Y[:0]), errors.DataError, r"fit: .*at least one row"),
    (fit(None, Y), errors.DataError, r"fit: expected x to hold arrays"),
    (fit(np.array(["a"] * 20), Y), errors.DTypeError, r"fit: expected x to hold numbers, got .*U1"),
    (fit(np.array([object()] * 20), Y), errors.DTypeError, r"x to hold numbers, got dtype object"),
    (fit([[1, 2], [3]] * 10, Y), errors.DataError, r"rows of different lengths.*Pad them"),
    (fit(X[:, :3], Y), errors.ShapeError, r"\(None, 4\), got \(20, 3\)"),
    (fit(np.float32(3), Y), errors.DataError, r"batch axis"),
    (fit(X, np.full(20, 2**40)), errors.DataError, r"within 32 bits"),
    (fit(X, Y + 1), errors.DataError, r"fit.*3"),
    (fit(X, Y - 1), errors.DataError, r"fit.*-1"),
    (fit(X, np.eye(9)[Y], make("categorical_crossentropy", 10)), errors.ShapeError, r"10.*9"),
    (
        fit(X, Y, make("categorical_crossentropy")),
        errors.ShapeError,
        r"sparse_categorical|to_categ",
    ),
    (fit(X, X[:, :3] * np.nan, make("mse")), errors.DataError, r"NaN"),
    (fit(X, [Y, Y]), errors.DataError, r"targets for 1 outputs"),
    (fit(X, None), errors.DataError, r"expected targets for output 'top'"),
    (fit(batch_size=0), errors.ArgumentError, r"batch_size of at least 1"),
    (fit(batch_size=2.5), errors.ArgumentError, r"batch_size to be an integer"),
    (fit(validation_split=1.5), errors.ArgumentError, r"between 0 and 1, got 1\.5"),
    (fit(validation_split=0.99), errors.ArgumentError, r"leave rows on both sides"),
    (fit(validation_data=X), errors.ArgumentError, r"validation_data to be \(x, y\)"),
    (
        fit(validation_data=(X, Y[:3])),
        errors.DataError,
        r"validation data\): .*x with 20, y with 3",
    ),
    (fit(validation_data=(X, Y + 5)), errors.DataError, r"validation data"),
    (fit(callbacks=["print"]), errors.ArgumentError, r"expected Callback objects, got 'print'"),
    (fit(sample_weight=np.ones(3)), errors.DataError, r"sample_weight with 3"),
    (lambda: make(loss="msee"), errors.UnknownNameError, r"'msee'.*'mse'"),
    (fit(model=make(metrics=["acuracy"])), errors.UnknownNameError, r"'acuracy'.*'accuracy'"),
    (lambda: make().compile("adm"), errors.UnknownNameError, r"'adm'.*'adam'"),
    (fit(model=make(loss={"tpo": "mse"})), errors.ArgumentError, r"'tpo'.*Did you mean 'top'"),
    (fit(model=make(loss=["mse", "mse"])), errors.ArgumentError, r"1 outputs.*list of 2"),
    (
        fit(model=make(loss_weights=["accuracy"])),
        errors.ArgumentError,
        r"metrics=\[\.\.\.\] by name",
    ),
    (
        fit(model=nn.Sequential([layers.Dense(1)])),
        errors.NotCompiledError,
        r"compile\(\) before fit",
    ),
    (lambda: nn.Sequential([layers.Dense(1)]).summary(), errors.NotBuiltError, r"build\(\(None"),
    (lambda: nn.Sequential([layers.Dense(1)]).get_weights(), errors.NotBuiltError, r"input shape"),
    (lambda: make().optimizer and nn.Sequential().optimizer, errors.NotCompiledError, r"optimizer"),
]


@pytest.mark.parametrize(("act", "error", "text"), CASES)
def test_bad_input_is_refused_in_words(act, error, text):
    with pytest.raises(error, match=text):
        act()


def test_nan_names_the_step_and_how_to_go_on():
    model = make()
    x = X.copy()
    x[13] = np.nan
    model.fit(X, Y, epochs=1, batch_size=4, verbose=0)
    with pytest.raises(
        errors.NonFiniteLossError, match=r"NaN at step 8 \(epoch 2, batch 3\).*run_eagerly=True"
    ):
        model.fit(x, Y, epochs=2, initial_epoch=1, batch_size=4, verbose=0, shuffle=False)


def test_run_eagerly_names_the_layer_that_is_not_finite():
    model = nn.Sequential(
        [
            nn.Input((4,)),
            layers.Dense(3, name="fine"),
            layers.Lambda(lambda x: x * np.float32(1e38) * 10, name="huge"),
            layers.Dense(1, name="top"),
        ]
    )
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(
        errors.NonFiniteLossError, match=r"at step 0: the output of huge \(Lambda\)"
    ):
        model.fit(X, X[:, :1], batch_size=5, verbose=0)


def test_find_nonfinite_looks_at_inputs_weights_and_outputs():
    model = make()
    assert nn.training.find_nonfinite(model, X) is None
    bad = X.copy()
    bad[0, 0] = np.inf
    assert nn.training.find_nonfinite(model, bad) == "the input holds 1 non-finite value of 80"


def test_a_failed_fit_leaves_a_usable_model():
    class Stop(nn.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    model = make()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, verbose=0, callbacks=[Stop()])
    assert np.isfinite(model.predict(X)).all()
    model.fit(X, Y, verbose=0)


def test_stop_training_ends_the_epoch_and_the_fit():
    class Stop(nn.callbacks.Callback):
        seen = 0

        def on_train_batch_end(self, batch, logs=None):
            self.seen += 1
            self.model.stop_training = batch == 1

    stop = Stop()
    history = make().fit(X, Y, batch_size=4, epochs=5, verbose=0, callbacks=[stop])
    assert (stop.seen, history.epoch) == (2, [0])
