"""Walks a jaxpr and lets each primitive's lowering add operators to the graph."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

from ..errors import UnsupportedOpError
from ..fold import can_bind, fold_bound, fold_elementwise, is_elementwise
from ..graph import Graph, Origin, Tensor
from ..schema_tables import TENSOR_TYPES
from ..source_location import joined_scopes, source_line
from ..symbolic import Dim, Shape, all_static, describe, is_static, plain, same_shape
from .liveness import live_variables
from .refusals import dtype_remedy, remedy_for
from .registry import COMPLEX_LOWERINGS, LOWERINGS, NAMED_LOWERINGS, OTHER_DTYPES

_OPAQUE = np.dtype(object)  # random keys and the like, which only a refused primitive can read

# Parameters in which primitives such as jit, custom_jvp_call and checkpoint hold their function.
CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "checkpoint": "jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
    "custom_lin": "jaxpr",
}

CONDITION, BODY = 0, 1  # numbers of the jaxprs of a while equation in the paths of values


class Lowerer:
    """State of one lowering: the graph, and helpers for the functions in `LOWERINGS`.

    Args:
        graph: where operators are added.
        rnn: what becomes of scans: "while" loops, or "unroll" for rounds written out.
    """

    def __init__(self, graph: Graph, rnn: str = "while") -> None:
        self.graph, self.rnn = graph, rnn
        self._constants: dict[int, tuple[Any, Tensor]] = {}
        self._call_line = "<unknown line>"  # where the function that is being inlined was called
        self._path: tuple[int, ...] = ()  # numbers of the equations that are being lowered
        self._scopes = ""  # that the jaxpr stands in, whose equations know only those within it
        self._inner_scopes = ""  # the same for jaxprs of the current equation
        self.needed: Sequence[bool] = ()  # which results of the current equation are read

    def inside(self) -> Lowerer:
        """A lowerer for a graph inside an operator of this one's graph."""
        inner = copy.copy(self)
        inner.graph, inner._constants = Graph(), {}
        inner.graph.where = self.graph.where
        return inner

    @contextmanager
    def part(self, number: int) -> Iterator[None]:
        """Lower one of several jaxprs of the current equation, whose equations count from 0."""
        outside = self._path
        self._path = (*outside, number)
        yield
        self._path = outside

    # Walking.

    def run(
        self,
        jaxpr: Any,
        consts: Sequence[Any],
        args: Sequence[Tensor | None],
        needed: Sequence[bool] | None = None,
        known: Mapping[Any, Tensor] | None = None,
    ) -> list[Tensor | None]:
        """Lower a jaxpr; results that are not `needed` may be None.

        Args:
            jaxpr: an open jaxpr.
            consts: values of its constants, arrays or tensors.
            args: tensors for its inputs; None for one that is not read, or in `known`.
            needed: which of its results are read; all by default.
            known: tensors of variables, whose equations are not lowered again.

        Returns:
            One tensor for each result.
        """
        env: dict[Any, Tensor] = dict(known or {})
        outside, self._scopes = self._scopes, self._inner_scopes
        for var, value in zip(jaxpr.constvars, consts, strict=True):
            env[var] = (
                value if isinstance(value, Tensor) else self.constant(value, _dtype(var.aval))
            )
        env.update((v, t) for v, t in zip(jaxpr.invars, args, strict=True) if t is not None)
        wanted = [True] * len(jaxpr.outvars) if needed is None else needed
        live = live_variables(jaxpr, wanted, env)
        for number, eqn in enumerate(jaxpr.eqns):
            flags = [var in live and var not in env for var in eqn.outvars]
            if any(flags):  # results that are never read need no export, whatever computes them
                self.equation(number, eqn, env, flags)
        self._scopes = outside
        return [
            self._read(env, var) if want else None
            for var, want in zip(jaxpr.outvars, wanted, strict=True)
        ]

    def _read(self, env: dict[Any, Tensor], var: Any) -> Tensor:
        if isinstance(var, Literal):
            return self.graph.constant(np.asarray(var.val, _dtype(var.aval)))
        return env[var]

    def equation(self, number: int, eqn: Any, env: dict[Any, Tensor], flags: list[bool]) -> None:
        """Lower one equation; `env` holds what it reads, and then its results too.

        Args:
            number: of the equation in its jaxpr.
            eqn: the equation.
            env: tensors by variable.
            flags: which of its results are read.
        """
        outside, around = self._path, self._inner_scopes
        self._path = (*outside, number)
        self._inner_scopes = joined_scopes(self._scopes, eqn)
        results = self._lowered(eqn, [self._read(env, var) for var in eqn.invars], flags)
        for index, tensor in enumerate(results):
            if tensor is not None:
                tensor.hold(Origin(self._path, index))
        self._path, self._inner_scopes = outside, around
        env.update((v, t) for v, t in zip(eqn.outvars, results, strict=True) if t is not None)

    def hoist(self, number: int, eqn: Any, env: dict[Any, Tensor], flags: list[bool]) -> None:
        """`equation` for one of a jaxpr that the current equation holds."""
        outside, self._scopes = self._scopes, self._inner_scopes
        self.equation(number, eqn, env, flags)
        self._scopes = outside

    def _lowered(
        self, eqn: Any, inputs: list[Tensor], flags: list[bool]
    ) -> Sequence[Tensor | None]:
        name = eqn.primitive.name
        if name in CALLS:
            known = NAMED_LOWERINGS.get(eqn.params.get("name", ""))
            folds = all(x.data is not None for x in inputs)
            results = None if known is None or folds else known(self, eqn, inputs)
            if results is not None:
                return list(results)
            return self._call(eqn, inputs, flags)
        self.graph.where = self._line(eqn)
        folded = self._fold(eqn, inputs)
        if folded is not None:
            return folded
        lowering = LOWERINGS.get(name)
        self.needed = flags
        if name in COMPLEX_LOWERINGS and _is_complex(eqn):
            lowering = COMPLEX_LOWERINGS[name]
        else:
            for other in OTHER_DTYPES:
                result = other(self, eqn, inputs)
                if result is not None:
                    return [result] if isinstance(result, Tensor) else list(result)
            self._check_dtypes(eqn, flags)
        if lowering is None:
            raise self.refuse(eqn, "an operation that LiteRT has a kernel for")
        result = lowering(self, eqn, inputs)
        return [result] if isinstance(result, Tensor) else result

    def _call(self, eqn: Any, inputs: list[Tensor], flags: list[bool]) -> Sequence[Tensor | None]:
        jaxpr, consts = opened(eqn.params[CALLS[eqn.primitive.name]])
        outside, self._call_line = self._call_line, self._line(eqn)
        results = self.run(jaxpr, consts, inputs, flags)
        self._call_line = outside
        return results

    def _line(self, eqn: Any) -> str:
        return source_line(eqn, self._call_line, self._scopes)

    # Constants.

    def constant(self, value: Any, dtype: Any) -> Tensor:
        """The tensor of an array, converted once however often it is read.

        The dtype is that of the trace: a closed-over float64 array is float32 there.
        """
        known = self._constants.get(id(value))
        if known is not None:
            return known[1]
        if jnp.issubdtype(dtype, jax.dtypes.extended):
            tensor = Tensor(tuple(value.shape), _OPAQUE)
        else:
            tensor = self.graph.constant(np.asarray(value, dtype))
        self._constants[id(value)] = (value, tensor)
        return tensor

    def _fold(self, eqn: Any, inputs: Sequence[Tensor]) -> list[Tensor] | None:
        """The results of an equation on constants; None for a variable or a free size."""
        operands = [tensor.data for tensor in inputs if tensor.data is not None]
        if len(operands) < len(inputs) or not inputs:
            return None
        if is_elementwise(eqn.primitive.name):
            return [self.graph.constant(fold_elementwise(eqn, operands))]
        if not can_bind(eqn):
            return None
        shapes = [var.aval.shape for var in eqn.invars]
        whole = [np.broadcast_to(o, shape) for o, shape in zip(operands, shapes, strict=True)]
        return [self.graph.constant(value) for value in fold_bound(eqn, whole)]

    # Help for lowerings.

    def full(self, tensor: Tensor, shape: Sequence[Dim]) -> Tensor:
        """The tensor with every broadcast of `shape` written out, for ops that do not broadcast."""
        target = plain(shape)
        if same_shape(tensor.shape, target):
            return tensor
        if tensor.data is not None and all_static(target):
            return self.graph.constant(np.ascontiguousarray(np.broadcast_to(tensor.data, target)))
        return self.graph.add("broadcast", [tensor], target)

    def dim(self, dim: Dim) -> Tensor:
        """A size as an int32 scalar, read while running where it is free."""
        if is_static(dim):
            return self.graph.constant(np.int32(dim))
        return self.graph.add("dim_value", [], (), np.int32, dim=dim)

    def rank_padded(self, tensor: Tensor, rank: int) -> Tensor:
        """The tensor with leading ones up to `rank`."""
        return self.reshape(tensor, (1,) * (rank - tensor.rank) + tensor.shape)

    def reshape(self, tensor: Tensor, shape: Sequence[Dim]) -> Tensor:
        """The tensor's elements in another shape."""
        target = plain(shape)
        if same_shape(tensor.shape, target):
            return tensor
        if tensor.data is not None:
            return self.graph.constant(tensor.data.reshape(target))
        return self.graph.add("RESHAPE", [tensor], target)

    def transpose(self, tensor: Tensor, permutation: Sequence[int]) -> Tensor:
        """The tensor with its axes in another order."""
        order = [int(axis) for axis in permutation]
        if order == sorted(order):
            return tensor
        if tensor.data is not None:
            return self.graph.constant(np.ascontiguousarray(tensor.data.transpose(order)))
        shape = [tensor.shape[axis] for axis in order]
        return self.graph.add("TRANSPOSE", [tensor, self.graph.ints(order)], shape)

    def refuse(self, eqn: Any, expected: str, remedy: str | None = None) -> UnsupportedOpError:
        """The error for an equation that cannot be exported; the caller raises it."""
        name = eqn.primitive.name
        shapes = ", ".join(_aval_text(var.aval) for var in eqn.invars)
        results = ", ".join(_aval_text(var.aval) for var in eqn.outvars)
        return UnsupportedOpError(
            self._line(eqn),
            expected,
            f"primitive `{name}` ({shapes}) -> {results}",
            remedy or remedy_for(name),
        )

    def _check_dtypes(self, eqn: Any, flags: Sequence[bool]) -> None:
        """Refuse int64, float16, complex ... before a kernel sees them."""
        if eqn.primitive.name == "iota":
            return  # a constant of any dtype, which its readers fold or refuse
        for var in (*eqn.invars, *(v for v, flag in zip(eqn.outvars, flags, strict=True) if flag)):
            dtype = _dtype(var.aval)
            if dtype in TENSOR_TYPES or isinstance(var, Literal):
                continue
            if jnp.issubdtype(dtype, jax.dtypes.extended):
                raise self.refuse(eqn, "no random numbers", remedy_for("random_bits"))
            raise self.refuse(
                eqn,
                f"values of float32, int32 or bool, not {dtype}",
                dtype_remedy(dtype),
            )


def opened(inner: Any) -> tuple[Any, Sequence[Any]]:
    """The jaxpr and the constants of an equation's parameter, which may be closed or open."""
    return getattr(inner, "jaxpr", inner), getattr(inner, "consts", ())


def _is_complex(eqn: Any) -> bool:
    return any(_dtype(var.aval) == np.complex64 for var in (*eqn.invars, *eqn.outvars))


def _dtype(aval: Any) -> Any:
    return getattr(aval, "dtype", _OPAQUE)


def _aval_text(aval: Any) -> str:
    shape: Shape = getattr(aval, "shape", ())
    return f"{getattr(aval, 'dtype', aval)}{describe(shape)}"
