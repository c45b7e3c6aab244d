"""Images in folders as a dataset."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.core.settings import image_data_format
from nnlib.data.checks import integer
from nnlib.utils.directory import Request, as_grain, datasets
from nnlib.utils.host_resize import INTERPOLATIONS, crop_to_aspect, pad_to_aspect, resize_on_host
from nnlib.utils.image import load_img

_PLACE = "image_dataset_from_directory"
_FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of images and labels from a folder with a folder for each class.

    Args:
        directory: holds the class folders; png, jpeg, bmp and gif files in them are read, also in
            deeper folders.
        labels: "inferred" from the folders; None for none; or a list with one for each file in the
            order of their paths.
        label_mode: "int" for int32 class numbers, "categorical" for one-hot float32 rows, "binary"
            for float32 (batch, 1) of two classes, None for none.
        class_names: the class folders in the order in which they are numbered; None for sorted.
        color_mode: "rgb", "rgba" or "grayscale".
        batch_size: images in a batch; None for single ones.
        image_size: height and width, or one number for both, in pixels.
        shuffle: whether files come in random order, another one in each pass.
        seed: of the order; needed to split shuffled files.
        validation_split: the fraction of files, the last ones, that is for validation.
        subset: "training", "validation" or "both", with validation_split only.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian"
            or "mitchellcubic"; without smoothing.
        follow_links: whether symbolic links to folders are followed.
        crop_to_aspect_ratio: whether the largest fitting window in the middle is scaled.
        pad_to_aspect_ratio: whether borders of 0 are added before scaling.
        data_format: "channels_last" or "channels_first"; None for the global setting.
        format: "tf" for an `nn.data.Dataset`, "grain" for Grain's.
        verbose: whether the numbers of files and classes are printed.

    Returns:
        A dataset of float32 images (batch, *image_size, channels) from 0 to 255, or of pairs of
        them and labels. Its attributes `class_names` and `file_paths` say what is in it. For
        subset="both" a list of two.

    Raises:
        ArgumentError: for arguments outside of what they may be.
        DataError: if no images are found.
        MissingExtraError: without Pillow: `pip install 'nnlib[image]'`.

    >>> import os, tempfile, numpy as np, nnlib as nn
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name in ("cat", "dog"):
    ...     os.mkdir(os.path.join(folder.name, name))
    ...     nn.utils.save_img(os.path.join(folder.name, name, "1.png"), np.ones((4, 6, 3)))
    >>> dataset = nn.utils.image_dataset_from_directory(folder.name, image_size=(8, 8))
    Found 2 files belonging to 2 classes.
    >>> images, labels = next(iter(dataset))
    >>> images.shape, sorted(labels.tolist()), dataset.class_names
    ((2, 8, 8, 3), [0, 1], ['cat', 'dog'])
    >>> folder.cleanup()
    """
    load = _loader(
        color_mode,
        image_size,
        interpolation,
        crop_to_aspect_ratio,
        pad_to_aspect_ratio,
        data_format,
    )
    if format not in ("tf", "grain"):
        raise ArgumentError(f"{_PLACE}: expected format to be 'tf' or 'grain', got {format!r}.")
    request = Request(
        _PLACE,
        _FORMATS,
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )
    found: list[Any] = datasets(request, load, lambda d: d.batch(request.batch_size or 1))
    if format == "grain":
        found = [as_grain(dataset) for dataset in found]
    return found if subset == "both" else found[0]


def _loader(
    color_mode: str, image_size: Any, interpolation: str, crop: bool, pad: bool, layout: str | None
) -> Any:
    """A function that reads one file."""
    if color_mode not in _CHANNELS:
        raise _refusal("color_mode", tuple(_CHANNELS), color_mode)
    if interpolation.lower() not in INTERPOLATIONS:
        raise _refusal("interpolation", tuple(INTERPOLATIONS), interpolation)
    layout = image_data_format() if layout is None else layout
    if layout not in ("channels_last", "channels_first"):
        raise _refusal("data_format", ("channels_last", "channels_first"), layout)
    if crop and pad:
        raise ArgumentError(
            f"{_PLACE}: expected crop_to_aspect_ratio or pad_to_aspect_ratio, got both."
        )
    sizes = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(sizes, tuple | list) or len(sizes) != 2:
        raise ArgumentError(f"{_PLACE}: expected image_size of two integers, got {image_size!r}.")
    height, width = (integer(_PLACE, "image_size", dim, least=1) for dim in sizes)
    size = (height, width)

    def load(path: str) -> np.ndarray:
        image = np.asarray(load_img(path, color_mode), np.float32)
        image = image[..., None] if image.ndim == 2 else image
        image = crop_to_aspect(image, size) if crop else image
        image = pad_to_aspect(image, size) if pad else image
        image = resize_on_host(image, size, interpolation.lower())
        return image.transpose(2, 0, 1) if layout == "channels_first" else image

    return load


def _refusal(name: str, allowed: tuple[str, ...], got: Any) -> ArgumentError:
    return ArgumentError(f"{_PLACE}: expected {name} to be one of {allowed}, got {got!r}.")
