"""Layers that strategies have left on different devices, in one model of none of them."""

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import nnlib as nn

X = np.random.default_rng(0).normal(size=(8, 8)).astype("float32")


@pytest.fixture(scope="module")
def layers():
    """One on a single device, one cut over eight."""
    made = []
    for strategy in (
        nn.distributed.OneDeviceStrategy("cpu:3"),
        nn.distributed.ShardedStrategy(),
    ):
        with strategy.scope():
            model = nn.Sequential([nn.Input((8,)), nn.layers.Dense(8)])
            model.compile("sgd", "mse")
        model.fit(X, X, verbose=0)
        made.append(model.layers[-1])
    return made


def expected(layers):
    found = X
    for layer in layers:
        found = found @ np.asarray(layer.kernel) + np.asarray(layer.bias)
    return found


def test_calls_say_which_layer_is_where(layers):
    one, several = layers
    model = nn.Sequential([nn.Input((8,)), one, several])
    places = rf"{one.name} on .*3, {several.name} on .*0, \.\.\., .*7\. .*predict"
    with pytest.raises(ValueError, match=places):
        model(X)
    with pytest.raises(ValueError, match=rf"weights of {several.name} on .*np.asarray"):
        several(one(X))
    np.testing.assert_allclose(several(np.asarray(one(X))), expected(layers), atol=1e-5)


def test_what_compiles_brings_them_together(layers):
    model = nn.Sequential([nn.Input((8,)), *layers])
    with pytest.warns(UserWarning, match="all are brought to"):
        found = model.predict(X, verbose=0)
    np.testing.assert_allclose(found, expected(layers), atol=1e-5)
    assert [len(layer.kernel.devices()) for layer in layers] == [1, 8]
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="whole"):
        model.fit(X, X, verbose=0)
    assert {len(layer.kernel.devices()) for layer in layers} == {1}
    np.testing.assert_allclose(model(X), expected(layers), atol=1e-5)


@pytest.mark.parametrize("axes", [("rows",), None])
def test_weights_that_were_put_somewhere_by_hand_stay_there(axes):
    """What nobody has put anywhere, as other fresh weights, comes to them."""
    model = nn.Sequential([nn.Input((8,)), nn.layers.Dense(8, "tanh"), nn.layers.Dense(8)])
    model.compile("sgd", "mse")
    layer = model.layers[0]
    mesh = jax.make_mesh((4,), ("rows",), (AxisType.Auto,))
    place = NamedSharding(mesh, P(axes)) if axes else jax.devices()[3]
    layer.kernel = jax.device_put(layer.kernel, place)
    there = layer.kernel.devices()
    model.fit(X, X, verbose=0)
    assert layer.kernel.devices() == there


def test_what_a_training_keeps_comes_along():
    """Slots, keys and metrics were where the weights were before."""

    def trained(places, start=None):
        model = nn.Sequential([nn.Input((8,)), nn.layers.Dense(8, "tanh"), nn.layers.Dense(8)])
        model.compile("adam", "mse")
        start = start or model.get_weights()
        model.set_weights(start)
        for weights, device in places:
            for layer, name in weights:
                array = getattr(model.layers[layer], name)
                setattr(model.layers[layer], name, jax.device_put(array, jax.devices()[device]))
            model.train_on_batch(X, X)
            model.fit(X, X, verbose=0)
            model.evaluate(X, X, verbose=0)
        return start, model.get_weights()

    all_of_them = [(layer, name) for layer in (0, 1) for name in ("kernel", "bias")]
    start, found = trained([([(0, "kernel")], 3), ([(1, "kernel")], 5), (all_of_them, 0)])
    _, wanted = trained([([], 0)] * 3, start)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_other_errors_pass():
    class Wrong(nn.layers.Layer):
        def call(self, x):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        Wrong()(X)
