"""Sequential, graphs and subclasses: structure, names, weights, summary."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers

X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def two_inputs():
    a, b = nn.Input((4,), name="a"), nn.Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    merged = layers.concatenate([shared(a), shared(b)])
    return nn.Model(inputs=[a, b], outputs=layers.Dense(1)(merged), name="siamese")


# Sequential --------------------------------------------------------------------------------------


def test_three_ways_to_say_the_input_shape():
    models = [
        nn.Sequential([nn.Input((4,)), layers.Dense(2)]),
        nn.Sequential([layers.Dense(2, input_shape=(4,))]),
        nn.Sequential([layers.Dense(2)]),
    ]
    assert [model.built for model in models] == [True, True, False]
    models[2].build((None, 4))
    for model in models:
        assert model.count_params() == 10
        assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))


def test_add_and_pop():
    model = nn.Sequential()
    model.add(nn.Input((4,)))
    model.add(layers.Dense(3))
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2)
    assert model.pop().units == 2
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(5))
    assert model(X).shape == (5, 5)
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]
    with pytest.raises(errors.ArgumentError, match="expected a layer, got <function"):
        model.add(lambda x: x)
    with pytest.raises(errors.ArgumentError, match="a layer to pop"):
        nn.Sequential().pop()


def test_a_layer_that_does_not_fit_is_not_added():
    model = nn.Sequential([nn.Input((4,)), layers.Dense(3)])
    with pytest.raises(errors.ShapeError):
        model.add(layers.Conv2D(2, 3))
    assert len(model.layers) == 1
    assert model(X).shape == (5, 3)


def test_names_are_counted_in_the_model_and_chosen_ones_kept():
    model = nn.Sequential([layers.Dense(1), layers.Dense(1), layers.Dense(1, name="mine")])
    other = nn.Sequential([layers.Dense(1)])
    model.build((None, 4))
    other.build((None, 4))
    assert [layer.name for layer in model.layers] == ["dense", "dense_1", "mine"]
    assert [layer.name for layer in other.layers] == ["dense"]
    with pytest.raises(errors.NamingError, match="two named 'mine'"):
        nn.Sequential([layers.Dense(1, name="mine"), layers.Dense(1, name="mine")])
    layer = layers.Dense(1)
    with pytest.raises(errors.NamingError, match="every layer once"):
        nn.Sequential([layer, layer])


# Graphs ------------------------------------------------------------------------------------------


def test_a_shared_layer_is_stored_once_and_used_twice():
    model = two_inputs()
    params, _ = model.variables
    assert sorted(params) == ["dense", "shared"]
    assert model.count_params() == 4 * 3 + 3 + 6 + 1
    same, other = model([X, X]), model([X, 2 * X])
    assert same.shape == (5, 1)
    assert not np.allclose(same, other)


def test_inputs_by_list_dict_and_order():
    model = two_inputs()
    np.testing.assert_array_equal(model([X, 2 * X]), model({"b": 2 * X, "a": X}))
    with pytest.raises(errors.ShapeError, match=r"inputs a, b, got one without b"):
        model({"a": X})
    with pytest.raises(errors.ShapeError, match=r"expected 2 inputs \(a, b\), got 1"):
        model(X)
    with pytest.raises(errors.ShapeError, match=r"input 'b' of shape \(None, 4\), got \(5, 3\)"):
        model([X, X[:, :3]])


def test_structures_of_inputs_and_outputs():
    a, b = nn.Input((4,)), nn.Input((2,))
    model = nn.Model({"x": a, "y": b}, {"sum": layers.Dense(2)(a) + b, "b": b})
    out = model({"y": X[:, :2], "x": X})
    assert sorted(out) == ["b", "sum"]
    np.testing.assert_array_equal(out["b"], X[:, :2])


def test_arithmetic_and_slicing_on_symbols():
    x = nn.Input((4,))
    y = (2 * x - x / 4 + 1) ** 2
    model = nn.Model(x, [y[:, :2], -x, abs(x), x @ np.eye(4, dtype="float32")])
    outs = model(X)
    np.testing.assert_allclose(outs[0], ((2 * X - X / 4 + 1) ** 2)[:, :2], rtol=1e-5)
    np.testing.assert_allclose(outs[1], -X)
    np.testing.assert_allclose(outs[2], np.abs(X))
    np.testing.assert_allclose(outs[3], X, rtol=1e-6)


def test_features_of_a_trained_model_share_its_weights():
    base = nn.Sequential([nn.Input((4,)), layers.Dense(3, name="x"), layers.Dense(2)])
    features = nn.Model(base.input, base.get_layer("x").output)
    base.layers[0].kernel = np.ones((4, 3))
    np.testing.assert_allclose(features(X), np.repeat(X.sum(1, keepdims=True), 3, 1), rtol=1e-5)
    assert features.layers[-1] is base.layers[0]


def test_from_the_middle_of_a_model_to_its_end():
    x = nn.Input((4,))
    middle = layers.Dense(3, name="middle")(x)
    whole = nn.Model(x, layers.Dense(2)(middle))
    head = nn.Model(middle, whole.output)
    front = nn.Model(x, middle)
    np.testing.assert_allclose(head(front(X)), whole(X), rtol=1e-6)


def test_an_output_that_does_not_follow_from_the_inputs_is_refused():
    a, b = nn.Input((4,)), nn.Input((4,), name="forgotten")
    with pytest.raises(errors.NotBuiltError, match=r"from=forgotten.*Add it to inputs="):
        nn.Model(a, layers.add([a, b]))
    with pytest.raises(errors.NotBuiltError, match=r"Begin with x = nnlib\.Input"):
        nn.Model(jnp.ones(3), jnp.ones(3))
    with pytest.raises(errors.ArgumentError, match="both inputs= and outputs="):
        nn.Model(inputs=a)


def test_symbols_have_no_values():
    x = nn.Input((4,))
    with pytest.raises(TypeError, match="Lambda"):
        np.asarray(x)
    with pytest.raises(TypeError, match="no value yet"):
        bool(x > 0)
    with pytest.raises(TypeError, match="slice it"):
        list(x)


def test_a_rank_that_differs_by_a_trailing_one_is_adjusted():
    model = nn.Sequential([nn.Input((1,)), layers.Dense(2)])
    np.testing.assert_array_equal(model(X[:, 0]), model(X[:, :1]))


def test_a_network_of_a_thousand_layers():
    x = y = nn.Input((2,))
    for _ in range(1100):
        y = layers.Activation("relu")(y)
    assert nn.Model(x, y)(X[:, :2]).shape == (5, 2)


def test_free_dims_stay_free():
    x = nn.Input((None, None, 3))
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3, padding="same")(x))
    model = nn.Model(x, y)
    assert model.output_shape == (None, 2)
    for size in (5, 8):
        assert model(np.ones((2, size, size + 1, 3))).shape == (2, 2)


# Subclasses --------------------------------------------------------------------------------------


class Custom(nn.Model):
    def __init__(self):
        super(Custom, self).__init__()  # noqa: UP008 - as older guides write it
        self.first = layers.Dense(8, activation="relu")
        self.drop = layers.Dropout(0.5)
        self.last = layers.Dense(1)

    def call(self, x, training=False):
        return self.last(self.drop(self.first(x), training=training))


def test_a_subclass_is_built_by_its_first_data():
    model = Custom()
    assert not model.built
    assert model(X).shape == (5, 1)
    assert model.layers == [model.first, model.drop, model.last]
    assert sorted(model.variables[0]) == ["first", "last"]
    assert model.get_layer("first") is model.first
    assert model.input_shape == (None, 4)


def test_a_subclass_with_a_graph_and_a_step_of_its_own():
    class Counting(nn.Model):
        def train_step(self, state, data):
            state, logs = super().train_step(state, data)
            return state, logs | {"two": jnp.float32(2)}

    x = nn.Input((4,))
    model = Counting(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    assert model.fit(X, X[:, :1], verbose=0).history["two"] == [2.0]


def test_sublayers_made_in_build():
    class Keras(layers.Layer):
        def build(self, input_shape):
            self.inner = layers.Dense(input_shape[-1])
            super().build(input_shape)

        def call(self, x):
            return self.inner(x)

    assert Keras()(X).shape == (5, 4)
    later = Keras()
    later.build((None, 4))
    assert later(X).shape == (5, 4)


# Weights, summary, copies ------------------------------------------------------------------------


def test_weights_in_lists():
    model = nn.Sequential([nn.Input((4,)), layers.Dense(3), layers.BatchNormalization()])
    assert [w.shape for w in model.weights] == [(4, 3), (3,), (3,), (3,), (3,), (3,)]
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (4, 2)
    model.layers[0].trainable = False
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (2, 4)
    weights = [np.full_like(w, i) for i, w in enumerate(model.get_weights())]
    model.set_weights(weights)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_get_layer_says_what_is_close():
    model = two_inputs()
    assert model.get_layer(index=0).name == "a"
    with pytest.raises(errors.UnknownNameError, match=r"'shard' here\. Did you mean 'shared'"):
        model.get_layer("shard")
    with pytest.raises(errors.UnknownNameError, match="index below"):
        model.get_layer(index=9)
    with pytest.raises(errors.ArgumentError, match="a name or an index"):
        model.get_layer()


def test_summary_from_specs_alone(capsys):
    big = nn.Sequential([nn.Input((10**5,)), layers.Dense(10**6)])
    big.summary()
    out = capsys.readouterr().out
    assert "100,001,000,000" in out
    assert "(None, 1000000)" in out
    lines = []
    two_inputs().summary(print_fn=lines.append)
    assert "shared (Dense)" in lines[0]
    assert "a, b" in lines[0]
    model = Custom()
    model.build((None, 4))
    model.summary(expand_nested=True, show_trainable=True, line_length=80)
    out = capsys.readouterr().out
    assert "first (Dense)" in out
    assert "(None, 8)" in out
    assert "Trainable params: 49" in out


def test_copies_are_independent():
    model = nn.Sequential([nn.Input((4,)), layers.Dense(3)])
    model(X)
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(model(X), twin(X))
    twin.layers[0].kernel = np.zeros((4, 3))
    assert np.abs(model(X)).max() > 0


def test_a_nested_models_config_makes_it_again():
    model = nn.Sequential(
        [nn.Input((4,)), nn.Sequential([layers.Dense(3, activation="relu")], name="inner")]
    )
    again = nn.Sequential.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(model(X), again(X))


def test_two_fresh_models_differ_and_a_seed_repeats():
    def kernel():
        return np.asarray(nn.Sequential([nn.Input((4,)), layers.Dense(3)]).layers[0].kernel)

    assert not np.array_equal(kernel(), kernel())
    nn.utils.set_random_seed(1)
    first = kernel()
    nn.utils.set_random_seed(1)
    np.testing.assert_array_equal(first, kernel())


def test_init_of_a_built_model_needs_no_input():
    model = two_inputs()
    params, state = model.init(jax.random.key(0))
    y, _ = model.apply(params, state, [X, X])
    assert y.shape == (5, 1)
