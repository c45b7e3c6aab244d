"""Steps that put elements together and take them apart."""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from nnlib.core.errors import DataError
from nnlib.data.background import mapped
from nnlib.data.constants import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from nnlib.data.node import Node, Pass, Through, ended, look
from nnlib.data.rows import Rows
from nnlib.data.spec import grow, shrink
from nnlib.data.structure import leaves, map_structure, stack


def chunks(source: Iterator[Any], size: int, drop_remainder: bool) -> Iterator[list[Any]]:
    """Lists of `size` items; the last one may be shorter, or is left out."""
    while True:
        group = list(islice(source, size))
        if not group or (drop_remainder and len(group) < size):
            return
        yield group


class Batch(Through):
    """`size` elements stacked into one.

    Args:
        parallel: batches made at once in threads, as in Map.
        ordered: as in Map.
    """

    def __init__(
        self,
        parent: Node,
        size: int,
        drop_remainder: bool,
        parallel: int | None = None,
        ordered: bool | None = None,
    ):
        super().__init__(parent)
        self.size, self.drop_remainder = size, drop_remainder
        self.parallel, self.ordered = parallel, ordered

    def collate(self, group: list[Any]) -> Any:
        """The batch of some elements."""
        return stack(group)

    @cached_property
    def spec(self) -> Any:
        """With an axis in front: `size`, or None where the last batch may be short."""
        return grow(self.parent.spec, self.size if self.drop_remainder else None)

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Batch by batch; rows of a table are cut out without looking at each."""
        if isinstance(self.parent, Rows):
            numbers = self.parent.numbers(run, self.size, self.drop_remainder)
            return mapped(self.parent.table.rows, numbers, self.parallel, self.ordered, run.options)
        return self._collated(run)

    def _collated(self, run: Pass) -> Iterator[Any]:
        groups = chunks(self.parent.iterate(run), self.size, self.drop_remainder)
        return mapped(self.collate, groups, self.parallel, self.ordered, run.options)

    def cardinality(self) -> int:
        """The parent's divided by `size`."""
        total = self.parent.cardinality()
        if not ended(total):
            return total
        return total // self.size if self.drop_remainder else -(-total // self.size)

    @property
    def random_access(self) -> bool:
        """Whether the parent has it."""
        return self.parent.random_access

    def at(self, index: int) -> Any:
        """The batch at its place."""
        first = range(self.cardinality())[index] * self.size
        last = min(first + self.size, self.parent.cardinality())
        return self.collate([self.parent.at(place) for place in range(first, last)])


class PaddedBatch(Batch):
    """`size` elements, filled up to one shape and stacked.

    Args:
        shapes: per leaf the shape to fill up to, None where the longest of the batch counts; None
            for None everywhere.
        values: per leaf what to fill with.
    """

    def __init__(self, parent: Node, size: int, drop_remainder: bool, shapes: Any, values: Any):
        super().__init__(parent, size, drop_remainder)
        self.shapes, self.values = shapes, values

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Batch by batch."""
        return self._collated(run)

    def collate(self, group: list[Any]) -> Any:
        """The padded batch of some elements."""
        shapes = self._everywhere(self.shapes, group[0])
        values = self._everywhere(self.values, group[0])
        columns = map_structure(lambda *parts: list(parts), *group)
        return map_structure(
            lambda _, parts, shape, value: _padded(parts, shape, value),
            group[0],
            columns,
            shapes,
            values,
        )

    @staticmethod
    def _everywhere(value: Any, structure: Any) -> Any:
        """None or a single number for each leaf."""
        if value is None or np.isscalar(value):
            return map_structure(lambda _: value, structure)
        return value

    @cached_property
    def spec(self) -> Any:
        """All dims open that are not given."""

        def padded(leaf: Any, shape: Any) -> Any:
            if leaf is None or leaf.shape is None:
                return leaf
            dims = [None] * len(leaf.shape) if shape is None else _dims(shape)
            return type(leaf)(tuple(dims), leaf.dtype)

        spec = self.parent.spec
        wider = map_structure(padded, spec, self._everywhere(self.shapes, spec))
        return grow(wider, self.size if self.drop_remainder else None)


def _dims(shape: Any) -> list[int | None]:
    dims = [shape] if isinstance(shape, int) else list(shape)
    return [None if dim in (None, -1) else int(dim) for dim in dims]


def _padded(parts: list[Any], shape: Any, value: Any) -> Any:
    """The arrays in the corner of one that holds them all."""
    arrays = [np.asarray(part) for part in parts]
    ranks = {array.ndim for array in arrays}
    if len(ranks) > 1:
        raise DataError(f"padded_batch: expected elements of one rank, got ranks {sorted(ranks)}.")
    longest = [max(sizes) for sizes in zip(*(array.shape for array in arrays), strict=True)]
    wanted = longest if shape is None else _dims(shape)
    if len(wanted) != len(longest):
        raise DataError(
            f"padded_batch: expected padded_shapes of rank {len(longest)}, got {shape!r}."
        )
    dims = [most if dim is None else dim for dim, most in zip(wanted, longest, strict=True)]
    if any(most > dim for dim, most in zip(dims, longest, strict=True)):
        raise DataError(
            f"padded_batch: expected elements that fit in {tuple(dims)}, got one with "
            f"{tuple(longest)}. Give larger padded_shapes, or None."
        )
    dtype = np.result_type(*arrays)
    fill = ("" if dtype.kind in "US" else 0) if value is None else value
    out = np.full((len(arrays), *dims), fill, dtype)
    for row, array in enumerate(arrays):
        corner: tuple[Any, ...] = (row, *(slice(size) for size in array.shape))
        out[corner] = array
    return out


class Unbatch(Through):
    """The rows of each element, one by one."""

    @cached_property
    def spec(self) -> Any:
        """Without the first axis."""
        return shrink(self.parent.spec)

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Row after row."""
        for element in self.parent.iterate(run):
            sizes = {len(leaf) if np.ndim(leaf) else -1 for leaf in leaves(element)}
            if len(sizes) != 1 or -1 in sizes:
                raise DataError(
                    "unbatch: expected arrays with a first axis of one size, got sizes "
                    f"{sorted(sizes)} (-1 for a scalar)."
                )
            for row in range(sizes.pop()):
                yield map_structure(lambda leaf, row=row: leaf[row], element)

    def cardinality(self) -> int:
        """Known where a batch step stands right before."""
        parent = self.parent
        if not isinstance(parent, Batch):
            total = parent.cardinality()
            return total if total in (0, INFINITE_CARDINALITY) else UNKNOWN_CARDINALITY
        total = parent.parent.cardinality()
        if parent.drop_remainder and ended(total):
            return total - total % parent.size
        return total


class Windows(Through):
    """`size` elements `stride` apart, beginning every `shift` elements.

    Args:
        wrap: makes what comes out of a list of elements.
    """

    def __init__(
        self,
        parent: Node,
        size: int,
        shift: int,
        stride: int,
        drop_remainder: bool,
        wrap: Callable[[list[Any]], Any],
    ):
        super().__init__(parent)
        self.wrap = wrap
        self.size, self.shift, self.stride = size, shift, stride
        self.drop_remainder = drop_remainder

    @cached_property
    def spec(self) -> Any:
        """The specs of the first window."""
        return look(self)

    @property
    def _span(self) -> int:
        return (self.size - 1) * self.stride + 1

    def iterate(self, run: Pass) -> Iterator[Any]:
        """Window by window."""
        source = self.parent.iterate(run)
        buffer: list[Any] = []
        while True:
            buffer += islice(source, self._span - len(buffer))
            if not buffer or (self.drop_remainder and len(buffer) < self._span):
                return
            yield self.wrap(buffer[:: self.stride])
            skipped = self.shift - len(buffer)
            buffer = buffer[self.shift :]
            if skipped > 0:
                next(islice(source, skipped - 1, skipped), None)

    def cardinality(self) -> int:
        """The number of beginnings."""
        total = self.parent.cardinality()
        if not ended(total):
            return total
        if self.drop_remainder:
            return max(0, (total - self._span) // self.shift + 1)
        return -(-total // self.shift)
