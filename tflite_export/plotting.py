"""A picture of an exported file: which tensors take the space, and which operators there are."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from .errors import MissingPlotError
from .model_info import ModelInfo

_BARS = 12


def plot_model(info: ModelInfo, path: str | os.PathLike[str] | None, title: str) -> Any:
    """Draw the largest constants and the operator counts.

    Args:
        info: what `read_tflite` found.
        path: a file to write the picture to; None only draws it.
        title: text above.

    Returns:
        Matplotlib's figure.

    Raises:
        MissingPlotError: without Matplotlib: `pip install 'nnlib[plot]'`.
    """
    try:
        figure_class = importlib.import_module("matplotlib.figure").Figure
    except ImportError as error:
        raise MissingPlotError(
            "report.plot",
            "Matplotlib to be installed",
            "none",
            "Run: pip install 'nnlib[plot]'",
        ) from error
    # A figure of its own, without pyplot: nothing to close, and no display is needed.
    figure = figure_class(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _bars(left, largest_constants(info), "KiB of constants", 1024)
    counts = sorted(info.ops.items(), key=lambda item: -item[1])
    _bars(right, counts[:_BARS], "operators", 1)
    figure.suptitle(title)
    if path is not None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target)
    return figure


def largest_constants(info: ModelInfo) -> list[tuple[str, int]]:
    """Bytes of the largest constants, each called after the operator that reads it first.

    Args:
        info: what `read_tflite` found.

    Returns:
        Up to 12 names and sizes, the largest first; the rest is one entry of its own.
    """
    sizes: dict[int, tuple[str, int]] = {}
    for graph in info.subgraphs:
        for op in graph.operators:
            for number in op.inputs:
                tensor = graph.tensors[number] if number >= 0 else None
                if tensor is not None and tensor.is_constant:
                    label = f"{op.name} {op.index}: {tensor.describe()}"
                    sizes.setdefault(tensor.buffer, (label, tensor.bytes))
    ranked = sorted(sizes.values(), key=lambda item: -item[1])
    if len(ranked) <= _BARS:
        return ranked
    shown = ranked[: _BARS - 1]
    rest = sum(size for _, size in ranked[_BARS - 1 :])
    return [*shown, (f"{len(ranked) - len(shown)} others", rest)]


def _bars(axes: Any, values: list[tuple[str, int]], label: str, unit: int) -> None:
    names = [name for name, _ in values]
    axes.barh(range(len(values)), [value / unit for _, value in values])
    axes.set_yticks(range(len(values)), names)
    axes.invert_yaxis()
    axes.set_xlabel(label)
