"""The operator graph that lowering fills, the rewrites improve and the writer serialises.

A kind in capitals is a TFLite operator. A kind in small letters (`erfc`, `sum_pool`, ...) is an
intermediate one, which rewrites may recognise as a whole and which `legalise` replaces at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .quantisation import Quantisation
from .symbolic import Dim, Shape, describe, plain

_REARRANGING = ("RESHAPE", "SQUEEZE", "TRANSPOSE", "broadcast")
_INTERN_LIMIT = 64  # constants up to so many elements are shared by value, larger ones by identity


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """The value of the traced function that a tensor holds.

    Inner jaxprs are shared between calls, and so are their variables; what names a value is the
    chain of equation numbers that leads to it: those of the calls that it is inside of, then that
    of the equation that computes it. An input of the function has no chain.

    Args:
        path: equation numbers, outermost first.
        number: which result of that equation, or which input.
    """

    path: tuple[int, ...]
    number: int


@dataclass(eq=False, slots=True)
class Tensor:
    """A value of the graph: an input, a constant (`data` is set) or the output of `producer`."""

    shape: Shape
    dtype: np.dtype
    data: np.ndarray | None = None
    producer: Op | None = None
    consumers: list[Op] = field(default_factory=list)
    name: str = ""
    variable: bool = False  # a state that the runtime keeps between calls
    quantisation: Quantisation | None = None
    origin: Origin | None = None

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def hold(self, origin: Origin | None) -> None:
        """Note that this tensor holds a value of the traced function, if it is not known already.

        What it only rearranges holds the same elements.
        """
        tensor: Tensor | None = self
        while tensor is not None and tensor.origin is None and tensor.data is None:
            tensor.origin = origin
            op = tensor.producer
            tensor = op.inputs[0] if op is not None and op.kind in _REARRANGING else None

    def __repr__(self) -> str:
        what = "constant " if self.data is not None else ""
        return f"<{what}{self.name or 'tensor'} {self.dtype}{describe(self.shape)}>"


@dataclass(eq=False, slots=True)
class Op:
    """One operator; `None` among the inputs stands for an optional input that is left out."""

    kind: str
    inputs: list[Tensor | None]
    outputs: list[Tensor]
    options: dict[str, Any]
    where: str = ""
    dead: bool = False
    graphs: tuple[Graph, ...] = ()  # condition and body of WHILE, branches of IF

    @property
    def out(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def operand(self, index: int) -> Tensor:
        """Input `index`, which must be there."""
        tensor = self.inputs[index]
        assert tensor is not None
        return tensor

    def __repr__(self) -> str:
        return f"<{self.kind} -> {self.outputs}>"


class Graph:
    """Operators between `inputs` and `outputs`, with links in both directions.

    Example:
        >>> graph = Graph()
        >>> x = graph.add_input("x", (2, 3), np.float32)
        >>> graph.outputs = [graph.add("TANH", [x], x.shape)]
        >>> [op.kind for op in graph.ordered()]
        ['TANH']
    """

    def __init__(self) -> None:
        self.inputs: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self.where = ""  # source line that new operators are attributed to
        self.symbols: dict[str, Tensor] = {}  # free sizes that are passed in as int32 scalars
        self.touched: list[Op] = []  # operators that a rewrite created or changed the inputs of
        self._constants: dict[Any, Tensor] = {}
        self._alive: list[np.ndarray] = []  # keeps ids in _constants from being used again

    def add_input(self, name: str, shape: Iterable[Dim], dtype: Any) -> Tensor:
        """Append a graph input."""
        tensor = Tensor(plain(shape), np.dtype(dtype), name=name)
        self.inputs.append(tensor)
        return tensor

    def constant(self, value: Any, dtype: Any = None) -> Tensor:
        """The constant tensor of `value`; small equal values give the same tensor."""
        data = np.asarray(value, dtype)
        small = data.size <= _INTERN_LIMIT
        key = (data.shape, data.dtype.str, data.tobytes()) if small else id(data)
        if key not in self._constants:
            if not small:
                self._alive.append(data)
            self._constants[key] = Tensor(data.shape, data.dtype, data)
        return self._constants[key]

    def ints(self, values: Iterable[int]) -> Tensor:
        """An int32 vector, as axes, paddings and shapes are passed."""
        return self.constant(np.array(list(values), np.int32))

    def add(
        self,
        kind: str,
        inputs: Sequence[Tensor | None],
        shape: Iterable[Dim],
        dtype: Any = None,
        **options: Any,
    ) -> Tensor:
        """Append an operator with one output; its dtype is that of the first input by default."""
        first = inputs[0] if inputs else None
        if dtype is None:
            assert first is not None
            dtype = first.dtype
        out = Tensor(plain(shape), np.dtype(dtype))
        self.add_many(kind, inputs, [out], **options)
        return out

    def add_many(
        self,
        kind: str,
        inputs: Sequence[Tensor | None],
        outputs: list[Tensor],
        graphs: tuple[Graph, ...] = (),
        **options: Any,
    ) -> list[Tensor]:
        """Append an operator that writes the given new tensors."""
        op = Op(kind, list(inputs), outputs, options, self.where, graphs=graphs)
        for out in outputs:
            out.producer = op
        for tensor in op.inputs:
            if tensor is not None:
                tensor.consumers.append(op)
        self.touched.append(op)
        return outputs

    def uses(self, tensor: Tensor) -> int:
        """How often a tensor is read, as an operator's input or as an output of the graph."""
        return len(tensor.consumers) + sum(out is tensor for out in self.outputs)

    def sole_producer(self, tensor: Tensor | None, *kinds: str) -> Op | None:
        """The producer of a tensor that is read once only, if it is of one of these kinds."""
        if tensor is None or tensor.producer is None or tensor.producer.kind not in kinds:
            return None
        return tensor.producer if self.uses(tensor) == 1 else None

    def replace(self, old: Tensor, new: Tensor) -> None:
        """Let every reader of `old` read `new`; operators left without readers die."""
        if old is new:
            return
        new.hold(old.origin)
        for op in old.consumers:
            op.inputs = [new if tensor is old else tensor for tensor in op.inputs]
            new.consumers.append(op)
            self.touched.append(op)
        old.consumers = []
        self.outputs = [new if tensor is old else tensor for tensor in self.outputs]
        if new.producer is not None:
            self.touched.append(new.producer)
        if old.producer is not None:
            self.prune(old.producer)

    def set_input(self, op: Op, position: int, new: Tensor) -> None:
        """Let `op` alone read `new` as its input `position`."""
        old = op.operand(position)
        op.inputs[position] = new
        old.consumers.remove(op)
        new.consumers.append(op)
        self.touched.append(op)

    def prune(self, op: Op) -> None:
        """Remove `op`, and what only it needed, if nothing reads its outputs."""
        pending = [op]
        while pending:
            op = pending.pop()
            if op.dead or any(self.uses(out) for out in op.outputs):
                continue
            op.dead = True
            for tensor in op.inputs:
                if tensor is None:
                    continue
                tensor.consumers = [user for user in tensor.consumers if user is not op]
                if tensor.producer is not None:
                    pending.append(tensor.producer)
                self.touched.extend(tensor.consumers)

    def all_graphs(self) -> list[Graph]:
        """This graph and the graphs inside its operators, outer ones first."""
        found = [self]
        for graph in found:
            for op in graph.ordered():
                found.extend(op.graphs)
        return found

    def ordered(self) -> list[Op]:
        """Operators that the outputs need, each after those it reads."""
        order: list[Op] = []
        seen: set[Op] = set()
        stack: list[tuple[Op, Iterator[Tensor | None]]] = []

        def visit(tensor: Tensor | None) -> None:
            op = None if tensor is None else tensor.producer
            if op is not None and op not in seen:
                seen.add(op)
                stack.append((op, iter(op.inputs)))

        for output in self.outputs:
            visit(output)
            while stack:
                op, inputs = stack[-1]
                depth = len(stack)
                for tensor in inputs:
                    visit(tensor)
                    if len(stack) > depth:
                        break
                else:
                    stack.pop()
                    order.append(op)
        return order
