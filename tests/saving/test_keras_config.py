"""Models as configs: written here and read by Keras, written by Keras and read here."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import saving
from nnlib.core.errors import ArgumentError, CorruptFileError, UnknownNameError
from nnlib.models import model_from_json
from nnlib.saving.keras_config import model_config, model_from_config

L = nn.layers


def plain(data):
    return json.loads(json.dumps(data))


def inputs_of(model, rows=3):
    generator = np.random.default_rng(0)
    shapes = [(rows, *spec.shape[1:]) for spec in jax.tree.leaves(model.inputs)]
    arrays = [generator.normal(size=shape).astype("float32") for shape in shapes]
    return arrays[0] if len(arrays) == 1 else arrays


def randomize(model):
    generator = np.random.default_rng(1)
    weights = [generator.uniform(0.1, 0.9, w.shape).astype("float32") for w in model.get_weights()]
    model.set_weights(weights)
    return weights


def close(first, second):
    first, second = jax.tree.leaves(first), jax.tree.leaves(second)
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def named_layers(model):
    """What both libraries count as layers: operations are none in Keras."""
    layers = [layer for layer in model.layers if not isinstance(layer, L.Operation)]
    return [(type(la).__name__.replace("Functional", "Model"), la.name) for la in layers]


def without_builds(data):
    if isinstance(data, list):
        return [without_builds(item) for item in data]
    if not isinstance(data, dict):
        return data
    return {k: without_builds(v) for k, v in data.items() if k != "build_config"}


def stack(lib):
    return lib.Sequential(
        [
            lib.Input((6, 6, 2), name="image"),
            lib.layers.Conv2D(3, 3, padding="same", activation="relu", name="conv"),
            lib.layers.BatchNormalization(),
            lib.layers.MaxPooling2D(),
            lib.layers.Flatten(),
            lib.layers.Dropout(0.5),
            lib.layers.Dense(4, kernel_regularizer="l2", bias_constraint="non_neg"),
        ],
        name="stack",
    )


def shared(lib):
    a, b = lib.Input((4,), name="a"), lib.Input((4,), name="b")
    dense = lib.layers.Dense(4, activation="tanh", name="shared")
    first, second = dense(a), dense(dense(b))
    joined = lib.layers.Concatenate(name="joined")([first, second])
    return lib.Model([a, b], {"sum": lib.layers.Add(name="sum")([first, second]), "all": joined})


def nested(lib):
    x = lib.Input((4,), name="x")
    inner_in = lib.Input((4,), name="inner_in")
    inner = lib.Model(inner_in, lib.layers.Dense(4, name="in")(inner_in), name="inner")
    tower = lib.Sequential([lib.layers.Dense(4, name="t")], name="tower")
    y = inner(inner(tower(x)))
    return lib.Model(x, [tower(y), inner(y)], name="outer")


def arithmetic(lib):
    x = lib.Input((4,), name="x")
    y = lib.layers.Dense(4, name="d")(x)
    y = (2 - y) * x + y / 3 - abs(-x)
    return lib.Model(x, [y[:, 1:3], y[..., -1] ** 2], name="arithmetic")


def sequences(lib):
    ids = lib.Input((5,), name="ids", dtype="float32")
    y = lib.layers.Reshape((5, 1))(ids)
    y = lib.layers.Bidirectional(lib.layers.LSTM(2, return_sequences=True), name="both")(y)
    y = lib.layers.MultiHeadAttention(2, 3, name="attend")(y, y)
    out, state = lib.layers.GRU(3, return_state=True, name="gru")(y)
    y = lib.layers.SimpleRNN(3, name="rnn")(y, initial_state=state)
    wrapped = lib.layers.TimeDistributed(lib.layers.Dense(2), name="each")
    return lib.Model(ids, [wrapped(lib.layers.RepeatVector(2)(y)), out])


MODELS = [stack, shared, nested, arithmetic, sequences]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_keras_reads_ours(keras, make):
    ours = make(nn)
    theirs = keras.saving.deserialize_keras_object(plain(model_config(ours)))
    assert named_layers(theirs) == named_layers(ours)
    assert type(theirs).__name__ == ("Sequential" if make is stack else "Functional")
    theirs.set_weights(randomize(ours))
    x = inputs_of(ours)
    close(ours(x), theirs(x))
    assert jax.tree.structure(ours(x)) == jax.tree.structure(theirs(x))


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_we_read_what_keras_writes(keras, make):
    theirs = make(keras)
    ours = model_from_json(theirs.to_json())
    assert named_layers(ours) == named_layers(theirs)
    assert ours.name == theirs.name
    ours.set_weights(randomize(theirs))
    x = inputs_of(theirs)
    close(ours(x), theirs(x))
    again = keras.models.model_from_json(ours.to_json())
    assert without_builds(plain(again.get_config())) == without_builds(plain(theirs.get_config()))
    twin = type(ours).from_config(plain(ours.get_config()))
    assert twin.get_config() == ours.get_config()


def test_what_is_written_word_for_word(keras):
    ours, theirs = plain(model_config(stack(nn))), json.loads(stack(keras).to_json())
    assert {key: ours[key] for key in ("module", "class_name", "registered_name")} == {
        key: theirs[key] for key in ("module", "class_name", "registered_name")
    }
    for mine, other in zip(ours["config"]["layers"], theirs["config"]["layers"], strict=True):
        assert mine["class_name"] == other["class_name"]
        assert mine["module"] == other["module"]
        assert mine["registered_name"] == other["registered_name"]
        if "build_config" in other:
            assert mine["build_config"] == other["build_config"]
        both = mine["config"].keys() & other["config"].keys() - {"name", "kernel_size", "strides"}
        if mine["class_name"] in ("InputLayer", "Dense", "BatchNormalization"):
            both -= {"activation", "axis"}
            for key in both - {"kernel_initializer"}:
                assert mine["config"][key] == other["config"][key], key
    dense = ours["config"]["layers"][-1]["config"]
    assert dense["kernel_initializer"]["class_name"] == "GlorotUniform"
    assert dense["dtype"]["class_name"] == "DTypePolicy"


def test_dtypes_and_frozen_layers(keras):
    policies = nn.dtype_policies.DTypePolicyMap("float32", {"low": "mixed_bfloat16"})
    x = nn.Input((2,), name="x")
    y = L.Dense(2, name="low", dtype=policies)(L.Dense(2, name="half", dtype="mixed_float16")(x))
    model = nn.Model(x, y)
    model.get_layer("half").trainable = False
    config = plain(model_config(model))
    again, theirs = model_from_config(config), keras.saving.deserialize_keras_object(config)
    for made in (again, theirs):
        assert made.get_layer("half").compute_dtype == "float16"
        assert [layer.trainable for layer in made.layers] == [True, False, True]
        assert len(made.trainable_weights) == 2
    assert again.get_layer("low").compute_dtype == "bfloat16"


@saving.register_keras_serializable("shelf")
def halved(x):
    return x / 2


@saving.register_keras_serializable("shelf")
class Scale(L.Layer):
    def __init__(self, start, inner=None, **kwargs):
        super().__init__(**kwargs)
        self.start, self.inner = start, inner

    def build(self, x):
        self.factor = self.add_weight((x.shape[-1],), nn.initializers.Constant(self.start))

    def call(self, x):
        return (self.inner(x) if self.inner is not None else x) * self.factor[None]


class Small(nn.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = L.Dense(units, "relu")

    def call(self, x):
        return self.dense(x)


def test_classes_of_users():
    x = nn.Input((3,))
    model = nn.Model(x, Scale(2.0, L.Dense(3, halved), name="scale")(L.Dense(3, halved)(x)))
    config = plain(model_config(model))
    entry = config["config"]["layers"][2]
    assert entry["registered_name"] == "shelf>Scale"
    assert config["config"]["layers"][1]["config"]["activation"] == {
        "module": "builtins",
        "class_name": "function",
        "config": "shelf>halved",
        "registered_name": "function",
    }
    again = model_from_config(config)
    again.set_weights(model.get_weights())
    close(again(jnp.ones((2, 3))), model(jnp.ones((2, 3))))
    small = Small(4, name="small")
    small(jnp.ones((2, 3)))
    config = plain(model_config(small))
    assert config["build_config"] == {"input_shape": [None, 3]}
    with pytest.raises(UnknownNameError, match=r"'Small'\. Pass custom_objects=.*register_keras"):
        model_from_config(config)
    again = model_from_config(config, custom_objects={"Small": Small})
    assert (again.units, again.name, again.count_params()) == (4, "small", 16)


def test_a_graph_from_the_middle_of_another(keras):
    base = shared(nn)
    head = nn.Model(base.get_layer("shared").output, L.Dense(2)(base.get_layer("shared").output))
    again = model_from_config(plain(model_config(head)))
    assert again.count_params() == 10
    assert again.input_shape == (None, 4)
    theirs = keras.saving.deserialize_keras_object(plain(model_config(head)))
    assert theirs.count_params() == 10


def test_functions_without_a_name():
    x = nn.Input((3,))
    with pytest.raises(ArgumentError, match="a function that its name leads to"):
        model_config(nn.Model(x, L.Lambda(lambda v: v)(x)))
    with pytest.raises(ArgumentError, match="expected a model"):
        model_config(L.Dense(2))


def test_lambdas_that_keras_wrote(keras):
    x = keras.Input((3,))
    theirs = keras.Model(x, keras.layers.Lambda(lambda v: v * 2, name="twice")(x))
    text = theirs.to_json()
    with pytest.raises(ArgumentError, match=r"does not run\. Pass custom_objects={'twice'"):
        model_from_json(text)
    ours = model_from_json(text, custom_objects={"twice": lambda v: v * 2})
    assert ours(jnp.ones((1, 3))).tolist() == [[2.0, 2.0, 2.0]]
    keras_layer = keras.layers.Lambda(keras.activations.relu, output_shape=(3,))
    layer = saving.deserialize_keras_object(plain(keras.saving.serialize_keras_object(keras_layer)))
    assert layer.function is nn.activations.relu
    assert layer.output_shape == (3,)
    with pytest.raises(ArgumentError, match="safe_mode=True"):
        L.Lambda.from_config(layer.get_config(), safe_mode=False)


def test_layers_that_share_a_layer():
    dense = L.Dense(3)
    pair = [L.TimeDistributed(dense, name="each"), L.TimeDistributed(dense, name="again")]
    model = nn.Sequential([nn.Input((2, 3)), *pair])
    assert model.count_params() == 12
    again = model_from_config(plain(model_config(model)))
    assert again.layers[0].layer is again.layers[1].layer
    assert again.count_params() == 12


def test_a_stack_that_waits_for_data(keras):
    model = nn.Sequential([L.Dense(2), L.Dense(3)])
    again = model_from_config(plain(model_config(model)))
    assert not again.built
    assert again(jnp.ones((1, 2))).shape == (1, 3)
    theirs = keras.Sequential([keras.layers.Dense(2)])
    config = json.loads(theirs.to_json())
    config["config"]["build_input_shape"] = [None, 5]
    assert model_from_config(config).count_params() == 12


def test_one_output_in_a_list(keras):
    models = []
    for lib in (nn, keras):
        x = lib.Input((2,))
        models.append(lib.Model([x], [lib.layers.Dense(3)(x)]))
    for model in [*models, model_from_json(models[0].to_json())]:
        assert model([np.ones((1, 2), "float32")]).shape == (1, 3)
    assert model_from_json(models[1].to_json())(np.ones((1, 2))).shape == (1, 3)


def test_models_as_plain_data():
    model = shared(nn)
    model.compile("sgd", {"sum": "mse"})
    data = plain(saving.serialize_keras_object(model))
    assert data["module"] == "nnlib.models"
    again = saving.deserialize_keras_object(data)
    assert again.get_config() == model.get_config()
    assert again.optimizer.name == model.optimizer.name


def test_shapes_that_models_are_built_with(keras):
    class Both(nn.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.embed, self.dense = L.Embedding(5, 3), L.Dense(2)

        def call(self, ids):
            return self.dense(self.embed(ids))

    model = Both()
    assert model.get_build_config() is None
    model(jnp.ones((2, 4), "int32"))
    assert model.get_build_config() == {"input_shape": [None, 4], "input_dtype": "int32"}
    again = model_from_config(plain(model_config(model)), {"Both": Both})
    assert again.count_params() == model.count_params()
    twin = L.Dense(3)
    twin.build_from_config({"input_shape": (None, 2)})
    assert twin.kernel.shape == (2, 3)
    attend = L.MultiHeadAttention(1, 2)
    attend(jnp.ones((1, 2, 4)), jnp.ones((1, 3, 4)))
    shapes = {"query_shape": [1, 2, 4], "value_shape": [1, 3, 4]}
    assert attend.get_build_config() == {"shapes_dict": shapes}
    again = L.MultiHeadAttention(1, 2)
    again.build_from_config(attend.get_build_config())
    assert [w.shape for w in again.get_weights()] == [w.shape for w in attend.get_weights()]
    with pytest.raises(CorruptFileError):
        again.build_from_config({"input_shape": 7})


def test_classes_that_make_their_own_graph():
    class Own(nn.Model):
        def __init__(self, units, **kwargs):
            x = nn.Input((3,))
            super().__init__(x, L.Dense(units)(x), **kwargs)
            self.units = units

    class Given(nn.Model):
        def __init__(self, inputs, outputs, rate=1.0, **kwargs):
            super().__init__(inputs, outputs, **kwargs)
            self.rate = rate

    x = nn.Input((3,))
    for model in (Own(2, name="m"), Given(x, L.Dense(2)(x), rate=0.5, name="m")):
        known = {type(model).__name__: type(model)}
        again = model_from_config(plain(model_config(model)), known)
        assert type(again) is type(model)
        assert (again.name, again.count_params()) == ("m", 8)
        assert vars(again).get("rate") == vars(model).get("rate")
