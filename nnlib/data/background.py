"""Work beside the main thread: a queue that is filled ahead, and functions run in threads."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

from nnlib.data.node import Node, Pass, Through
from nnlib.data.options import Options

_END = object()


class Channel:
    """A bounded queue between one thread that fills it and one that empties it.

    Either side may leave: `close` wakes the filler, which then stops.
    """

    def __init__(self, size: int):
        self.size, self.closed = size, False
        self._items: deque[tuple[Any, BaseException | None]] = deque()
        self._changed = threading.Condition()

    def put(self, item: Any, error: BaseException | None = None) -> bool:
        """Add at the end, once there is room; False if nobody listens any more."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or len(self._items) < self.size)
            self._items.append((item, error))
            self._changed.notify_all()
            return not self.closed

    def get(self) -> Any:
        """The first one, once there is one; raises the filler's error."""
        with self._changed:
            self._changed.wait_for(lambda: self._items)
            item, error = self._items.popleft()
            self._changed.notify_all()
        if error is not None:
            raise error
        return item

    def close(self) -> None:
        """Tell the filler to stop."""
        with self._changed:
            self.closed = True
            self._items.clear()
            self._changed.notify_all()


def _fill(source: Iterator[Any], channel: Channel) -> None:
    """Runs in the thread; holds no reference to the consumer, so that one can be dropped."""
    try:
        for item in source:
            if not channel.put(item):
                break
            del item
        channel.put(_END)
    except BaseException as error:
        channel.put(_END, error)
    finally:
        if hasattr(source, "close"):
            source.close()


def prefetch(source: Iterator[Any], size: int) -> Iterator[Any]:
    """The items of `source`, up to `size` of them made ahead in a thread.

    The thread ends with the source, with an error, or when the iterator is closed or dropped.
    """
    channel = Channel(size)
    thread = threading.Thread(target=_fill, args=(source, channel), daemon=True)
    thread.name = f"nnlib-prefetch-{thread.name}"
    thread.start()
    try:
        while (item := channel.get()) is not _END:
            yield item
            del item
    finally:
        channel.close()


class Prefetch(Through):
    """The parent's elements, `size` of them ahead."""

    def __init__(self, parent: Node, size: int):
        super().__init__(parent)
        self.size = size

    def iterate(self, run: Pass) -> Iterator[Any]:
        """From a thread of its own."""
        return prefetch(self.parent.iterate(run), self.size)

    @property
    def random_access(self) -> bool:
        """Whether the parent has it."""
        return self.parent.random_access

    def at(self, index: int) -> Any:
        """The parent's element."""
        return self.parent.at(index)


def processors() -> int:
    """How many threads AUTOTUNE stands for."""
    return os.cpu_count() or 1


def mapped(
    function: Callable[[Any], Any],
    source: Iterator[Any],
    parallel: int | None,
    ordered: bool | None,
    options: Options,
) -> Iterator[Any]:
    """`function` of each item, in `parallel` threads where the arguments of tf.data ask for it."""
    if parallel is None or parallel == 1:
        return map(function, source)
    if parallel < 0:
        parallel = options.threading.private_threadpool_size or processors()
    ordered = options.deterministic if ordered is None else ordered
    return parallel_map(function, source, parallel, ordered is not False)


def parallel_map(
    function: Callable[[Any], Any], source: Iterator[Any], threads: int, ordered: bool
) -> Iterator[Any]:
    """`function` of each item, in so many threads.

    Without `ordered` a result comes as soon as it is there.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="nnlib-map")
    collect = _in_order if ordered else _as_completed
    try:
        submitted = (pool.submit(function, item) for item in source)
        yield from collect(submitted, 2 * threads)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _in_order(submitted: Iterator[Future], ahead: int) -> Iterator[Any]:
    waiting = deque(islice(submitted, ahead))
    while waiting:
        result = waiting.popleft().result()
        waiting.extend(islice(submitted, 1))
        yield result


def _as_completed(submitted: Iterator[Future], ahead: int) -> Iterator[Any]:
    waiting = set(islice(submitted, ahead))
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        waiting |= set(islice(submitted, len(done)))
        for future in done:
            yield future.result()
