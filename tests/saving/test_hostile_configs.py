"""Configs that are damaged or made up: refused with an error of ours, whatever is wrong."""

import contextlib
import copy
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nnlib as nn
from nnlib.core.errors import ArgumentError, CorruptFileError, NnlibError, UnknownNameError
from nnlib.models import model_from_json
from nnlib.saving.keras_config import model_config, model_from_config


def plain(data):
    return json.loads(json.dumps(data))


def small():
    x = nn.Input((3,), name="x")
    y = nn.layers.Dense(2, "relu", name="d")(x)
    y = nn.layers.Add(name="add")([y, y * 2])
    model = nn.Model(x, nn.layers.Reshape((2, 1), name="r")(y))
    model.compile("adam", "mse", metrics=["mae"])
    return plain(model_config(model))


SMALL = small()


def places(data, path=()):
    """The path of every value in nested data."""
    yield path
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from places(value, (*path, key))


PLACES = [path for path in places(SMALL) if path]
STRANGE = st.sampled_from(
    [None, True, -1, 0, 10**30, 1.5, float("nan"), "", "x", "Dense", "../x", [], [[]], {}, [0] * 3,
     ["d", 0, 0], ["d", -1, 0], ["add", 0, 0], {"class_name": "Dense", "config": {}},
     {"class_name": [], "config": {}}, {"class_name": "__lambda__", "config": {}},
     {"class_name": "__slice__", "config": {}}, {"class_name": "__numpy__", "config": {}}]
)  # fmt: skip


@settings(
    max_examples=300, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.sampled_from(PLACES), st.one_of(STRANGE, st.just("(removed)")))
def test_one_value_changed(path, value):
    data = copy.deepcopy(SMALL)
    node = data
    for key in path[:-1]:
        node = node[key]
    if value == "(removed)":
        del node[path[-1]]
    else:
        node[path[-1]] = value
    with contextlib.suppress(NnlibError):
        model_from_config(data)


def test_texts_that_are_no_config():
    deep = '{"class_name": "Sequential", "config": ' + "[" * 5000 + "]" * 5000 + "}"
    for text in ("", "[1]", "{", "nul", deep, '{"a": 1}', '"x"'):
        with pytest.raises(CorruptFileError):
            model_from_json(text)


def test_deep_nesting():
    data = {"class_name": "Dense", "config": {"units": 1}}
    for _ in range(5000):
        data = {"class_name": "TimeDistributed", "config": {"layer": data}}
    with pytest.raises(CorruptFileError, match="nested too deeply"):
        model_from_config({"class_name": "Sequential", "config": {"name": "s", "layers": [data]}})


def node(*sources, args=None):
    refs = [{"class_name": "__keras_tensor__", "config": {"keras_history": s}} for s in sources]
    return {"args": refs if args is None else args, "kwargs": {}}


def with_calls(calls):
    data = copy.deepcopy(SMALL)
    data["config"]["layers"][1]["inbound_nodes"] = calls
    return data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (with_calls([node(["d", 0, 0])]), "a circle at 'd'"),
        (with_calls([node(["r", 0, 0])]), "a circle"),
        (with_calls([node(["x", 1, 0])]), "call 1 of 'x'"),
        (with_calls([node(["x", -1, 0])]), "call -1 of 'x'"),
        (with_calls([node(["gone", 0, 0])]), "call 0 of 'gone'"),
        (with_calls([node(["x", 0, 9])]), "outputs of calls that are there"),
        (with_calls([node("x")]), "name of a layer, number of a call"),
        (with_calls([node(args=7)]), "'args' to be a list"),
        (with_calls([3]), "each call to be a dict"),
        (with_calls(3), "'inbound_nodes' to be a list"),
        (with_calls([]), "call 0 of 'd'"),
        (dict(SMALL, config=dict(SMALL["config"], layers=SMALL["config"]["layers"][:1] * 2)),
         "layers of different names"),
        (dict(SMALL, config=dict(SMALL["config"], layers=7)), "'layers' to be a list"),
        (dict(SMALL, config=dict(SMALL["config"], layers=[7])), "each layer to be a dict"),
        (dict(SMALL, config=dict(SMALL["config"], output_layers=[])), "to name layers"),
        (dict(SMALL, config=7), "refuse|dict"),
        ({"class_name": "Dense", "config": {"units": 2}}, "the config of a model"),
        ({}, "the config of a model"),
        (None, "the config of a model"),
        ([SMALL], "the config of a model"),
    ],
)  # fmt: skip
def test_graphs_that_cannot_be(data, text):
    with pytest.raises(CorruptFileError, match=text):
        model_from_config(data)


def test_long_chains_in_any_order():
    """A loop makes the calls, not a recursion, however the layers are ordered."""
    name = lambda n: f"l{n}"  # noqa: E731
    layers = [
        {
            "module": "keras.src.ops.numpy", "class_name": "Negative",
            "registered_name": "Negative", "config": {"name": name(n)}, "name": name(n),
            "inbound_nodes": [node([name(n - 1) if n else "x", 0, 0])],
        }
        for n in range(1200)
    ]  # fmt: skip
    begin = SMALL["config"]["layers"][0]
    config = {
        "name": "long",
        "layers": [*reversed(layers), begin],
        "input_layers": ["x", 0, 0],
        "output_layers": [name(1199), 0, 0],
    }
    model = nn.Model.from_config(config)
    assert len(model._graph.nodes) == 1200


def of_function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


@pytest.mark.parametrize(
    "function",
    [
        of_function("os", "system"),
        of_function("builtins", "eval"),
        of_function("keras.utils", "get_file"),
        of_function("nnlib.utils", "get_file"),
        of_function("nnlib.saving", "load_model"),
        of_function("keras.models", "load_model"),
        of_function("nnlib.activations.registry", "__import__"),
        of_function("nnlib.layers", "importlib"),
    ],
)
def test_functions_that_files_may_not_name(function):
    layer = {"class_name": "Lambda", "config": {"name": "f", "function": function}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    with pytest.raises(UnknownNameError, match=f"'{function['config']}'"):
        model_from_config(config)


def test_classes_that_files_may_not_name():
    for module, kind in [
        ("subprocess", "Popen"),
        ("nnlib.callbacks", "ModelCheckpoint"),
        ("nnlib.data", "Dataset"),
        ("keras.src.utils.torch_utils", "TorchModuleWrapper"),
    ]:
        layer = {"module": module, "class_name": kind, "config": {"args": "ls"}}
        config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
        with pytest.raises(UnknownNameError, match=f"got '{kind}'. Pass custom_objects"):
            model_from_config(config)


def test_files_and_code_that_configs_name():
    lookup = {"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [lookup]}}
    with pytest.raises(ArgumentError, match="a config may not name"):
        model_from_config(config)
    with pytest.raises(ArgumentError, match="safe_mode=True, got False"):
        model_from_config(SMALL, safe_mode=False)
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAA", "defaults": None}}
    dense = {"class_name": "Dense", "config": {"units": 1, "activation": code}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [dense]}}
    with pytest.raises(ArgumentError, match="a lambda's code"):
        model_from_config(config)


def test_a_class_of_a_user_that_fails():
    class Failing(nn.layers.Layer):
        def __init__(self, **kwargs):
            raise RuntimeError("no disk")

    layer = {"module": "shop", "class_name": "Failing", "config": {}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    with pytest.raises(CorruptFileError, match="RuntimeError: no disk"):
        model_from_config(config, custom_objects={"Failing": Failing})
    assert np.isfinite(model_from_config(SMALL)(np.ones((1, 3), "float32"))).all()
