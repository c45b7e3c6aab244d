"""Sliding windows over a time series."""

from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.data import Dataset, TensorSpec
from nnlib.data.checks import integer
from nnlib.data.rows import Computed, Rows

_PLACE = "timeseries_dataset_from_array"


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Any:
    """Windows of a series: `data[i], data[i + r], ..., data[i + (L - 1) r]` for i = 0, s, 2s, ...

    Args:
        data: the series; time is its first axis.
        targets: `targets[i]` belongs to the window that begins at `i`; None for none.
        sequence_length: L, steps in a window.
        sequence_stride: s, steps from the beginning of one window to that of the next.
        sampling_rate: r, steps from one to the next within a window.
        batch_size: windows in a batch; None for single windows.
        shuffle: whether windows come in random order.
        seed: of the order.
        start_index: steps before it are not used; None for 0.
        end_index: steps from it on are not used; None for the length.
        format: "tf" for an `nn.data.Dataset`, "grain" for Grain's.

    Returns:
        A dataset of (batch, L, ...) windows, or of pairs of windows and targets.

    Raises:
        ArgumentError: for strides and indices that do not fit the length.
        DataError: if not one window fits, or targets are missing.

    >>> import numpy as np, nnlib as nn
    >>> series = np.arange(6)
    >>> dataset = nn.utils.timeseries_dataset_from_array(series[:-2], series[2:], 2)
    >>> [(x.tolist(), y.tolist()) for x, y in dataset]
    [([[0, 1], [1, 2], [2, 3]], [2, 3, 4])]
    """
    series = np.asarray(data)
    start, end = _bounds(len(series), start_index, end_index)
    length = integer(_PLACE, "sequence_length", sequence_length, least=1)
    rate = _below(len(series), "sampling_rate", sampling_rate)
    stride = _below(len(series), "sequence_stride", sequence_stride)
    if format not in ("tf", "grain"):
        raise ArgumentError(f"{_PLACE}: expected format to be 'tf' or 'grain', got {format!r}.")
    count = end - start - (length - 1) * rate
    labels = None if targets is None else np.asarray(targets)
    count = count if labels is None else min(count, len(labels))
    if count <= 0:
        raise DataError(
            f"{_PLACE}: expected at least {(length - 1) * rate + 1} steps for one window, got "
            f"{end - start}."
        )
    beginnings = np.arange(0, count, stride)
    if labels is not None:
        labels = labels[start:end]
        if beginnings[-1] >= len(labels):
            raise DataError(
                f"{_PLACE}: expected targets up to number {start + beginnings[-1]}, got "
                f"{start + len(labels)}."
            )
    seed = int(np.random.randint(10**6)) if seed is None and shuffle else seed
    if shuffle:
        np.random.RandomState(seed).shuffle(beginnings)
    dataset = Dataset(Rows(_windows(series[start:end], labels, beginnings, length, rate)))
    if shuffle:
        dataset = dataset.shuffle(1024 if batch_size is None else batch_size * 8, seed)
    dataset = dataset if batch_size is None else dataset.batch(batch_size)
    return dataset.to_grain() if format == "grain" else dataset.prefetch()


def _windows(series: Any, labels: Any, beginnings: Any, length: int, rate: int) -> Computed:
    """The table of windows; many are cut out with one indexing."""
    steps = np.arange(length) * rate

    def rows(indices: np.ndarray) -> Any:
        places = beginnings[indices]
        windows = series[places[:, None] + steps]
        return windows if labels is None else (windows, labels[places])

    spec: Any = TensorSpec((length, *series.shape[1:]), series.dtype)
    if labels is not None:
        spec = (spec, TensorSpec(labels.shape[1:], labels.dtype))
    return Computed(len(beginnings), rows, spec)


def _bounds(total: int, start: int | None, end: int | None) -> tuple[int, int]:
    first = 0 if start is None else integer(_PLACE, "start_index", start, least=0)
    if first >= max(total, 1):
        raise ArgumentError(f"{_PLACE}: expected start_index below {total}, got {first}.")
    last = total if end is None else integer(_PLACE, "end_index", end, least=1)
    if end is not None and not first < last < total:
        raise ArgumentError(
            f"{_PLACE}: expected end_index above {first} and below {total}, got {last}."
        )
    return first, last


def _below(total: int, name: str, value: Any) -> int:
    value = integer(_PLACE, name, value, least=1)
    if value >= total:
        raise ArgumentError(f"{_PLACE}: expected {name} below {total}, got {value}.")
    return value
