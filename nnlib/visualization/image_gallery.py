"""Images side by side, with their labels."""

import importlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError, MissingExtraError, ShapeError
from nnlib.core.settings import image_data_format

_PLACE = "plot_image_gallery"


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[Any, Any] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Any = None,
    data_format: str | None = None,
) -> None:
    """Draw a grid of images with Matplotlib.

    Args:
        images: (batch, height, width, channels) with 1, 3 or 4 channels.
        y_true: (batch,) class numbers, to write above the images.
        y_pred: (batch,) class numbers that a model says, likewise.
        label_map: from class number to name; needed with `y_true` or `y_pred`.
        rows: of the grid; None for as many as the columns leave, or for a square.
        cols: likewise. Images that find no place are left out.
        value_range: the values that are black and white.
        scale: the size of an image in inches.
        path: the file to write; None for none.
        show: whether a window or notebook shows it; None if there is no path. With False and no
            path the figure is left open: `matplotlib.pyplot.gcf()`.
        transparent: whether the background of the file is.
        dpi: dots per inch of the file.
        legend_handles: Matplotlib's patches, for a legend below.
        data_format: "channels_last" or "channels_first"; the global setting if None.

    Raises:
        ShapeError: for images that are not a batch, and labels of another number.
        ArgumentError: for labels without `label_map`, and for both `path` and `show`.
        MissingExtraError: without Matplotlib: `pip install 'nnlib[plot]'`.

    >>> import pathlib, tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "gallery.png")
    ...     plot_image_gallery(np.zeros((3, 8, 8, 1)), path=path)
    ...     path.stat().st_size > 0
    True
    """
    if path is not None and show:
        raise ArgumentError(f"{_PLACE}: expected path= or show=True, got both.")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ArgumentError(
            f"{_PLACE}: expected label_map= with y_true= or y_pred=, got none. Pass a dict from "
            "class number to name."
        )
    pictures = _pictures(images, value_range, data_format or image_data_format())
    count = len(pictures)
    titles = _titles(count, label_map or {}, {"Label": y_true, "Pred": y_pred})
    rows, cols = _grid(count, rows, cols)
    plt = _pyplot()
    figure, axes = plt.subplots(
        rows, cols, figsize=(cols * scale, rows * scale), frameon=False, squeeze=False
    )
    figure.subplots_adjust(wspace=0, hspace=0 if not any(titles) else 0.2)
    for index, axis in enumerate(axes.flat):
        axis.axis("off")
        if index < count:
            axis.imshow(pictures[index], cmap="gray", vmin=0, vmax=255)
            axis.set_title(titles[index], fontsize=8)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
        plt.close(figure)
    elif show is None or show:
        plt.show()
        plt.close(figure)


def _pictures(images: Any, value_range: tuple[float, float], data_format: str) -> np.ndarray:
    """(batch, height, width, channels) of bytes."""
    images = np.asarray(images)
    if images.ndim != 4:
        raise ShapeError(
            f"{_PLACE}: expected a batch of images, (batch, height, width, channels), got shape "
            f"{images.shape}. Write images[None] for a single one."
        )
    if data_format == "channels_first":
        images = images.transpose(0, 2, 3, 1)
    if images.shape[-1] not in (1, 3, 4):
        raise ShapeError(
            f"{_PLACE}: expected 1, 3 or 4 channels on the last axis, got {images.shape[-1]}. Pass "
            "data_format='channels_first' if they are on the second."
        )
    low, high = value_range
    if not low < high:
        raise ArgumentError(
            f"{_PLACE}: expected value_range to be two numbers in ascending order, got "
            f"{value_range!r}."
        )
    return np.clip((images.astype("float32") - low) * (255 / (high - low)), 0, 255).astype("uint8")


def _grid(count: int, rows: int | None, cols: int | None) -> tuple[int, int]:
    for name, value in (("rows", rows), ("cols", cols)):
        if value is not None and (not isinstance(value, int) or value < 1):
            raise ArgumentError(f"{_PLACE}: expected {name} to be above 0, got {value!r}.")
    if rows is None:
        rows = math.ceil(math.sqrt(count)) if cols is None else math.ceil(count / cols)
    return rows, math.ceil(count / rows) if cols is None else cols


def _titles(count: int, names: Mapping[Any, Any], labels: dict[str, Any]) -> list[str]:
    """`Label: cat  Pred: dog` for each image."""
    parts: list[list[str]] = [[] for _ in range(count)]
    for kind, given in labels.items():
        numbers = [] if given is None else np.asarray(given).reshape(-1).tolist()
        if numbers and len(numbers) != count:
            raise ShapeError(f"{_PLACE}: expected {count} labels, got {len(numbers)}.")
        for part, number in zip(parts, numbers, strict=False):
            part.append(f"{kind}: {names.get(number, 'Unknown')}")
    return ["  ".join(part) for part in parts]


def _pyplot() -> Any:
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise MissingExtraError(
            f"{_PLACE}: expected Matplotlib to be installed, got none. Run: pip install "
            "'nnlib[plot]'."
        ) from error
