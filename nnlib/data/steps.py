"""The transformations of a Dataset. Each returns a new one."""

import builtins
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.data import batching, caching, checks, elements, nesting, order
from nnlib.data.background import Prefetch, processors
from nnlib.data.chain import Chain
from nnlib.data.node import Node
from nnlib.data.rows import Listed, Rows, integers
from nnlib.data.structure import map_structure
from nnlib.data.zipping import zipped


class Steps(Chain):
    """What makes a dataset of a dataset."""

    def _chosen(self, step: Callable[[Node], Node]) -> Self:
        """A step that changes no element: over a table it works on row numbers."""
        if isinstance(self.node, Rows):
            return self._then(Rows(self.node.table, step(self.node.order)))
        return self._then(step(self.node))

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Self:
        """A function of each element; a tuple is spread over its arguments.

        Args:
            map_func: returns an array, or a tuple or dict of them, of numpy or jax. Python numbers
                become int32 and float32. It is called in Python for each element: functions of
                whole batches belong behind `batch`.
            num_parallel_calls: threads to call it in; AUTOTUNE for one per processor, None for
                none. Threads help where it reads files or spends its time in numpy or jax.
            deterministic: False lets results come as soon as they are there, out of order; None
                for what the options say, which is in order.

        >>> import nnlib as nn
        >>> [int(x) for x in nn.data.Dataset.range(3).map(lambda x: x * x)]
        [0, 1, 4]
        """
        checks.function("map", "map_func", map_func)
        parallel = checks.parallelism("map", num_parallel_calls)
        ordered = checks.flag("map", "deterministic", deterministic)
        return self._then(elements.Map(self.node, map_func, parallel, ordered))

    def filter(self, predicate: Callable[..., Any]) -> Self:
        """The elements for which `predicate` is true; the number of elements becomes unknown.

        >>> import nnlib as nn
        >>> [int(x) for x in nn.data.Dataset.range(5).filter(lambda x: x % 2 == 0)]
        [0, 2, 4]
        """
        return self._then(
            elements.Filter(self.node, checks.function("filter", "predicate", predicate))
        )

    def take_while(self, predicate: Callable[..., Any]) -> Self:
        """The elements before the first one for which `predicate` is false."""
        return self._then(
            elements.TakeWhile(self.node, checks.function("take_while", "predicate", predicate))
        )

    def shuffle(
        self,
        buffer_size: int | None,
        seed: int | None = None,
        reshuffle_each_iteration: bool = True,
    ) -> Self:
        """The elements in random order.

        Each one is drawn from a buffer that is kept full. With a buffer as large as the dataset
        every order is equally likely, and over arrays it costs row numbers, not rows.

        Args:
            buffer_size: elements in the buffer; None or UNKNOWN_CARDINALITY for all of them.
            seed: of the order; None draws one, which `nn.utils.set_random_seed` settles.
            reshuffle_each_iteration: whether each pass has an order of its own. Orders depend on
                the seed and the number of the pass alone.

        >>> import nnlib as nn
        >>> dataset = nn.data.Dataset.range(4).shuffle(4, seed=1)
        >>> sorted(int(x) for x in dataset)
        [0, 1, 2, 3]
        """
        if buffer_size is None or buffer_size == -2:
            size = 2**62
        else:
            size = checks.integer("shuffle", "buffer_size", buffer_size, least=1)
        chosen = checks.seed("shuffle", seed)
        again = reshuffle_each_iteration is not False
        return self._chosen(lambda node: order.Shuffle(node, size, chosen, again))

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Self:
        """`batch_size` elements stacked along a new first axis.

        Args:
            batch_size: elements in a batch.
            drop_remainder: whether a shorter last batch is left out.
            num_parallel_calls: threads that make batches; as in `map`.
            deterministic: as in `map`.

        Raises:
            DataError: while iterating, for elements of different shapes.

        >>> import nnlib as nn
        >>> [batch.tolist() for batch in nn.data.Dataset.range(5).batch(2)]
        [[0, 1], [2, 3], [4]]
        """
        size = checks.integer("batch", "batch_size", batch_size, least=1)
        parallel = checks.parallelism("batch", num_parallel_calls)
        ordered = checks.flag("batch", "deterministic", deterministic)
        return self._then(batching.Batch(self.node, size, bool(drop_remainder), parallel, ordered))

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
    ) -> Self:
        """`batch_size` elements, filled up to one shape and stacked.

        Args:
            batch_size: elements in a batch.
            padded_shapes: in the structure of an element the shape of each array, with None (or
                -1) where the longest of the batch decides; None for None everywhere.
            padding_values: what to fill with, one for all or in the structure of an element; None
                for 0 and "".
            drop_remainder: whether a shorter last batch is left out.

        >>> import nnlib as nn
        >>> dataset = nn.data.Dataset.from_generator(lambda: iter([[1], [2, 3]]))
        >>> next(iter(dataset.padded_batch(2, padding_values=9)))
        array([[1, 9],
               [2, 3]], dtype=int32)
        """
        size = checks.integer("padded_batch", "batch_size", batch_size, least=1)
        return self._then(
            batching.PaddedBatch(
                self.node, size, bool(drop_remainder), padded_shapes, padding_values
            )
        )

    def unbatch(self) -> Self:
        """The rows of each element, one by one."""
        return self._then(batching.Unbatch(self.node))

    def repeat(self, count: int | None = None) -> Self:
        """The elements `count` times over; None or -1 for without end.

        >>> import nnlib as nn
        >>> [int(x) for x in nn.data.Dataset.range(2).repeat(2)]
        [0, 1, 0, 1]
        """
        times = None if count is None else checks.integer("repeat", "count", count, least=-1)
        return self._chosen(lambda node: order.Repeat(node, None if times == -1 else times))

    def take(self, count: int) -> Self:
        """The first `count` elements; -1 for all."""
        stop = checks.integer("take", "count", count, least=-1)
        return self._chosen(lambda node: order.Part(node, 0, None if stop == -1 else stop))

    def skip(self, count: int) -> Self:
        """All but the first `count` elements; -1 for none at all."""
        start = checks.integer("skip", "count", count, least=-1)
        if start == -1:
            return self._chosen(lambda node: order.Part(node, 0, 0))
        return self._chosen(lambda node: order.Part(node, start, None))

    def shard(self, num_shards: int, index: int) -> Self:
        """Every `num_shards`-th element from number `index`: one of equal shares.

        >>> import nnlib as nn
        >>> [int(x) for x in nn.data.Dataset.range(5).shard(2, 1)]
        [1, 3]
        """
        step = checks.integer("shard", "num_shards", num_shards, least=1)
        start = checks.integer("shard", "index", index, least=0)
        if start >= step:
            raise ArgumentError(f"shard: expected index below {step}, got {start}.")
        return self._chosen(lambda node: order.Part(node, start, None, step))

    def prefetch(self, buffer_size: int | None = -1) -> Self:
        """The same elements, some of them made ahead in a thread of its own.

        Args:
            buffer_size: how many; AUTOTUNE or None for 2, 0 for none.
        """
        size = -1 if buffer_size is None else buffer_size
        size = checks.integer("prefetch", "buffer_size", size, least=-1)
        return (
            self._then(Prefetch(self.node, 2 if size == -1 else size))
            if size
            else self._then(self.node)
        )

    def cache(self, filename: Any = "") -> Self:
        """The elements of the first complete pass, in every pass.

        Args:
            filename: of a file that keeps them beyond this process; empty for memory.
        """
        if str(filename):
            return self._then(caching.FileCache(self.node, str(filename)))
        node = self.node
        if isinstance(node, Rows) and node.table.in_memory and node.order.random_access:
            return self._then(node)  # its rows are in memory, in an order that never changes
        return self._then(caching.MemoryCache(node))

    def concatenate(self, dataset: Chain) -> Self:
        """This one, then the other."""
        return self._then(order.Concatenate(self.node, dataset.node))

    def enumerate(self, start: int = 0) -> Self:
        """(number, element), with an int64 number.

        >>> import nnlib as nn
        >>> dataset = nn.data.Dataset.from_tensor_slices(["a", "b"]).enumerate(start=5)
        >>> [(int(n), str(x)) for n, x in dataset]
        [(5, 'a'), (6, 'b')]
        """
        first = checks.integer("enumerate", "start", start)
        node = self.node
        if isinstance(node, Rows) and node.whole:
            numbers = integers(first, first + node.table.size, 1, np.int64)
            return self._then(zipped((numbers, node)))
        return self._then(elements.Enumerate(node, first))

    def flat_map(self, map_func: Callable[..., Any]) -> Self:
        """The elements of the datasets that `map_func` returns, one dataset after the other.

        >>> import nnlib as nn
        >>> dataset = nn.data.Dataset.range(4).flat_map(nn.data.Dataset.range)
        >>> [int(x) for x in dataset]
        [0, 0, 1, 0, 1, 2]
        """
        checks.function("flat_map", "map_func", map_func)
        return self._then(nesting.FlatMap(self.node, map_func))

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: int | None = None,
        block_length: int = 1,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Self:
        """The elements of the datasets that `map_func` returns, several datasets in turn.

        Args:
            map_func: a function that returns a Dataset for each element.
            cycle_length: how many datasets are open at once; None or AUTOTUNE for as many as there
                are processors.
            block_length: consecutive elements taken from one.
            num_parallel_calls: how many of the open ones are read ahead in threads of their own.
            deterministic: the order is the same either way.

        >>> import nnlib as nn
        >>> repeated = lambda x: nn.data.Dataset.from_tensors(x).repeat(3)
        >>> dataset = nn.data.Dataset.range(1, 4).interleave(repeated, 2, block_length=2)
        >>> [int(x) for x in dataset]
        [1, 1, 2, 2, 1, 2, 3, 3, 3]
        """
        checks.function("interleave", "map_func", map_func)
        checks.flag("interleave", "deterministic", deterministic)
        cycle = processors() if cycle_length in (None, -1) else cycle_length
        cycle = checks.integer("interleave", "cycle_length", cycle, least=1)
        block = checks.integer("interleave", "block_length", block_length, least=1)
        parallel = checks.parallelism("interleave", num_parallel_calls)
        return self._then(nesting.Interleave(self.node, map_func, cycle, block, parallel))

    def window(
        self,
        size: int,
        shift: int | None = None,
        stride: int = 1,
        drop_remainder: bool = False,
    ) -> Self:
        """Datasets of `size` elements each; one for each array of an element.

        Args:
            size: elements in a window.
            shift: elements from the beginning of one window to that of the next; None for `size`.
            stride: elements from one to the next within a window.
            drop_remainder: whether shorter windows at the end are left out.

        >>> import nnlib as nn
        >>> windows = nn.data.Dataset.range(5).window(3, shift=2, drop_remainder=True)
        >>> [[int(x) for x in window] for window in windows]
        [[0, 1, 2], [2, 3, 4]]
        """
        size = checks.integer("window", "size", size, least=1)
        shift = size if shift is None else checks.integer("window", "shift", shift, least=1)
        stride = checks.integer("window", "stride", stride, least=1)

        def wrap(group: list[Any]) -> Any:
            columns = map_structure(lambda *parts: builtins.list(parts), *group)
            return map_structure(
                lambda _, parts: self._then(Rows(Listed(parts))), group[0], columns
            )

        node = batching.Windows(self.node, size, shift, stride, bool(drop_remainder), wrap)
        return self._then(node)
