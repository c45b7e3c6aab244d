"""Batches from an iterable: generators, datasets of any library, PyDatasets."""

import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import DataError
from nnlib.data import Dataset, PyDataset, PyDatasetFeed
from nnlib.training.batch import Batch, row_count
from nnlib.training.data import prepare
from nnlib.training.feed import Window
from nnlib.training.placement import ONE_DEVICE, Placement

AHEAD = 3
"""Batches that wait on the device for their step."""


def is_stream(x: Any) -> bool:
    """Whether `x` hands out batches, other than an array or a container of arrays."""
    if x is None or isinstance(x, list | tuple | Mapping | str | bytes):
        return False
    if any(hasattr(x, name) for name in ("__array__", "to_numpy", "shape")):
        return False
    indexed = hasattr(x, "__getitem__") and hasattr(x, "__len__")
    return hasattr(x, "__iter__") or indexed


class StreamFeed:
    """Batches that an iterable hands out, as `x`, `(x, y)` or `(x, y, sample_weight)`.

    Args:
        data: the iterable; its items may be of NumPy, JAX, torch or TensorFlow.
        place: of the call, for errors.
        on_host: applied to each x: layers that take strings.
        transform: applied to each Batch on the host.
        group: batches per dispatch, where that many of one shape follow each other.
        ahead: batches to make ready on the device ahead of time, by a thread; 0 for no thread.
        placement: where they are needed.
    """

    masked = False

    def __init__(
        self,
        data: Any,
        place: str,
        on_host: Callable[[Any], Any],
        transform: Callable[[Batch], Batch],
        group: int = 1,
        ahead: int = AHEAD,
        placement: Placement = ONE_DEVICE,
    ):
        self.data, self.place = data, place
        self.on_host, self.transform = on_host, transform
        self.group, self.ahead, self.placement = group, ahead, placement
        self._workers = PyDatasetFeed(data) if isinstance(data, PyDataset) else None
        self.steps = data.num_batches if self._workers else _length(data)
        self.repeats = not isinstance(data, Iterator)
        self._peeked: list[Any] = []
        self._first = self._look()
        self.batch_size = row_count(self._first.x)

    def _look(self) -> Batch:
        """The first batch; what a generator gave away for it is kept for the first pass."""
        items = iter([self.data[0]]) if self._workers else self._iterate()
        try:
            item = next(items)
        except StopIteration:
            raise DataError(
                f"{self.place}: expected at least one batch, got a {type(self.data).__name__} "
                "that is empty. A generator can be used once only: make a new one."
            ) from None
        if not self.repeats:
            self._peeked.append(item)
        elif hasattr(items, "close"):
            items.close()
        first = self._batch(item)
        self.placement.peers.check_same(first, self.place)
        return first

    def first_batch(self) -> Batch:
        """See `Feed`."""
        return self._first

    def begin(
        self, key: Any = None, skip: int = 0, limit: int | None = None, number: int = 0
    ) -> "StreamPass":
        """See `Feed`; the order is that of the iterable, which shuffles by itself if at all."""
        items = itertools.chain(self._take_peeked(), self._iterate(number, key is not None))
        stop = None if limit is None else skip + limit
        return StreamPass(self, itertools.islice(items, skip, stop))

    def _take_peeked(self) -> Iterator[Any]:
        while self._peeked:
            yield self._peeked.pop()

    def close(self) -> None:
        """See `Feed`."""
        if self._workers is not None:
            self._workers.close()

    def _iterate(self, number: int = 0, shuffled: bool = False) -> Iterator[Any]:
        data = self.data
        if self._workers is not None:
            self._workers.shuffle = shuffled
            return self._workers.epoch()
        if isinstance(data, Dataset):  # its order depends on the number: a resumed fit sees it too
            return data.iterate(number)
        if hasattr(data, "as_numpy_iterator"):
            return iter(data.as_numpy_iterator())
        if hasattr(data, "__iter__"):
            return iter(data)
        return (data[index] for index in range(len(data)))

    def _batch(self, item: Any) -> Batch:
        """An item as arrays on the host."""
        parts = tuple(item) if isinstance(item, tuple | list) else (item,)
        if not 1 <= len(parts) <= 3:
            raise DataError(
                f"{self.place}: expected batches x, (x, y) or (x, y, sample_weight), got a tuple "
                f"of {len(parts)}. Several inputs go into a list or a dict: ([a, b], y)."
            )
        x, y, weight = (*parts, None, None)[:3]
        return self.transform(prepare(self.on_host(x), y, weight, self.place))

    def device_batches(self, items: Iterable[Any]) -> Iterator[Batch]:
        """The items as batches on the device."""
        for item in items:
            yield self.placement.batch(self._batch(item))


class StreamPass:
    """One way through an iterable."""

    def __init__(self, feed: StreamFeed, items: Iterator[Any]):
        self.feed = feed
        batches = feed.device_batches(items)
        self._ahead = Ahead(batches, feed.ahead) if feed.ahead else None
        self._batches = iter(self._ahead or batches)
        self._waiting: deque[Batch] = deque()

    def ready(self) -> bool:
        """See `Pass`."""
        return bool(self._waiting) or self._fetch()

    def _fetch(self) -> bool:
        batch = next(self._batches, None)
        if batch is not None:
            self._waiting.append(batch)
        return batch is not None

    def take(self, limit: int | None) -> Window:
        """See `Pass`; several batches only if they make up a whole group of one shape."""
        group = self.feed.group
        if group > 1 and (limit is None or limit >= group):
            while len(self._waiting) < group and self._fetch():
                pass
            if len(self._waiting) >= group and self._same_shapes(group):
                batches = [self._waiting.popleft() for _ in range(group)]
                data = jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *batches)
                return Window(data, None, 0, group, row_count(batches[0].x))
        self.ready()
        batch = self._waiting.popleft()
        return Window(batch, None, 0, 1, row_count(batch.x))

    def _same_shapes(self, count: int) -> bool:
        kinds = {
            (jax.tree.structure(b), tuple((a.shape, a.dtype) for a in jax.tree.leaves(b)))
            for b in itertools.islice(self._waiting, count)
        }
        return len(kinds) == 1

    def close(self) -> None:
        """See `Pass`."""
        if self._ahead is not None:
            self._ahead.close()


class Ahead:
    """An iterator that a thread runs ahead of: `depth` items are ready before they are asked for.

    What the thread raises is raised where the item would have come.
    """

    def __init__(self, items: Iterator[Any], depth: int):
        self._queue: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(items,), daemon=True)
        self._thread.start()

    def _work(self, items: Iterator[Any]) -> None:
        try:
            for item in items:
                if not self._put("item", item):
                    return
            self._put("end", None)
        except BaseException as error:
            self._put("error", error)

    def _put(self, kind: str, item: Any) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put((kind, item), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[Any]:
        while not self._stop.is_set():
            kind, item = self._queue.get()
            if kind == "item":
                yield item
                continue
            self._stop.set()
            if kind == "error":
                raise item

    def close(self) -> None:
        """Let the thread end; it finishes the item it is at."""
        self._stop.set()
        self._thread.join(timeout=5.0)


def _length(data: Any) -> int | None:
    """The number of batches, where the data tells; None where it is unknown or infinite."""
    try:
        length = len(data)
    except (TypeError, AttributeError, NotImplementedError):
        return None
    return length if 0 <= length < 2**62 else None
