"""Images in files, as Pillow's images, and as arrays."""

import io
import os
import warnings
from typing import Any

import numpy as np

from nnlib.core import settings
from nnlib.core.errors import ArgumentError, MissingExtraError, ShapeError

_MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Read an image file with Pillow.

    Args:
        path: of the file, or an `io.BytesIO` of its content.
        color_mode: "rgb", "rgba" or "grayscale"; grayscale keeps 16 and 32 bits.
        target_size: height and width to scale to, in pixels; its own if None.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: whether the largest window in the middle with the aspect ratio of
            `target_size` is scaled, so that nothing is distorted.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ArgumentError: for other modes, interpolations or kinds of paths.
        MissingExtraError: without Pillow: `pip install 'nnlib[image]'`.

    >>> import io, numpy as np, nnlib as nn
    >>> file = io.BytesIO()
    >>> nn.utils.save_img(file, np.ones((2, 3, 3)), file_format="png")
    >>> nn.utils.load_img(file, target_size=(4, 4)).size
    (4, 4)
    """
    if color_mode not in _MODES:
        raise ArgumentError(
            f"load_img: expected color_mode to be one of {', '.join(map(repr, _MODES))}, got "
            f"{color_mode!r}."
        )
    image = _opened(path)
    if image.mode not in _MODES[color_mode]:
        image = image.convert(_MODES[color_mode][0])
    if target_size is None:
        return image
    return _scaled(image, target_size, interpolation, keep_aspect_ratio)


def _opened(path: Any) -> Any:
    if not isinstance(path, str | bytes | os.PathLike | io.BytesIO):
        raise ArgumentError(
            f"load_img: expected path to be a path or an io.BytesIO, got {type(path).__name__}."
        )
    if isinstance(path, io.BytesIO):
        return _pillow("load_img").open(path)
    with open(path, "rb") as file:
        return _pillow("load_img").open(io.BytesIO(file.read()))


def _scaled(image: Any, target_size: Any, interpolation: str, keep_aspect_ratio: bool) -> Any:
    if interpolation not in _INTERPOLATIONS:
        raise ArgumentError(
            f"load_img: expected interpolation to be one of "
            f"{', '.join(map(repr, _INTERPOLATIONS))}, got {interpolation!r}."
        )
    if len(target_size) != 2:
        raise ArgumentError(
            f"load_img: expected target_size to be height and width, got {target_size!r}."
        )
    rows, columns = target_size
    if image.size == (columns, rows):
        return image
    box, (width, height) = None, image.size
    if keep_aspect_ratio:
        high, wide = min(height, width * rows // columns), min(width, height * columns // rows)
        top, left = (height - high) // 2, (width - wide) // 2
        box = (left, top, left + wide, top + high)
    filters = _pillow("load_img").Resampling
    return image.resize((columns, rows), filters[interpolation.upper()], box=box)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """A Pillow image, or an array, as (height, width, channels).

    Args:
        img: of Pillow, or an array with two or three axes.
        data_format: "channels_last" or "channels_first" (channels, height, width); None for the
            global setting.
        dtype: of the array; `floatx()` if None.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import numpy as np, nnlib as nn
    >>> nn.utils.img_to_array(np.ones((2, 3))).shape
    (2, 3, 1)
    """
    first = _channels_first("img_to_array", data_format)
    array = np.asarray(img, dtype=_dtype(dtype))
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3:
        raise ShapeError(
            f"img_to_array: expected an image with 2 or 3 axes, got shape {array.shape}."
        )
    return array.transpose(2, 0, 1) if first else array


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """An array as an image of Pillow.

    Args:
        x: (height, width, channels) of 1 (gray), 3 (RGB) or 4 channels (RGBA).
        data_format: "channels_last" or "channels_first"; None for the global setting.
        scale: whether values are stretched to 0 to 255; else they are taken as they are.
        dtype: to compute in; `floatx()` if None.

    Returns:
        A `PIL.Image.Image`; gray ones of values above 255 have 32 bits.

    Raises:
        ShapeError: for other shapes.
        MissingExtraError: without Pillow: `pip install 'nnlib[image]'`.

    >>> import numpy as np, nnlib as nn
    >>> nn.utils.array_to_img(np.ones((2, 3, 1))).size
    (3, 2)
    """
    first = _channels_first("array_to_img", data_format)
    pillow = _pillow("array_to_img")
    array = np.asarray(x, dtype=_dtype(dtype))
    if array.ndim == 3 and first:
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise ShapeError(
            "array_to_img: expected (height, width, channels) of 1, 3 or 4 channels, got shape "
            f"{np.shape(x)}. Its data_format is 'channels_{'first' if first else 'last'}'."
        )
    array = _stretched(array) if scale else array
    if array.shape[2] > 1:
        return pillow.fromarray(array.astype("uint8"))
    bits = "int32" if np.max(array) > 255 else "uint8"
    return pillow.fromarray(array[:, :, 0].astype(bits))


def _stretched(array: np.ndarray) -> np.ndarray:
    array = array - np.min(array)
    highest = np.max(array)
    return (array / highest if highest else array) * 255


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array to an image file.

    Args:
        path: of the file, or a file to write into.
        x: as for `array_to_img`.
        data_format: "channels_last" or "channels_first"; None for the global setting.
        file_format: "png", "jpg", ...; by the ending of the path if None.
        scale: whether values are stretched to 0 to 255.
        kwargs: handed to Pillow's `save`.

    Raises:
        ShapeError: for arrays that are no images.
        MissingExtraError: without Pillow: `pip install 'nnlib[image]'`.

    >>> import io, numpy as np, nnlib as nn
    >>> nn.utils.save_img(io.BytesIO(), np.ones((2, 3, 3)), file_format="png")
    """
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = os.path.splitext(path)[1][1:]
    file_format = file_format and file_format.lower()
    file_format = "jpeg" if file_format == "jpg" else file_format
    image = array_to_img(x, data_format=data_format, scale=scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warnings.warn(
            "save_img: JPEG files have no transparency; the image is saved as RGB.", stacklevel=2
        )
        image = image.convert("RGB")
    image.save(path, format=file_format or None, **kwargs)


def _pillow(place: str) -> Any:
    try:
        from PIL import Image  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError(
            f"{place}: expected Pillow to be installed, got none. pip install 'nnlib[image]'"
        ) from error
    return Image


def _channels_first(place: str, data_format: str | None) -> bool:
    value = settings.image_data_format() if data_format is None else data_format
    if value not in ("channels_last", "channels_first"):
        raise ArgumentError(
            f"{place}: expected data_format to be 'channels_last' or 'channels_first', got "
            f"{value!r}."
        )
    return value == "channels_first"


def _dtype(dtype: Any) -> Any:
    return settings.floatx() if dtype is None else dtype
