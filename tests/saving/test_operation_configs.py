"""Operations of Keras between layers, both ways."""

import json

import jax
import numpy as np
import pytest

import nnlib as nn
from nnlib.core.errors import ArgumentError, UnknownNameError
from nnlib.layers.operations import OPERATIONS
from nnlib.models import model_from_json

# How Keras is asked for each operation, on x of shape (3, 4) within (0.1, 0.9).
CALLS = {
    "amax": lambda ops, x: ops.amax(x, axis=1),
    "amin": lambda ops, x: ops.amin(x, axis=-1, keepdims=True),
    "arccosh": lambda ops, x: ops.arccosh(x + 1),
    "broadcast_to": lambda ops, x: ops.broadcast_to(ops.expand_dims(x, 0), (2, 3, 4)),
    "cast": lambda ops, x: ops.cast(x * 3, "int32"),
    "clip": lambda ops, x: ops.clip(x, 0.3, 0.6),
    "concatenate": lambda ops, x: ops.concatenate([x, 2 * x], axis=1),
    "cumprod": lambda ops, x: ops.cumprod(x, axis=1),
    "cumsum": lambda ops, x: ops.cumsum(x, axis=1),
    "diff": lambda ops, x: ops.diff(x, n=2, axis=1),
    "divide_no_nan": lambda ops, x: ops.divide_no_nan(x, ops.maximum(x - 0.5, 0)),
    "dot": lambda ops, x: ops.dot(x, np.eye(4, dtype="float32")),
    "einsum": lambda ops, x: ops.einsum("ij,ik->ijk", x, x),
    "expand_dims": lambda ops, x: ops.expand_dims(x, 1),
    "flip": lambda ops, x: ops.flip(x, axis=1),
    "get_item": lambda ops, x: x[:, None, 1:3],
    "inner": lambda ops, x: ops.inner(x, np.ones((2, 4), "float32")),
    "matmul": lambda ops, x: ops.matmul(x, np.ones((4, 2), "float32")),
    "max": lambda ops, x: ops.max(x, axis=1, keepdims=True),
    "min": lambda ops, x: ops.min(x, axis=[1], initial=0.2),
    "moveaxis": lambda ops, x: ops.moveaxis(x, 0, 1),
    "one_hot": lambda ops, x: ops.one_hot(ops.cast(x * 3, "int32"), 3),
    "prod": lambda ops, x: ops.prod(x, axis=1),
    "repeat": lambda ops, x: ops.repeat(x, 2, axis=1),
    "reshape": lambda ops, x: ops.reshape(x, (-1, 2, 2)),
    "roll": lambda ops, x: ops.roll(x, 1, axis=1),
    "round": lambda ops, x: ops.round(x, 1),
    "sort": lambda ops, x: ops.sort(x, axis=1),
    "split": lambda ops, x: ops.split(x, 2, axis=1)[1],
    "squeeze": lambda ops, x: ops.squeeze(x[:, 0:1], axis=1),
    "stack": lambda ops, x: ops.stack([x, x], axis=1),
    "swapaxes": lambda ops, x: ops.swapaxes(x, 0, 1),
    "take": lambda ops, x: ops.take(x, np.array([2, 0]), axis=1),
    "take_along_axis": lambda ops, x: ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1),
    "tensordot": lambda ops, x: ops.tensordot(x, np.ones((4, 2), "float32"), axes=1),
    "tile": lambda ops, x: ops.tile(x, (1, 2)),
    "transpose": lambda ops, x: ops.transpose(x, (1, 0)),
    "vdot": lambda ops, x: ops.vdot(x, x),
    "where": lambda ops, x: ops.where(x > 0.5, x, -x),
}
UNARY_LOGIC = {"logical_not"}
BOTH_LOGIC = {"logical_and", "logical_or", "logical_xor"}
PAIRS = {
    *("add", "arctan2", "divide", "equal", "floor_divide", "greater", "greater_equal", "hypot"),
    *("less", "less_equal", "logaddexp", "maximum", "minimum", "mod", "multiply", "not_equal"),
    *("outer", "power", "subtract", "true_divide"),
}
OPTIONS = {
    "softmax": {"axis": 1}, "log_softmax": {"axis": 1}, "elu": {"alpha": 0.5},
    "celu": {"alpha": 0.5}, "gelu": {"approximate": False}, "leaky_relu": {"negative_slope": 0.3},
    "logsumexp": {"axis": 1, "keepdims": True}, "argmax": {"axis": 1}, "argmin": {"axis": 1},
    "mean": {"axis": (0, 1)}, "std": {"axis": 1, "keepdims": True}, "sum": {"axis": 1},
    "all": {"axis": 1}, "any": {"axis": 1}, "var": {"axis": 1}, "median": {"axis": 1},
    "tril": {"k": 1}, "triu": {"k": -1},
}  # fmt: skip


def called(ops, name, x):
    if name in CALLS:
        return CALLS[name](ops, x)
    function = getattr(ops, name)
    if name in UNARY_LOGIC | BOTH_LOGIC:
        return function(*[x > 0.5, x > 0.3][: 1 + (name in BOTH_LOGIC)])
    if name in PAIRS:
        return function(x, ops.flip(x, 1))
    return function(x, **OPTIONS.get(name, {}))


# Keras makes no symbols of argsort's kin that nnlib has none of.
NAMES = sorted(set(OPERATIONS) - {"take_along_axis", "rsqrt"})


def test_every_operation_there_and_back(keras):
    x = keras.Input((4,), batch_size=3, name="x")
    outputs = {name: called(keras.ops, name, x) for name in NAMES}
    theirs = keras.Model(x, outputs)
    ours = model_from_json(theirs.to_json())
    # Keras has one class for both names.
    made = {node.layer.operation for node in ours._graph.nodes}
    assert made >= set(NAMES) - {"abs"}
    array = np.random.default_rng(0).uniform(0.1, 0.9, (3, 4)).astype("float32")
    got, want = ours(array), theirs(array)
    again = keras.models.model_from_json(ours.to_json())(array)
    for name in NAMES:
        for made in (got, again):
            assert made[name].shape == want[name].shape, name
            assert made[name].dtype == want[name].dtype, name
            np.testing.assert_allclose(made[name], want[name], 1e-5, 1e-5, err_msg=name)


def test_operations_of_ours_that_keras_reads(keras):
    x = nn.Input((4,), 3, name="x")
    y = nn.layers.Operation("take_along_axis", {"axis": 1})(x, np.zeros((3, 1), "int32"))
    model = nn.Model(x, [y, nn.layers.Operation("rsqrt")(x + 1)])
    theirs = keras.models.model_from_json(model.to_json())
    array = np.random.default_rng(0).uniform(0.1, 0.9, (3, 4)).astype("float32")
    for a, b in zip(jax.tree.leaves(model(array)), jax.tree.leaves(theirs(array)), strict=True):
        np.testing.assert_allclose(a, b, 1e-5)


def test_arrays_of_fewer_axes():
    x = nn.Input((2, 4))
    model = nn.Model(x, x * np.arange(4, dtype="float32") + 1)
    assert model(np.ones((1, 2, 4), "float32"))[0, 1].tolist() == [1.0, 2.0, 3.0, 4.0]
    again = model_from_json(model.to_json())
    assert again(np.ones((1, 2, 4), "float32"))[0, 1].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_what_is_refused(keras):
    x = keras.Input((4, 4))
    text = keras.Model(x, keras.ops.nn.sparsemax(x)).to_json()
    with pytest.raises(UnknownNameError, match=r"got 'Sparsemax' of keras\.src\.ops\.nn\. Write"):
        model_from_json(text)

    class Sparse(nn.layers.Layer):
        def __init__(self, axis, name=None):
            super().__init__(name=name)
            self.axis = axis

        def call(self, x):
            return nn.activations.sparsemax(x, self.axis)

    model = model_from_json(text, custom_objects={"Sparsemax": Sparse})
    array = np.random.default_rng(0).normal(size=(2, 4, 4)).astype("float32")
    np.testing.assert_allclose(model(array).sum(-1), np.ones((2, 4)), 1e-5)
    with pytest.raises(UnknownNameError, match="name of an operation, got 'rm'"):
        nn.layers.Operation("rm")
    with pytest.raises(ArgumentError, match="options among axis, keepdims, got where"):
        nn.layers.Operation("mean", {"where": 1})
    data = json.loads(text)
    data["config"]["layers"][1]["class_name"] = "Mean"
    data["config"]["layers"][1]["config"] = {"name": "m", "axes": 1}
    with pytest.raises(ArgumentError, match="got axes"):
        model_from_json(json.dumps(data))
