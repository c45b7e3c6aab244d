"""Custom layers as Keras users write them: the same code runs in both libraries."""

import jax
import numpy as np
import pytest

import nnlib as nn

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


@pytest.fixture(autouse=True)
def _code_of_users():
    with jax.numpy_rank_promotion("allow"):
        yield


def classes(library):
    class Linear(library.layers.Layer):
        def __init__(self, units=32, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units),
                initializer="random_normal",
                trainable=True,
                name="w",
            )
            self.b = self.add_weight(
                shape=(self.units,), initializer="zeros", trainable=True, name="b"
            )

        def call(self, inputs):
            return inputs @ self.w + self.b

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    class Stacked(library.layers.Layer):
        """Weights in lists, one assigned and one appended to, and layers in a list."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.blocks = [Linear(3), Linear(2)]
            self.scales = []

        def build(self, input_shape):
            for _ in range(2):
                self.scales.append(self.add_weight(shape=(), initializer="ones", name="scale"))
            self.shifts = [self.add_weight(shape=(1,), initializer="ones", name="shift")]

        def call(self, inputs, training=False):
            for block, scale in zip(self.blocks, self.scales, strict=True):
                inputs = block(inputs) * scale
            return inputs + self.shifts[0]

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 2)

    class Weighted(library.layers.Layer):
        """Weights made in the constructor, and a build that calls its parent's."""

        def __init__(self, size, **kwargs):
            super(Weighted, self).__init__(**kwargs)  # noqa: UP008 - as older code has it
            self.size = size
            self.gain = self.add_weight(name="gain", shape=(size,), initializer="ones")

        def build(self, input_shape):
            super().build(input_shape)

        def call(self, inputs):
            return inputs * self.gain

    return Linear, Stacked, Weighted


@pytest.mark.parametrize("which", range(3))
def test_they_compute_and_train_as_in_keras(keras, which):
    outputs = []
    weights = None
    for library in (nn, keras):
        kind = classes(library)[which]
        layer = kind(3) if which == 2 else kind()
        model = library.Sequential([library.Input((3,)), layer, library.layers.Dense(1)])
        model(X)  # Keras builds inner layers only then
        weights = model.get_weights() if weights is None else weights
        if which == 1:  # Keras orders the weights of inner layers behind those of the outer one
            by_shape = sorted(model.get_weights(), key=lambda w: w.shape)
            given = sorted(weights, key=lambda w: w.shape)
            assert [w.shape for w in by_shape] == [w.shape for w in given]
            model.set_weights([np.full_like(w, 0.3) for w in model.get_weights()])
        else:
            model.set_weights(weights)
        model.compile(library.optimizers.SGD(0.1), "mse")
        model.fit(X, X[:, :1], epochs=2, verbose=0, shuffle=False)
        outputs.append(np.asarray(model(X)))
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-6)


def test_configs_make_them_again():
    linear, stacked, _ = classes(nn)
    layer = linear(5, name="mine")
    again = linear.from_config(layer.get_config())
    assert (again.units, again.name) == (5, "mine")
    assert len(stacked.from_config(stacked().get_config()).blocks) == 2


def test_lists_of_weights_have_paths():
    layer = classes(nn)[1]()
    layer(X)
    params = layer.variables[0]
    assert {"scales_0", "scales_1", "shifts_0", "blocks"} == set(params)
    assert [float(scale) for scale in layer.scales] == [1.0, 1.0]
    layer.scales_0 = np.float32(2.0)
    assert float(layer.scales[0]) == 2.0


def test_a_list_of_weights_and_other_things_is_refused():
    class Mixed(nn.layers.Layer):
        def build(self, x):
            self.things = [self.add_weight((2,)), 3]

        def call(self, x):
            return x

    with pytest.raises(nn.errors.FrozenConfigError, match="list of weights alone"):
        Mixed()(X)
