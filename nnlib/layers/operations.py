"""What a graph may do between layers, by name: functions of arrays and the names of their options.

Names and options are those of the operations of Keras, in snake case.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnlib import activations
from nnlib.core.naming import snake_case
from nnlib.ops.sorting import median, sort


class Known(NamedTuple):
    """A function of arrays."""

    function: Callable[..., Any]
    options: tuple[str, ...] = ()
    """Keywords that are part of the graph, not arrays."""
    keras_name: str = ""
    """Keras' class; see `module` too."""
    module: str = "numpy"


def _words(text: str) -> list[str]:
    return text.split()


def aligned(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, for arrays of different ranks: axes of size 1 are put in front."""

    @functools.wraps(function)
    def wrapper(*operands: Any) -> Any:
        ndim = max(jnp.ndim(operand) for operand in operands)
        return function(*(_with_axes(operand, ndim) for operand in operands))

    return wrapper


def _with_axes(operand: Any, ndim: int) -> Any:
    missing = ndim - jnp.ndim(operand)
    # Numbers stay numbers: they take the dtype of what they meet.
    return operand if not jnp.ndim(operand) or not missing else jnp.expand_dims(
        operand, tuple(range(missing))
    )  # fmt: skip


def _get_item(x: Any, key: Any) -> Any:
    return x[tuple(key) if isinstance(key, list) else key]


def _clip(x: Any, x_min: Any, x_max: Any) -> Any:
    return jnp.clip(x, x_min, x_max)


def _reshape(x: Any, newshape: Any) -> Any:
    return jnp.reshape(x, newshape)


def _tile(x: Any, repeats: Any) -> Any:
    return jnp.tile(x, repeats)


def _split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    return list(jnp.split(x, indices_or_sections, axis))


def _divide_no_nan(x1: Any, x2: Any) -> Any:
    safe = jnp.where(x2 == 0, 1, x2)
    return jnp.where(x2 == 0, 0, jnp.divide(x1, safe))


_EACH = _words(
    "Absolute Abs Arccos Arccosh Arcsin Arcsinh Arctan Arctanh Cbrt Ceil Cos Cosh Exp Exp2 Expm1 "
    "Floor Isfinite Isinf Isnan Log Log10 Log1p Log2 LogicalNot Negative Reciprocal Sign Sin Sinh "
    "Sqrt Square Tan Tanh Trunc Ravel"
)
_PAIRS = _words(
    "Add Arctan2 Divide Equal FloorDivide Greater GreaterEqual Hypot Less LessEqual Logaddexp "
    "LogicalAnd LogicalOr LogicalXor Maximum Minimum Mod Multiply NotEqual Power Subtract "
    "TrueDivide Where"
)
_REDUCTIONS = _words("All Any Amax Amin Argmax Argmin Mean Std Sum Var")
_PRODUCTS = _words("Dot Matmul Outer Vdot Inner")

_WITH_OPTIONS: dict[str, tuple[Callable[..., Any], str]] = {
    "BroadcastTo": (jnp.broadcast_to, "shape"),
    "Clip": (_clip, "x_min x_max"),
    "Concatenate": (jnp.concatenate, "axis"),
    "Cumprod": (jnp.cumprod, "axis dtype"),
    "Cumsum": (jnp.cumsum, "axis dtype"),
    "Diff": (jnp.diff, "n axis"),
    "DivideNoNan": (aligned(_divide_no_nan), ""),
    "Einsum": (lambda *operands, subscripts: jnp.einsum(subscripts, *operands), "subscripts"),
    "ExpandDims": (jnp.expand_dims, "axis"),
    "Flip": (jnp.flip, "axis"),
    "GetItem": (_get_item, ""),
    "Max": (jnp.max, "axis keepdims initial"),
    "Median": (median, "axis keepdims"),
    "Min": (jnp.min, "axis keepdims initial"),
    "Moveaxis": (jnp.moveaxis, "source destination"),
    "OnesLike": (jnp.ones_like, "dtype"),
    "Prod": (jnp.prod, "axis keepdims dtype"),
    "Repeat": (jnp.repeat, "repeats axis"),
    "Reshape": (_reshape, "newshape"),
    "Roll": (jnp.roll, "shift axis"),
    "Round": (jnp.round, "decimals"),
    "Sort": (sort, "axis"),
    "Split": (_split, "indices_or_sections axis"),
    "Squeeze": (jnp.squeeze, "axis"),
    "Stack": (jnp.stack, "axis"),
    "Swapaxes": (jnp.swapaxes, "axis1 axis2"),
    "Take": (jnp.take, "axis"),
    "TakeAlongAxis": (jnp.take_along_axis, "axis"),
    "Tensordot": (jnp.tensordot, "axes"),
    "Tile": (_tile, "repeats"),
    "Transpose": (jnp.transpose, "axes"),
    "Tril": (jnp.tril, "k"),
    "Triu": (jnp.triu, "k"),
    "ZerosLike": (jnp.zeros_like, "dtype"),
}

_ACTIVATIONS = {
    **dict.fromkeys(
        _words(
            "Relu Relu6 Sigmoid Softplus Softsign Silu LogSigmoid HardSigmoid HardSilu Selu "
            "HardTanh TanhShrink"
        ),
        "",
    ),
    "Celu": "alpha",
    "Elu": "alpha",
    "Gelu": "approximate",
    "LeakyRelu": "negative_slope",
    "LogSoftmax": "axis",
    "Softmax": "axis",
}

_ELSEWHERE: dict[str, tuple[Callable[..., Any], str, str]] = {
    "Cast": (lambda x, dtype: jnp.asarray(x).astype(dtype), "dtype", "core"),
    "StopGradient": (jax.lax.stop_gradient, "", "core"),
    "Logsumexp": (jax.nn.logsumexp, "axis keepdims", "math"),
    "Rsqrt": (jax.lax.rsqrt, "", "math"),
    "Erf": (jax.lax.erf, "", "math"),
    "OneHot": (
        lambda x, num_classes, axis=-1, dtype=None, sparse=False: jax.nn.one_hot(
            x, num_classes, axis=axis, dtype=dtype or "float32"
        ),
        "num_classes axis dtype sparse",
        "nn",
    ),
}


def _table() -> dict[str, Known]:
    rows = [Known(getattr(jnp, snake_case(name)), (), name) for name in _EACH + _PRODUCTS]
    rows += [Known(aligned(getattr(jnp, snake_case(name))), (), name) for name in _PAIRS]
    reducing = ("axis", "keepdims")
    rows += [Known(getattr(jnp, snake_case(name)), reducing, name) for name in _REDUCTIONS]
    rows += [Known(f, tuple(_words(o)), name) for name, (f, o) in _WITH_OPTIONS.items()]
    rows += [
        Known(getattr(activations, snake_case(name)), tuple(_words(o)), name, "nn")
        for name, o in _ACTIVATIONS.items()
    ]
    rows += [Known(f, tuple(_words(o)), name, m) for name, (f, o, m) in _ELSEWHERE.items()]
    return {snake_case(row.keras_name): row for row in rows}


OPERATIONS = _table()
