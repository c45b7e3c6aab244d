"""Functions of TensorFlow between layers, as tf.keras wrote them: `TFOpLambda` and slices."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from nnlib.core.errors import CorruptFileError, UnknownNameError
from nnlib.models.legacy_nodes import Place, first_and_keywords

OPERATION_LAYERS = ("TFOpLambda", "SlicingOpLambda")


class _Row(NamedTuple):
    """An operation: which arguments of TensorFlow are arrays, and which are options of ours."""

    operation: str
    arrays: tuple[str, ...]
    options: dict[str, str]


def _row(operation: str, arrays: str, **options: str) -> _Row:
    return _Row(operation, tuple(arrays.split()), options)


_REDUCING = {"axis": "axis", "keepdims": "keepdims"}
_PAIRS = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "true_divide",
    "truediv": "true_divide", "floordiv": "floor_divide", "floormod": "mod", "mod": "mod",
    "pow": "power", "maximum": "maximum", "minimum": "minimum", "greater": "greater",
    "greater_equal": "greater_equal", "less": "less", "less_equal": "less_equal",
    "equal": "equal", "not_equal": "not_equal", "logical_and": "logical_and",
    "logical_or": "logical_or", "divide_no_nan": "divide_no_nan", "atan2": "arctan2",
}  # fmt: skip
_EACH = {
    "abs": "absolute", "negative": "negative", "square": "square", "sqrt": "sqrt",
    "rsqrt": "rsqrt", "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p",
    "sigmoid": "sigmoid", "tanh": "tanh", "sin": "sin", "cos": "cos", "tan": "tan",
    "sign": "sign", "round": "round", "floor": "floor", "ceil": "ceil", "erf": "erf",
    "reciprocal": "reciprocal", "logical_not": "logical_not", "is_nan": "isnan",
}  # fmt: skip
_REDUCTIONS = {
    "reduce_mean": "mean", "reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min",
    "reduce_prod": "prod", "reduce_any": "any", "reduce_all": "all", "reduce_std": "std",
    "reduce_variance": "var", "reduce_logsumexp": "logsumexp",
}  # fmt: skip
_ACTIVATIONS = ("relu", "relu6", "elu", "selu", "softplus", "softsign", "tanh", "sigmoid")

_TABLE: dict[str, _Row] = {
    **{name: _row(ours, "x y") for name, ours in _PAIRS.items()},
    **{name: _row(ours, "x") for name, ours in _EACH.items()},
    **{name: _row(ours, "input_tensor", **_REDUCING) for name, ours in _REDUCTIONS.items()},
    **{f"nn.{name}": _row(name, "features") for name in _ACTIVATIONS},
    "argmax": _row("argmax", "input", axis="axis"),
    "argmin": _row("argmin", "input", axis="axis"),
    "cast": _row("cast", "x", dtype="dtype"),
    "clip_by_value": _row("clip", "t", clip_value_min="x_min", clip_value_max="x_max"),
    "concat": _row("concatenate", "values", axis="axis"),
    "cumsum": _row("cumsum", "x", axis="axis"),
    "expand_dims": _row("expand_dims", "input", axis="axis"),
    "gather": _row("take", "params indices", axis="axis"),
    "getitem": _row("get_item", "tensor slice_spec"),
    "matmul": _row("matmul", "a b"),
    "nn.gelu": _row("gelu", "features", approximate="approximate"),
    "nn.leaky_relu": _row("leaky_relu", "features", alpha="negative_slope"),
    "nn.log_softmax": _row("log_softmax", "logits", axis="axis"),
    "nn.silu": _row("silu", "features"),
    "nn.softmax": _row("softmax", "logits", axis="axis"),
    "nn.swish": _row("silu", "features"),
    "one_hot": _row("one_hot", "indices", depth="num_classes", axis="axis", dtype="dtype"),
    "repeat": _row("repeat", "input", repeats="repeats", axis="axis"),
    "reshape": _row("reshape", "tensor", shape="newshape"),
    "split": _row("split", "value", num_or_size_splits="indices_or_sections", axis="axis"),
    "squeeze": _row("squeeze", "input", axis="axis"),
    "stack": _row("stack", "values", axis="axis"),
    "stop_gradient": _row("stop_gradient", "input"),
    "tile": _row("tile", "input", multiples="repeats"),
    "transpose": _row("transpose", "a", perm="axes"),
    "where": _row("where", "condition x y"),
}
# The defaults of TensorFlow where ours are others.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "nn.leaky_relu": {"negative_slope": 0.2},
    "nn.gelu": {"approximate": False},
    "argmax": {"axis": 0},
    "argmin": {"axis": 0},
    "cumsum": {"axis": 0},
    "gather": {"axis": 0},
}
_SILENT = {"output_type": "int64", "Tidx": None}


def operation_entry(entry: Mapping[str, Any], place: Place, names: Any) -> dict[str, Any]:
    """The layer of a function of TensorFlow as the Operation that does the same.

    Raises:
        UnknownNameError: for a function that has no counterpart.
        CorruptFileError: for an entry without a function or a call.
    """
    config = entry["config"] if isinstance(entry["config"], Mapping) else {}
    function = str(config.get("function", "__operators__.getitem"))
    row = _row_of(function, entry)
    calls = []
    options: dict[str, Any] = {}
    for call in entry["inbound_nodes"]:
        first, keywords = first_and_keywords(call, place, names)
        given = {row.arrays[0]: first, **keywords}
        row, arrays, options = _arguments(row, given, function)
        calls.append({"args": arrays, "kwargs": {}})
    if len(calls) > 1 and row.options:
        raise CorruptFileError(
            f"functional config: expected one call of {entry.get('name')!r} ({function}), got "
            f"{len(calls)}."
        )
    options = {**_DEFAULTS.get(_short(function), {}), **options}
    name = entry.get("name")
    config = {"operation": row.operation, "options": options, "name": _clean(name)}
    layer = {"module": "nnlib.layers", "class_name": "Operation", "config": config}
    return {**layer, "name": name, "inbound_nodes": calls}


def _short(function: str) -> str:
    """`tf.math.add` and `__operators__.add` as "add"; `nn.` stays."""
    parts = function.split(".")
    return f"nn.{parts[-1]}" if "nn" in parts[:-1] else parts[-1]


def _row_of(function: str, entry: Mapping[str, Any]) -> _Row:
    short = _short(function)
    row = _TABLE.get(short) or _TABLE.get(short.removeprefix("nn."))
    if row is None:
        raise UnknownNameError(
            f"functional config: expected a function of TensorFlow among "
            f"{', '.join(sorted(_TABLE))}, got {function!r} in {entry.get('name')!r}. Write it as "
            "a layer of your own, save again, and pass that in custom_objects=."
        )
    return row


def _arguments(
    row: _Row, given: dict[str, Any], function: str
) -> tuple[_Row, list[Any], dict[str, Any]]:
    """The row, the arrays and the options of one call."""
    rest = {key: value for key, value in given.items() if value is not None and key != "name"}
    if row.operation == "matmul":
        row, rest = _transposed(row, rest)
    arrays = [rest.pop(name) for name in row.arrays if name in rest]
    options = {ours: rest.pop(name) for name, ours in row.options.items() if name in rest}
    unsaid = [key for key, value in rest.items() if value is False or _SILENT.get(key) == value]
    if wrong := sorted(set(rest) - set(unsaid)):
        raise UnknownNameError(
            f"functional config: expected arguments of {function} among "
            f"{', '.join([*row.arrays, *row.options])}, got {', '.join(wrong)}."
        )
    return row, arrays, options


def _transposed(row: _Row, given: dict[str, Any]) -> tuple[_Row, dict[str, Any]]:
    """`matmul(a, b, transpose_b=True)` as an einsum."""
    flags = [bool(given.get(f"transpose_{side}")) for side in "ab"]
    rest = {key: value for key, value in given.items() if not key.startswith("transpose_")}
    if not any(flags):
        return row, rest
    subscripts = f"...{'ji' if flags[0] else 'ij'},...{'kj' if flags[1] else 'jk'}->...ik"
    return _row("einsum", "a b", subscripts="subscripts"), {**rest, "subscripts": subscripts}


def _clean(name: Any) -> Any:
    """A name that can be part of a path."""
    return name.replace("/", "_") if isinstance(name, str) else None
