"""Values of dtypes without kernels, carried by tensors of another dtype.

A uint32 is carried by the int32 of the same bits: sums, products, logic and moves are the same for
both. A float16 or bfloat16 is carried by a float32: it is rounded where it is made of a wider
number, and arithmetic on it is done, like XLA may do it, in float32. Constants keep their own dtype
until an operator reads them, so that they fold as JAX computes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..errors import UnsupportedOpError
from ..graph import Tensor
from .lowerer import Lowerer
from .registry import LOWERINGS, OTHER_DTYPES
from .rounding import rounded_to
from .unsigned import UNSIGNED_LOWERINGS

_FLOAT, _INT, _UINT = np.dtype(np.float32), np.dtype(np.int32), np.dtype(np.uint32)
_HALVES = (np.dtype(np.float16), np.dtype(jnp.bfloat16))
CARRIERS = {_UINT: _INT, **dict.fromkeys(_HALVES, _FLOAT)}

# What the bits of a result depend on only by the bits of the operands.
_SAME_BITS = frozenset(
    (
        *("add", "add_any", "sub", "mul", "neg", "square", "integer_pow", "dot_general"),
        *("and", "or", "xor", "not", "eq", "ne", "shift_left", "shift_right_logical"),
        *("population_count", "clz", "select_n", "copy", "copy_p", "stop_gradient"),
        *("reshape", "squeeze", "expand_dims", "transpose", "broadcast_in_dim", "tile", "rev"),
        *("slice", "dynamic_slice", "dynamic_update_slice", "concatenate", "stack", "unstack"),
        *("split", "pad", "gather", "reduce_sum", "cumsum", "scatter", "scatter-add"),
    )
)
# Not for halves: what looks at bits, and graphs of their own, whose values have JAX's dtypes.
_NOT_FOR_HALVES = frozenset(
    (
        *("bitcast_convert_type", "reduce_precision", "nextafter", "while", "scan", "cond"),
        *("fft", "custom_linear_solve", "platform_index"),
    )
)


def is_carried(eqn: Any) -> bool:
    """Whether an equation reads or writes values of a dtype that another one carries."""
    return any(getattr(v.aval, "dtype", None) in CARRIERS for v in (*eqn.invars, *eqn.outvars))


def lower_carried(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Any:
    """The results of an equation on carried values, or None where there are none, or no way."""
    if not is_carried(eqn):
        return None
    name = eqn.primitive.name
    dtypes = {getattr(v.aval, "dtype", None) for v in (*eqn.invars, *eqn.outvars)}
    operands = [carrier(lowerer, x) for x in inputs]
    if name == "convert_element_type":
        return _converted(lowerer, eqn, operands[0])
    if _UINT in dtypes:
        special = UNSIGNED_LOWERINGS.get(name)
        if special is not None:
            return special(lowerer, eqn, operands)
        same = name in _SAME_BITS or (name == "sort" and not _is_key(eqn))
        lowering = LOWERINGS[name] if same else None
    else:
        lowering = None if name in _NOT_FOR_HALVES else LOWERINGS.get(name)
    if lowering is None:
        return None
    results = lowering(lowerer, eqn, operands)
    several = [results] if isinstance(results, Tensor) else results
    return [_constant_again(lowerer, y, v.aval) for y, v in zip(several, eqn.outvars, strict=True)]


def _is_key(eqn: Any) -> bool:
    """Whether a uint32 decides the order of a sort, instead of going along with it."""
    return any(v.aval.dtype == _UINT for v in eqn.invars[: int(eqn.params["num_keys"])])


def _constant_again(lowerer: Lowerer, tensor: Tensor | None, aval: Any) -> Tensor | None:
    """A constant result in its own dtype, so that it folds with others."""
    if tensor is None or tensor.data is None or aval.dtype not in CARRIERS:
        return tensor
    if aval.dtype == _UINT:
        return lowerer.graph.constant(tensor.data.view(_UINT))
    return lowerer.graph.constant(tensor.data.astype(aval.dtype))


def carrier(lowerer: Lowerer, tensor: Tensor) -> Tensor:
    """The tensor as operators read it: constants in the dtype that carries theirs."""
    if tensor.data is None or tensor.dtype not in CARRIERS:
        return tensor
    if tensor.dtype == _UINT:
        return lowerer.graph.constant(tensor.data.view(_INT))
    return lowerer.graph.constant(tensor.data.astype(_FLOAT))


def delivered(lowerer: Lowerer, tensor: Tensor, aval: Any, name: str) -> Tensor:
    """An output of the file, in the dtype of the function's result.

    Raises:
        UnsupportedOpError: no file can hand out that dtype.
    """
    if aval.dtype not in CARRIERS:
        return tensor
    if aval.dtype != np.float16:
        raise UnsupportedOpError(
            f"output {name!r}",
            "dtype float32, float16, int32, int16, int8, uint8 or bool",
            str(aval.dtype),
            "Cast it with x.astype(jnp.float32) or x.astype(jnp.int32) at the end.",
        )
    x = carrier(lowerer, tensor)
    return lowerer.graph.add("CAST", [x], x.shape, aval.dtype)


def _converted(lowerer: Lowerer, eqn: Any, x: Tensor) -> Tensor | None:
    old, new = np.dtype(eqn.invars[0].aval.dtype), np.dtype(eqn.params["new_dtype"])
    if old == new:
        return x
    if _UINT in (old, new):
        return UNSIGNED_LOWERINGS["convert_element_type"](lowerer, eqn, [x])
    if x.dtype != _FLOAT:
        x = lowerer.graph.add("CAST", [x], x.shape, _FLOAT)
    if new in _HALVES:
        return rounded_to(lowerer, x, new)
    return x if new == _FLOAT else lowerer.graph.add("CAST", [x], x.shape, new)


OTHER_DTYPES.append(lower_carried)
