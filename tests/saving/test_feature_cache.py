"""Features of a frozen base: computed once for the same weights and data."""

import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers
from nnlib.saving import cached_features

X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


def make():
    nn.utils.set_random_seed(1)
    return nn.Sequential(
        [nn.Input((3,)), layers.Dense(5, "relu"), layers.BatchNormalization()], name="base"
    )


def counted(monkeypatch, model):
    calls = []
    predict = model.predict
    monkeypatch.setattr(
        model, "predict", lambda *args, **kwargs: calls.append(1) or predict(*args, **kwargs)
    )
    return calls


def test_they_are_computed_once(tmp_path, monkeypatch):
    model = make()
    calls = counted(monkeypatch, model)
    expected = model.predict(X, verbose=0)
    calls.clear()
    for _ in range(3):
        np.testing.assert_array_equal(cached_features(model, X, tmp_path / "new"), expected)
    assert len(calls) == 1
    again = make()  # of the same weights, as in a new process
    calls = counted(monkeypatch, again)
    np.testing.assert_array_equal(cached_features(again, X, tmp_path / "new"), expected)
    assert not calls


def test_other_weights_state_or_data_are_computed_anew(tmp_path, monkeypatch):
    model = make()
    calls = counted(monkeypatch, model)
    cached_features(model, X, tmp_path)
    cached_features(model, X + 1, tmp_path)
    cached_features(model, X.astype("float64"), tmp_path)
    model.layers[0].bias = np.ones(5)
    changed = cached_features(model, X, tmp_path)
    model.layers[1].moving_mean = np.ones(5)
    moved = cached_features(model, X, tmp_path)
    assert len(calls) == len(list(tmp_path.iterdir())) == 5
    assert not np.allclose(changed, moved)
    model.compile("sgd", "mse")  # how it would be trained says nothing about what it computes
    cached_features(model, X, tmp_path)
    assert len(calls) == 5


def test_a_damaged_file_is_made_again(tmp_path):
    model = make()
    expected = cached_features(model, X, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:40])
    np.testing.assert_array_equal(cached_features(model, X, tmp_path), expected)
    np.testing.assert_array_equal(cached_features(model, X, tmp_path), expected)


def test_several_outputs_are_refused(tmp_path):
    begin = nn.Input((3,))
    model = nn.Model(begin, [layers.Dense(1)(begin), layers.Dense(2)(begin)])
    with pytest.raises(errors.ArgumentError, match="one output"):
        cached_features(model, X, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_top_learns_from_them(tmp_path):
    base = make()
    base.trainable = False
    features = cached_features(base, X, tmp_path)
    top = nn.Sequential([nn.Input((5,)), layers.Dense(1)])
    top.compile(nn.optimizers.SGD(0.1), "mse")
    whole = nn.Sequential([nn.Input((3,)), base, top])
    y = X[:, :1]
    top.fit(features, y, epochs=3, batch_size=4, verbose=0)
    np.testing.assert_allclose(
        whole.predict(X, verbose=0), top.predict(features, verbose=0), rtol=1e-5
    )
