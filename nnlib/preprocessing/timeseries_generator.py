"""TimeseriesGenerator: windows of a series, batch by batch, as Keras 2 has it."""

import json
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.utils import PyDataset


class TimeseriesGenerator(PyDataset):
    """Batches of windows `data[i - length : i : sampling_rate]` and their targets, `targets[i]`.

    Args:
        data: the series, time on the first axis.
        targets: as many as data.
        length: the steps that a window spans.
        sampling_rate: steps from one entry of a window to the next.
        stride: steps from one window to the next.
        start_index: data before it is not used.
        end_index: data behind it is not used; the last if None.
        shuffle: whether windows are drawn at random, with replacement, by `numpy.random`.
        reverse: whether windows run backwards.
        batch_size: windows in a batch.
        **kwargs: of PyDataset: workers, use_multiprocessing, max_queue_size.

    Raises:
        DataError: if data and targets differ in length.
        ArgumentError: if no window is left.

    >>> x, y = TimeseriesGenerator(list(range(6)), list(range(6)), length=2, batch_size=3)[0]
    >>> x.tolist(), y.tolist()
    ([[0, 1], [1, 2], [2, 3]], [2, 3, 4])
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if len(data) != len(targets):
            raise DataError(
                f"TimeseriesGenerator: expected as many targets as data, got {len(targets)} and "
                f"{len(data)}."
            )
        self.data, self.targets = data, targets
        self.length, self.sampling_rate, self.stride = length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ArgumentError(
                "TimeseriesGenerator: expected start_index + length up to end_index, got "
                f"{self.start_index} and {self.end_index}: no window is left."
            )

    def __len__(self) -> int:
        span = self.batch_size * self.stride
        return (self.end_index - self.start_index + span) // span

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._rows(index)
        windows = [self.data[row - self.length : row : self.sampling_rate] for row in rows]
        samples = np.array(windows)
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1] if self.reverse else samples), targets

    def _rows(self, index: int) -> np.ndarray:
        """Where the targets of a batch are."""
        if self.shuffle:
            return np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        span = self.batch_size * self.stride
        first = self.start_index + span * index
        return np.arange(first, min(first + span, self.end_index + 1), self.stride)

    def get_config(self) -> dict[str, Any]:
        """The arguments, data and targets as JSON."""
        lists = {name: np.asarray(getattr(self, name)).tolist() for name in ("data", "targets")}
        names = ("length", "sampling_rate", "stride", "end_index", "shuffle", "reverse")
        return {
            **{name: json.dumps(values) for name, values in lists.items()},
            **{name: getattr(self, name) for name in (*names, "batch_size")},
            "start_index": self.start_index - self.length,
        }

    def to_json(self, **kwargs: Any) -> str:
        """The configuration as JSON; `kwargs` go to `json.dumps`."""
        return json.dumps({"class_name": "TimeseriesGenerator", "config": self.get_config()}, **kwargs)
