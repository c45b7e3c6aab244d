"""Where datasets come from."""

import builtins
import glob
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, Self

import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.data import checks, grain_bridge
from nnlib.data.chain import Chain
from nnlib.data.elements import Constant
from nnlib.data.generator import Generated, signature_of
from nnlib.data.node import Node
from nnlib.data.options import Options
from nnlib.data.order import Shuffle
from nnlib.data.rows import Arrays, Rows, integers
from nnlib.data.structure import as_leaf, leaves, map_structure
from nnlib.data.zipping import zipped


class Sources(Chain):
    """The ways to begin a dataset."""

    @classmethod
    def from_tensor_slices(cls, tensors: Any) -> Self:
        """Elements are the slices of arrays along their first axis.

        Args:
            tensors: an array, or tuples and dicts of arrays with one length. Lists become arrays.

        Raises:
            DataError: for scalars, and for arrays of different lengths.

        >>> import nnlib as nn
        >>> dataset = nn.data.Dataset.from_tensor_slices(([1, 2], ["a", "b"]))
        >>> [(int(n), str(s)) for n, s in dataset]
        [(1, 'a'), (2, 'b')]
        """
        return cls(Rows(Arrays(_columns(tensors))))

    @classmethod
    def from_tensors(cls, tensors: Any) -> Self:
        """One element: the arrays as they are."""
        return cls(Constant(map_structure(as_leaf, tensors)))

    @classmethod
    def from_generator(
        cls,
        generator: Callable[..., Any],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
    ) -> Self:
        """Elements are what a generator yields; each pass calls its function anew.

        Args:
            generator: a function that returns something to iterate over.
            output_types: dtypes in the structure of an element.
            output_shapes: shapes in that structure; for use with output_types.
            args: arguments for `generator`, which gets them as arrays.
            output_signature: TensorSpecs in the structure of an element, instead of the two.
                Elements take their dtypes and must fit their shapes. Nothing need be given.

        Raises:
            DataError: while iterating, for elements that do not fit.

        >>> import nnlib as nn
        >>> spec = nn.data.TensorSpec((), "int64")
        >>> dataset = nn.data.Dataset.from_generator(range, args=(3,), output_signature=spec)
        >>> [int(x) for x in dataset]
        [0, 1, 2]
        """
        checks.function("from_generator", "generator", generator)
        values = tuple(as_leaf(a) for a in (args if args is not None else ()))
        signature = signature_of(output_types, output_shapes, output_signature)
        return cls(Generated(generator, values, signature))

    @classmethod
    def range(cls, *args: int, output_type: Any = np.int64) -> Self:
        """The integers of Python's `range`.

        Args:
            args: stop; or start and stop; or start, stop and step.
            output_type: their dtype.

        >>> import nnlib as nn
        >>> [int(x) for x in nn.data.Dataset.range(1, 6, 2)]
        [1, 3, 5]
        """
        if not 1 <= len(args) <= 3:
            raise ArgumentError(f"range: expected 1 to 3 numbers, got {len(args)}.")
        numbers = builtins.range(*(checks.integer("range", "each number", a) for a in args))
        return cls(integers(numbers.start, numbers.stop, numbers.step, np.dtype(output_type)))

    @classmethod
    def list_files(
        cls, file_pattern: Any, shuffle: bool | None = None, seed: int | None = None
    ) -> Self:
        """Paths of the files that match.

        Args:
            file_pattern: one pattern as of `glob`, or several.
            shuffle: whether each pass has a random order (None for yes), else they are sorted.
            seed: of the order.

        Raises:
            DataError: if no file matches.
        """
        one = isinstance(file_pattern, str) or hasattr(file_pattern, "__fspath__")
        patterns = [file_pattern] if one else builtins.list(file_pattern)
        paths = sorted({path for pattern in patterns for path in glob.glob(str(pattern))})
        if not paths:
            raise DataError(f"list_files: expected files that match {file_pattern!r}, got none.")
        rows = Rows(Arrays(np.array(paths)))
        if shuffle is False:
            return cls(rows)
        order = Shuffle(rows.order, len(paths), checks.seed("list_files", seed), again=True)
        return cls(Rows(rows.table, order))

    @classmethod
    def zip(cls, *args: Any, datasets: Any = None) -> Self:
        """An element of each dataset; ends with the shortest.

        Args:
            args: datasets, or one tuple or dict of them, whose structure the elements get.
            datasets: that structure, by its old name.

        >>> import nnlib as nn
        >>> one, two = nn.data.Dataset.range(3), nn.data.Dataset.range(5, 10)
        >>> [(int(a), int(b)) for a, b in nn.data.Dataset.zip(one, two)]
        [(0, 5), (1, 6), (2, 7)]
        """
        if bool(args) == (datasets is not None):
            raise ArgumentError("zip: expected datasets, got none or both ways of giving them.")
        given = datasets if datasets is not None else args[0] if len(args) == 1 else args
        parents = tuple(leaves(given))
        for parent in parents:
            if not isinstance(getattr(parent, "node", None), Node):
                raise ArgumentError(
                    f"zip: expected datasets in tuples or dicts, got {type(parent).__name__}."
                )
        options = reduce(Options.merge, (parent.options() for parent in parents))
        return cls(zipped(map_structure(lambda d: d.node, given)), options)

    @classmethod
    def from_grain(cls, source: Any) -> Self:
        """The elements of a dataset of Grain; `shuffle` and `batch` use its random access.

        Args:
            source: a grain MapDataset, IterDataset or DataLoader.

        Raises:
            ArgumentError: for anything else.
            MissingExtraError: if Grain is not installed.
        """
        return cls(grain_bridge.node_of(source))


def _columns(tensors: Any) -> Any:
    """A data frame as a dict of its columns; everything else as it is."""
    if hasattr(tensors, "columns") and hasattr(tensors, "items"):
        return dict(tensors.items())
    return dict(tensors) if isinstance(tensors, Mapping) else tensors
