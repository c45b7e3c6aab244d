"""What `fit`, `evaluate` and `predict` read: passes over batches, from arrays or from iterables."""

from dataclasses import dataclass
from typing import Any, Protocol

from nnlib.training.batch import Batch
from nnlib.training.source import Source


@dataclass(frozen=True)
class Window:
    """Consecutive batches within arrays on the device: what one dispatch works on."""

    data: Batch
    order: Any
    """(rows,) the order of the rows, or None as they are."""
    start: int
    """The number of the first batch, counted in `data`."""
    count: int
    batch_size: int
    masked: bool = False
    """Whether the last batch is short, to be filled up and masked."""


class Pass(Protocol):
    """One way through the data."""

    def ready(self) -> bool:
        """Whether there is another batch; waits until that is known."""

    def take(self, limit: int | None) -> Window:
        """The next batches, at least 1 and at most `limit`."""

    def close(self) -> None:
        """Stop what works ahead."""


class Feed(Protocol):
    """Data that can be passed over."""

    steps: int | None
    """Batches in a pass; None while that is not known."""
    batch_size: int
    masked: bool
    repeats: bool
    """Whether more than one pass is possible: a generator is used up by its first."""

    def first_batch(self) -> Batch:
        """A batch to look at shapes and dtypes; it comes again in the first pass."""

    def begin(
        self, key: Any = None, skip: int = 0, limit: int | None = None, number: int = 0
    ) -> Pass:
        """A new pass.

        Args:
            key: of the order of the rows; None to take them as they are.
            skip: batches to leave out at the front.
            limit: at most so many batches are read.
            number: what the order of a dataset that shuffles by itself depends on.
        """

    def close(self) -> None:
        """Let go of what is kept from pass to pass."""


class ArrayFeed:
    """Batches of arrays.

    Args:
        source: the rows.
        masked: whether a short last batch may be filled up and masked.
    """

    repeats = True

    def __init__(self, source: Source, masked: bool = False):
        self.source = source
        self.steps: int | None = source.steps
        self.batch_size = source.batch_size
        self.masked = masked and source.ragged

    def first_batch(self) -> Batch:
        """See `Feed`."""
        return self.source.first_batch()

    def begin(
        self, key: Any = None, skip: int = 0, limit: int | None = None, number: int = 0
    ) -> "ArrayPass":
        """See `Feed`."""
        order = None if key is None else self.source.order(key)
        return ArrayPass(self, order, skip)

    def close(self) -> None:
        """See `Feed`."""


class ArrayPass:
    """One way through the rows of a source."""

    def __init__(self, feed: ArrayFeed, order: Any, done: int):
        self.feed, self.order, self.done = feed, order, done
        source = feed.source
        self._full = source.steps - (source.ragged and not feed.masked)

    def ready(self) -> bool:
        """See `Pass`."""
        return self.done < self.feed.source.steps

    def take(self, limit: int | None) -> Window:
        """See `Pass`; the short last batch comes alone unless it is masked."""
        source, size = self.feed.source, self.feed.batch_size
        left = self._full - self.done
        if left <= 0:
            self.done += 1
            rows = source.rows - self._full * size
            return Window(source.tail(self.order), None, 0, 1, rows)
        data, order, start, count = source.window(self.order, self.done, min(limit or left, left))
        self.done += count
        return Window(data, order, start, count, size, self.feed.masked)

    def close(self) -> None:
        """See `Pass`."""
