"""A `compute_loss` of the user: what it may call, and what it may return."""

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

X = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
Y = X.sum(1, keepdims=True)


class CallsLayers(nn.Model):
    """Trained through a second call of its layers, in another state and with another draw."""

    loss_parts = ("data", "size")

    def __init__(self):
        super().__init__()
        self.dense, self.norm = nn.layers.Dense(1), nn.layers.BatchNormalization()
        self.dropout = nn.layers.Dropout(0.5)

    def call(self, x):
        return self.dense(self.norm(self.dropout(x)))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        self.norm(x)
        dropped = jnp.max(jnp.abs(self.dropout(jnp.ones_like(x)) - self.dropout(jnp.ones_like(x))))
        data = jnp.mean(jnp.square(self.dense(x) - y))
        size = jnp.sum(jnp.square(self.dense.kernel))
        return data + 0.1 * size, {"data": data, "size": dropped if training else size}


def test_layers_called_in_it_are_trained():
    model = CallsLayers()
    model.compile(nn.optimizers.SGD(0.1))
    model(X)
    kernel = model.dense.get_weights()[0]
    logs = model.train_on_batch(X, Y, return_dict=True)
    slope = 2 * X.T @ (X @ kernel - Y) / 8 + 0.2 * kernel
    np.testing.assert_allclose(model.dense.get_weights()[0], kernel - 0.1 * slope, rtol=1e-4)
    assert logs["data_loss"] == pytest.approx(np.mean(np.square(X @ kernel - Y)), rel=1e-5)
    assert logs["size_loss"] > 0  # two draws of one layer differ
    mean = model.norm.get_weights()[2]  # the second call went on from the state of the first
    assert not np.allclose(mean, 0.01 * X.mean(0), rtol=0.3)
    kernel = model.dense.get_weights()[0]
    evaluated = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert evaluated["size_loss"] == pytest.approx(np.square(kernel).sum(), rel=1e-5)
    assert list(model.fit(X, Y, verbose=0).history) == ["loss", "data_loss", "size_loss"]
    assert model.metrics_names == ["loss", "data_loss", "size_loss"]


def test_several_outputs_with_losses_in_compile():
    class Both(nn.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return 2 * super().compute_loss(x, y, y_pred, sample_weight, training)

    inputs = nn.Input((2,))
    model = Both(inputs, [nn.layers.Dense(1)(inputs), nn.layers.Dense(1)(inputs)])
    model.compile("sgd", ["mse", "mae"])
    a, b = model.predict(X)
    want = 2 * (np.square(a - Y).mean() + np.abs(b - Y).mean())
    assert model.evaluate(X, [Y, Y], verbose=0) == pytest.approx(want, rel=1e-5)
