"""Layers that carry their state from batch to batch, in fit, evaluate and predict, as in Keras."""

import numpy as np
import pytest

import nnlib as nn
from nnlib import errors

generator = np.random.default_rng(0)
X = generator.normal(size=(8, 3, 2)).astype("float32")  # 4 batches of 2 rows that go on
Y = generator.normal(size=(8, 4)).astype("float32")


def build(library, rate=0.1):
    model = library.Sequential(
        [library.Input(batch_shape=(2, 3, 2)), library.layers.LSTM(4, stateful=True)]
    )
    model.compile(library.optimizers.SGD(rate), "mse")
    return model


def one_by_one(keras, trained, passes=1):
    """What Keras' layer gives, called batch by batch (compiled, Keras 3.15 mixes up h and c)."""
    layer = keras.layers.LSTM(4, stateful=True)
    layer(X[:2])
    layer.cell.set_weights(trained)
    layer.reset_state()
    batches = [X[i : i + 2] for i in range(0, 8, 2)] * passes
    return np.concatenate([np.asarray(layer(batch)) for batch in batches])


def test_predict_goes_on_from_batch_to_batch(keras):
    model = build(nn)
    want = one_by_one(keras, model.get_weights()[:3], passes=2)
    np.testing.assert_allclose(model.predict(X, batch_size=2), want[:8], atol=1e-5)
    np.testing.assert_allclose(model.predict(X, batch_size=2), want[8:], atol=1e-5)
    model.reset_states()
    np.testing.assert_allclose(model.predict(X, batch_size=2), want[:8], atol=1e-5)
    model.layers[-1].reset_states()
    np.testing.assert_allclose(np.asarray(model(X[:2])), want[:2], atol=1e-5)


def test_one_long_sequence_is_its_pieces():
    model = build(nn)
    long = np.concatenate([X[i : i + 2] for i in range(0, 8, 2)], axis=1)
    whole = nn.layers.LSTM(4)
    whole(long)
    whole.set_weights(model.get_weights()[:3])
    np.testing.assert_allclose(model.predict(X, batch_size=2)[-2:], whole(long), atol=1e-5)


def test_fit_and_evaluate_carry_it_too(keras):
    model = build(nn, rate=0.0)
    want = np.square(one_by_one(keras, model.get_weights()[:3], passes=3) - np.tile(Y, (3, 1)))
    options = {"batch_size": 2, "verbose": 0}
    history = model.fit(X, Y, epochs=2, shuffle=False, **options)
    losses = want.reshape(3, -1).mean(1)
    np.testing.assert_allclose(history.history["loss"], losses[:2], rtol=1e-5)
    assert model.evaluate(X, Y, **options) == pytest.approx(losses[2], rel=1e-5)


def test_a_batch_of_another_size_is_refused():
    model = build(nn)
    with pytest.raises(errors.ShapeError, match="2"):
        model.predict(X[:3], batch_size=2)
    with pytest.raises(errors.NnlibError, match="batch"):
        nn.Sequential([nn.Input((3, 2)), nn.layers.GRU(4, stateful=True)])
