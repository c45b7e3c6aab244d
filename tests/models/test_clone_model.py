"""clone_model: the same function of new weights, whatever the model is made of."""

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib.core.errors import ArgumentError
from nnlib.models import clone_model

X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def check_twin(model, clone, *inputs):
    """Other layers and weights, but the same paths, shapes and function."""
    assert type(clone) is type(model)
    assert not {id(layer) for _, layer in model.layout()} & {id(la) for _, la in clone.layout()}
    paths = ["/".join((*path, name)) for path, _, name, _ in model.weight_specs()]
    assert ["/".join((*path, name)) for path, _, name, _ in clone.weight_specs()] == paths
    old, new = model.get_weights(), clone.get_weights()
    assert any(not np.array_equal(a, b) for a, b in zip(old, new, strict=True))
    clone.set_weights(old)
    for one in inputs:
        np.testing.assert_allclose(clone(one), model(one), rtol=1e-6)
    clone.set_weights(new)
    assert all(map(np.array_equal, model.get_weights(), old))


def two_towers():
    """Two inputs, two outputs, a shared layer, arithmetic, keyword arguments, a nested model."""
    a, b = nn.Input((4,), name="left"), nn.Input((4,), name="right")
    shared = nn.layers.Dense(4, activation="tanh")
    inner_in = nn.Input((4,))
    inner = nn.Model(inner_in, shared(nn.layers.Dense(4)(inner_in)) + 1.0, name="inner")
    stack = nn.Sequential([nn.Input((4,)), nn.layers.Dense(4), nn.layers.Dense(4)])
    both = nn.layers.concatenate([inner(shared(a)), stack(shared(b))])
    query = both[:, None, :]
    attended = nn.layers.Attention()([query, query], training=False)
    return nn.Model([a, b], {"sum": nn.layers.Dense(1)(both), "seen": attended})


def test_a_functional_model():
    model, data = two_towers(), [X, X[::-1]]
    clone = clone_model(model)
    assert clone.name == model.name
    before = model(data)
    assert clone.count_params() == model.count_params()  # the shared layer is still one
    clone.set_weights(model.get_weights())
    for name, value in clone(data).items():
        np.testing.assert_allclose(value, before[name], rtol=1e-6)
    assert clone({"left": X, "right": X}).keys() == before.keys()
    assert clone_model(model, recursive=True).count_params() == model.count_params()


def test_sequential_models():
    stack = [nn.Input((4,)), nn.layers.Dense(3, name="first"), nn.layers.BatchNormalization()]
    model = nn.Sequential([*stack, nn.layers.Dense(1)], name="stack")
    model.get_layer("first").trainable = False
    clone = clone_model(model)
    check_twin(model, clone, X)
    assert clone.name == "stack"
    assert [layer.trainable for layer in clone.layers] == [False, True, True]
    open_ended = nn.Sequential([nn.layers.Dense(3), nn.layers.Dense(2)])
    clone = clone_model(open_ended)
    assert not clone.built
    assert clone(X).shape == (3, 2)


def test_wrappers_around_models_get_weights_of_their_own():
    inputs = nn.Input((2, 4))
    step_in = nn.Input((4,))
    step = nn.Model(step_in, nn.layers.Dense(3)(step_in))
    model = nn.Model(inputs, nn.layers.Bidirectional(nn.layers.SimpleRNN(2))(
        nn.layers.TimeDistributed(step)(inputs)))  # fmt: skip
    check_twin(model, clone_model(model))


def test_a_compiled_model_gives_a_compiled_one():
    model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(1)])
    model.compile(nn.optimizers.SGD(0.5), "mse", metrics=[nn.metrics.MeanAbsoluteError()])
    model.optimizer.learning_rate = 0.25
    model.fit(X, X[:, :1], verbose=0)
    clone = clone_model(model)
    assert clone.optimizer is not model.optimizer
    assert float(clone.optimizer.learning_rate) == 0.25
    kernel, want = clone.get_weights()[0], X[:, :1]
    clone.fit(X, want, verbose=0)
    np.testing.assert_allclose(
        clone.get_weights()[0], kernel - 0.25 * 2 * X.T @ (X @ kernel - want) / 3, rtol=1e-4
    )
    assert clone.metrics_names == model.metrics_names


def test_functions_and_symbols():
    a = nn.Input((4,))
    model = nn.Model(a, nn.layers.Dense(2, name="out")(nn.layers.Dense(4, name="in")(a)))
    seen = []

    def swap(layer):
        seen.append(layer.name)
        return layer if layer.name == "in" else nn.layers.Dense(5, name="out")

    def drop(layer, *args, **kwargs):
        out = layer(*args, **kwargs)
        return nn.layers.Dropout(0.5)(out) if layer.name == "in" else out

    begin = nn.Input((4,))
    clone = clone_model(model, begin, swap, drop)
    assert seen == ["in", "out"]
    assert [type(layer).__name__ for layer in clone.layers] == [
        "InputLayer",
        "Dense",
        "Dropout",
        "Dense",
    ]
    assert clone.input is begin
    assert clone.get_layer("in") is model.get_layer("in")
    assert clone(X).shape == (3, 5)
    inner = nn.Sequential([nn.Input((4,)), nn.layers.Dense(4)], name="inner")
    nested = nn.Sequential([nn.Input((4,)), inner])
    rename = lambda layer: nn.layers.Dense(7)  # noqa: E731
    assert clone_model(nested, clone_function=rename).output_shape == (None, 7)
    deep = clone_model(nested, clone_function=rename, recursive=True)
    assert isinstance(deep.layers[0], nn.Sequential)
    assert deep.output_shape == (None, 7)


class Block(nn.layers.Layer):
    """A layer of a user, with an initializer that nnlib cannot know."""

    def __init__(self, inner, initializer, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.initializer = inner, initializer

    def build(self, x):
        self.scale = self.add_weight((x.shape[-1],), self.initializer)

    def call(self, x):
        return self.inner(x * self.scale[None])


class Around(nn.initializers.Initializer):
    def __init__(self, middle):
        self.middle = middle

    def sample(self, key, shape, dtype):
        return jnp.full(shape, self.middle, dtype)


class Net(nn.Model):
    def __init__(self, backbone, units=2):
        super().__init__()
        self.backbone, self.units = backbone, units
        self.head = nn.layers.Dense(units)

    def call(self, x):
        return self.head(self.backbone(x))


class Sized(nn.Model):
    """A class that makes its graph itself."""

    def __init__(self, units):
        inputs = nn.Input((4,))
        super().__init__(inputs, nn.layers.Dense(units)(inputs))
        self.size = units


class Configured(Net):
    def get_config(self):
        return {"units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(nn.Sequential([nn.layers.Dense(4)]), **config)


class Starred(nn.Model):
    def __init__(self, *units):
        super().__init__()
        self.dense = nn.layers.Dense(units[0])

    def call(self, x):
        return self.dense(x)


def test_models_and_layers_of_users():
    inputs = nn.Input((4,))
    block = Block(nn.layers.Dense(4), Around(2.0))
    model = Net(nn.Model(inputs, block(inputs)))
    model(X)
    clone = clone_model(model)
    clone(X)
    check_twin(model, clone, X)
    check_twin(Sized(3), clone_model(Sized(3)), X)
    assert type(clone_model(Sized(3), clone_function=lambda la: nn.layers.Dense(1))) is nn.Model
    model = Configured(nn.Sequential([nn.layers.Dense(4)]), units=5)
    model(X)
    clone = clone_model(model)
    clone(X)
    check_twin(model, clone, X)


def test_refusals():
    with pytest.raises(ArgumentError, match="expected a model, got 3"):
        clone_model(3)
    model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(1)])
    with pytest.raises(ArgumentError, match="call_function for functional models only"):
        clone_model(model, call_function=lambda layer, x: x)
    with pytest.raises(ArgumentError, match="clone_function for Sequential and functional"):
        clone_model(Net(model), clone_function=lambda layer: layer)
    with pytest.raises(ArgumentError, match="clone_function to return a layer, got 3"):
        clone_model(model, clone_function=lambda layer: 3)
    with pytest.raises(ArgumentError, match="structure of the inputs"):
        clone_model(model, [nn.Input((4,)), nn.Input((4,))])
    with pytest.raises(ArgumentError, match=r"\*args"):
        clone_model(Starred(3))
    a = nn.Input((4,))
    split = nn.Model(a, nn.layers.Dense(2)(a))
    with pytest.raises(ArgumentError, match="expected call_function to return 1 outputs"):
        clone_model(split, call_function=lambda layer, x: [layer(x), x])


def test_arithmetic_twice():
    x = nn.Input((2,))
    model = nn.Model(x, (x + 1.0) * 2.0 + nn.layers.Dense(2)(x))
    clone = nn.models.clone_model(model)
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(np.ones((1, 2))), model(np.ones((1, 2))))
