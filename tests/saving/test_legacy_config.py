"""Configs of Keras 2, read as the installed Keras reads them; and more that it does not read."""

import json
import warnings

import jax
import numpy as np
import pytest

import nnlib as nn
from nnlib.core.errors import ArgumentError, CorruptFileError, UnknownNameError
from nnlib.models import model_from_json
from nnlib.saving.keras_config import model_from_config

GLOROT = {"class_name": "GlorotUniform", "config": {"seed": None}}
ZEROS = {"class_name": "Zeros", "config": {}}
L2 = {"class_name": "L2", "config": {"l2": 0.01}}


def layer(kind, name, *calls, **config):
    config = {"name": name, "trainable": True, "dtype": "float32", **config}
    return {"class_name": kind, "config": config, "name": name, "inbound_nodes": list(calls)}


def given(name, *shape):
    entry = layer("InputLayer", name, batch_input_shape=[None, *shape], sparse=False, ragged=False)
    del entry["config"]["trainable"]
    return entry


def dense(name, units, *calls, **config):
    usual = {"activation": "linear", "use_bias": True, "kernel_initializer": GLOROT}
    more = {"bias_initializer": ZEROS, "kernel_regularizer": L2, "bias_constraint": None}
    return layer("Dense", name, *calls, units=units, **{**usual, **more, **config})


def on(name, call=0, output=0, **keywords):
    return [[name, call, output, keywords]]


def graph(layers, inputs, outputs, kind="Functional", name="old"):
    ends = {"input_layers": inputs, "output_layers": outputs}
    return {"class_name": kind, "config": {"name": name, "layers": layers, **ends}}


def read_both(keras, config, shape):
    from keras.src.legacy.saving import json_utils, saving_utils

    text = json.dumps({**config, "keras_version": "2.9.0", "backend": "tensorflow"})
    with warnings.catch_warnings():  # of batch_input_shape
        warnings.simplefilter("ignore")
        theirs = saving_utils.model_from_config(json_utils.decode(text))
    ours = model_from_json(text)
    generator = np.random.default_rng(0)
    weights = [generator.uniform(0.1, 0.9, w.shape) for w in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    shapes = shape if isinstance(shape, list) else [shape]
    arrays = [generator.normal(size=(2, *s)).astype("float32") for s in shapes]
    arrays = arrays if isinstance(shape, list) else arrays[0]
    for a, b in zip(jax.tree.leaves(ours(arrays)), jax.tree.leaves(theirs(arrays)), strict=True):
        np.testing.assert_allclose(a, b, 1e-5, 1e-5)
    assert [la.name for la in ours.layers] == [la.name for la in theirs.layers]
    return ours


STACK = {
    "name": "sequential",
    "layers": [
        {k: v for k, v in given("image", 6, 6, 2).items() if k in ("class_name", "config")},
        {
            "class_name": "Conv2D",
            "config": {
                "name": "conv", "trainable": True, "dtype": "float32", "filters": 3,
                "batch_input_shape": [None, 6, 6, 2], "kernel_size": [3, 3], "strides": [1, 1],
                "padding": "same", "data_format": "channels_last", "dilation_rate": [1, 1],
                "groups": 1, "activation": "relu", "use_bias": True, "kernel_initializer": GLOROT,
                "bias_initializer": ZEROS, "kernel_regularizer": None, "bias_regularizer": None,
                "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
            },
        },
        {
            "class_name": "BatchNormalization",
            "config": {
                "name": "bn", "trainable": True, "dtype": "float32", "axis": [3],
                "momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True,
                "beta_initializer": ZEROS,
                "gamma_initializer": {"class_name": "Ones", "config": {}},
            },
        },
        {
            "class_name": "MaxPooling2D",
            "config": {"name": "pool", "pool_size": [2, 2], "strides": [2, 2], "padding": "valid"},
        },
        {"class_name": "Flatten", "config": {"name": "flat", "data_format": "channels_last"}},
        {"class_name": "Dropout", "config": {"name": "drop", "rate": 0.5, "noise_shape": None}},
    ],
}  # fmt: skip


def test_stacks(keras):
    ours = read_both(keras, {"class_name": "Sequential", "config": STACK}, (6, 6, 2))
    assert ours.output_shape == (None, 27)
    oldest = model_from_config({"class_name": "Sequential", "config": STACK["layers"]})
    assert oldest.count_params() == ours.count_params()


def test_graphs(keras):
    layers = [
        given("a", 4),
        given("b", 4),
        dense("shared", 4, on("a"), on("b"), activation="tanh"),
        layer("Add", "sum", [*on("shared"), *on("shared", 1)]),
        layer("Concatenate", "all", [*on("sum"), *on("a")], axis=-1),
        layer("ReLU", "relu", on("all"), max_value=6.0, negative_slope=[0.1][0], threshold=0.0),
    ]
    config = graph(layers, [["a", 0, 0], ["b", 0, 0]], [["relu", 0, 0], ["sum", 0, 0]], "Model")
    ours = read_both(keras, config, [(4,), (4,)])
    assert isinstance(ours.layers[2].kernel_initializer, nn.initializers.GlorotUniform)


def test_recurrent_layers(keras):
    cell = {"class_name": "LSTMCell", "config": {"name": "cell", "units": 2, "implementation": 2}}
    inner = {
        "class_name": "GRU",
        "config": {
            "name": "gru", "units": 2, "return_sequences": True, "implementation": 2,
            "time_major": False, "reset_after": True, "stateful": False, "unroll": False,
        },
    }  # fmt: skip
    layers = [
        given("x", 5, 3),
        layer("Bidirectional", "both", on("x"), layer=inner, merge_mode="concat"),
        layer("RNN", "rnn", on("both"), cell=cell, return_sequences=False, time_major=False),
        layer("LeakyReLU", "leaky", on("rnn"), alpha=0.25),
    ]
    ours = model_from_config(graph(layers, [["x", 0, 0]], [["leaky", 0, 0]]))
    assert ours.output_shape == (None, 2)
    assert ours.get_layer("leaky").negative_slope == 0.25
    assert ours.get_layer("both").forward_layer.reset_after


def test_states_behind_the_input():
    """The decoder of every sequence-to-sequence model of tf.keras."""
    layers = [
        given("x", None, 3),
        given("start", None, 3),
        layer("LSTM", "encoder", on("x"), units=2, return_state=True),
        layer(
            "LSTM",
            "decoder",
            [*on("start"), *on("encoder", 0, 1), *on("encoder", 0, 2)],
            units=2,
            return_sequences=True,
        ),
    ]
    config = graph(layers, [["x", 0, 0], ["start", 0, 0]], [["decoder", 0, 0]])
    ours = model_from_config(config)
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    _, h, c = ours.get_layer("encoder")(x)
    want = ours.get_layer("decoder")(x, initial_state=[h, c])
    np.testing.assert_allclose(ours([x, x]), want, 1e-6)


@pytest.mark.parametrize("first", [0, 1])
def test_models_within_models(first):
    """tf.keras counts the calls of models within from 1; Keras 3 cannot read that."""
    inner = [given("in", 4), dense("d", 4, on("in"))]
    inner = graph(inner, [["in", 0, 0]], [["d", 0, 0]], name="inner")
    tower = {"class_name": "Sequential", "config": {"name": "tower", "layers": [dense("t", 4)]}}
    layers = [
        given("x", 4),
        {**tower, "name": "tower", "inbound_nodes": [on("x")]},
        {**inner, "name": "inner", "inbound_nodes": [on("tower", first), on("inner", first)]},
    ]
    ours = model_from_config(graph(layers, [["x", 0, 0]], [["inner", first + 1, 0]]))
    x = np.ones((1, 4), "float32")
    want = ours.get_layer("inner")(ours.get_layer("inner")(ours.get_layer("tower")(x)))
    np.testing.assert_allclose(ours(x), want, 1e-6)


def op(name, function, *calls):
    return layer("TFOpLambda", name, *calls, function=function)


SLICES = [{"start": None, "stop": None, "step": None}, {"start": 0, "stop": 2, "step": None}]
DOTS = {"class_name": "__ellipsis__"}
FUNCTIONS = [
    (op("o", "math.multiply", ["x", 0, 0, {"y": 2.0, "name": None}]), lambda x: x * 2),
    (op("o", "math.add", ["x", 0, 0, {"y": ["x", 0, 0], "name": None}]), lambda x: x + x),
    (op("o", "math.subtract", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["x", 0, 0]}]), lambda x: 1 - x),
    (op("o", "__operators__.add", ["x", 0, 0, {"y": 1.0}]), lambda x: x + 1),
    (op("o", "math.truediv", ["x", 0, 0, {"y": 4.0}]), lambda x: x / 4),
    (
        op("o", "math.reduce_mean", ["x", 0, 0, {"axis": 1, "keepdims": True}]),
        lambda x: x.mean(1, keepdims=True),
    ),
    (
        op("o", "concat", [["x", 0, 0, {"axis": 1}], ["x", 0, 0, {"axis": 1}]]),
        lambda x: np.concatenate([x, x], 1),
    ),
    (op("o", "expand_dims", ["x", 0, 0, {"axis": 1}]), lambda x: x[:, None]),
    (op("o", "reshape", ["x", 0, 0, {"shape": [-1, 2, 2]}]), lambda x: x.reshape(-1, 2, 2)),
    (op("o", "nn.relu", ["x", 0, 0, {"name": None}]), lambda x: np.maximum(x, 0)),
    (op("o", "nn.leaky_relu", ["x", 0, 0, {}]), lambda x: np.where(x > 0, x, 0.2 * x)),
    (op("o", "cast", ["x", 0, 0, {"dtype": "int32"}]), lambda x: x.astype("int32")),
    (
        op("o", "clip_by_value", ["x", 0, 0, {"clip_value_min": 0.0, "clip_value_max": 1.0}]),
        lambda x: x.clip(0, 1),
    ),
    (
        op("o", "linalg.matmul", ["x", 0, 0, {"b": ["x", 0, 0], "transpose_b": True}]),
        lambda x: x @ x.T,
    ),
    (
        layer("SlicingOpLambda", "o", ["x", 0, 0, {"slice_spec": SLICES}]),
        lambda x: x[:, :2],
    ),
    (
        layer("SlicingOpLambda", "o", ["x", 0, 0, {"slice_spec": [DOTS, 1]}]),
        lambda x: x[..., 1],
    ),
]  # fmt: skip


def test_functions_of_tensorflow():
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    for number, (entry, want) in enumerate(FUNCTIONS):
        model = model_from_config(graph([given("x", 4), entry], [["x", 0, 0]], [["o", 0, 0]]))
        np.testing.assert_allclose(model(x), want(x), 1e-5, 1e-6, err_msg=str(number))
    with pytest.raises(UnknownNameError, match=r"got 'signal\.fft' in 'o'"):
        model_from_config(
            graph([given("x", 4), op("o", "signal.fft", on("x")[0])], [["x", 0, 0]], [["o", 0, 0]])
        )
    bad = op("o", "math.argmax", ["x", 0, 0, {"strange": 3}])
    with pytest.raises(UnknownNameError, match=r"arguments of math\.argmax .*, got strange"):
        model_from_config(graph([given("x", 4), bad], [["x", 0, 0]], [["o", 0, 0]]))


def test_arguments_that_say_nothing():
    old = [
        ("DepthwiseConv2D", {"kernel_size": 3, "groups": 1}),
        ("SeparableConv2D", {"filters": 2, "kernel_size": 3, "kernel_initializer": GLOROT}),
        ("Dense", {"units": 2, "kernel_initializer": {**GLOROT, "config": {"dtype": "float32"}}}),
        ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "groups": 1}),
        ("BatchNormalization", {"axis": [1], "fused": True, "renorm": False}),
        ("Embedding", {"input_dim": 3, "output_dim": 2, "batch_input_shape": [None, 4]}),
        ("ThresholdedReLU", {"theta": 0.5}),
        ("Dense", {"units": 2, "quantization_config": None}),
    ]
    for kind, config in old:
        stack = {"name": "s", "layers": [{"class_name": kind, "config": {"name": "la", **config}}]}
        made = model_from_config({"class_name": "Sequential", "config": stack}).layers[0]
        assert type(made).__name__ == ("ReLU" if kind == "ThresholdedReLU" else kind)
    with pytest.raises(Exception, match="quantization_config"):
        nn.layers.Dense.from_config({"units": 2, "quantization_config": {"class_name": "Int8"}})
    mixed = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    assert nn.layers.Dense.from_config({"units": 2, "dtype": mixed}).compute_dtype == "float16"


def test_lambdas_and_classes_of_users():
    code = ["4wEAAAAA", None, None]
    old = {"function_type": "lambda", "module": "__main__", "output_shape_type": "raw"}
    layers = [given("x", 4), layer("Lambda", "lam", on("x"), function=code, arguments={}, **old)]
    config = graph(layers, [["x", 0, 0]], [["lam", 0, 0]])
    with pytest.raises(ArgumentError, match=r"custom_objects={'lam': function}"):
        model_from_config(config)
    model = model_from_config(config, custom_objects={"lam": lambda x: x + 1})
    assert model(np.zeros((1, 4))).tolist() == [[1.0] * 4]
    layers[1] = layer("shop>Shelf", "shelf", on("x"))
    config = graph(layers, [["x", 0, 0]], [["shelf", 0, 0]])
    with pytest.raises(UnknownNameError, match=r"custom_objects=.*register_keras_serializable"):
        model_from_config(config)
    model = model_from_config(config, custom_objects={"Shelf": nn.layers.Identity})
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize(
    ("calls", "text"),
    [
        ([[["nowhere", 0, 0, {}]]], "calls of layers that are there, got .'nowhere'"),
        ([[["x", 7, 0, {}]]], "call 7 of 'x'"),
        ([[["x", 0, 5, {}]]], "outputs of calls that are there"),
        ([[["d", 0, 0, {}]]], "a circle at 'd'"),
        ([[[7, 0, 0, {}]]], "the outputs of layers, got 7"),
        ("x", "'inbound_nodes' to be a list"),
        ([[["x", 0, 0, {"training": 1, "strange": 2}]]], "strange"),
    ],
)
def test_calls_that_make_no_graph(calls, text):
    layers = [given("x", 4), {**dense("d", 4), "inbound_nodes": calls}]
    with pytest.raises(CorruptFileError, match=text):
        model_from_config(graph(layers, [["x", 0, 0]], [["d", 0, 0]]))
