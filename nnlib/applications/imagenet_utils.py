"""Images as networks take them, and the names of ImageNet's classes.

>>> import numpy as np, nnlib as nn
>>> white = np.full((1, 1, 3), 255)
>>> nn.applications.mobilenet_v2.preprocess_input(white).tolist()
[[[1.0, 1.0, 1.0]]]
"""

import functools
import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.settings import floatx, image_data_format
from nnlib.utils.cached_file import RemoteFile, cached_file

CLASS_INDEX = RemoteFile(
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
)
# Of the training images, by channel in the order that the network takes.
_BGR_MEAN = (103.939, 116.779, 123.68)
_RGB_MEAN, _RGB_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Pixels from 0 to 255 in RGB as a network was trained on them; x stays as it is.

    - caffe: in the order blue, green, red, with the means of ImageNet subtracted.
    - tf: `x / 127.5 - 1`, from -1 to 1.
    - torch: `(x / 255 - mean) / deviation`, by the statistics of ImageNet.

    Args:
        x: an array or a symbol, (height, width, 3) or with a batch axis in front.
        data_format: "channels_last" or "channels_first"; None for the global setting.
        mode: "caffe", "tf" or "torch".

    Returns:
        Floats of x's shape; of x's dtype if that is one of floats.

    Raises:
        ArgumentError: for another mode or data format.
        ShapeError: for another number of axes, or of channels where it matters.
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ArgumentError(
            f"preprocess_input: expected mode to be 'caffe', 'tf' or 'torch', got {mode!r}."
        )
    if data_format not in (None, "channels_last", "channels_first"):
        raise ArgumentError(
            "preprocess_input: expected data_format to be 'channels_last', 'channels_first' or "
            f"None, got {data_format!r}."
        )
    first = (data_format or image_data_format()) == "channels_first"
    x = x if hasattr(x, "dtype") else np.asarray(x)
    axis = len(x.shape) - 3 if first else len(x.shape) - 1
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(floatx()) if hasattr(x, "astype") else x * 1.0
    if mode == "tf":
        return x / 127.5 - 1.0
    _check_channels(x, axis)
    spread = functools.partial(_along, axis=axis, like=x)
    if mode == "torch":
        return (x / 255.0 - spread(_RGB_MEAN)) / spread(_RGB_DEVIATION)
    backwards = [slice(None)] * len(x.shape)
    backwards[axis] = slice(None, None, -1)
    return x[tuple(backwards)] - spread(_BGR_MEAN)


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, Any]]]:
    """The most likely classes of ImageNet for each row of probabilities.

    Args:
        preds: (n, 1000), as networks with their classifier return.
        top: how many for each row.

    Returns:
        For each row a list of (WordNet id, name, score), the highest score first.

    Raises:
        ShapeError: for another shape.
        ArgumentError: for another number than 1 to 1000.
        DownloadError: if the names of the classes are in no cache and cannot be downloaded.
    """
    scores = np.asarray(preds)
    if scores.ndim != 2 or scores.shape[1] != 1000:
        raise ShapeError(
            "decode_predictions: expected predictions of shape (n, 1000), got shape "
            f"{scores.shape}. Networks for other classes have no names to be told."
        )
    if isinstance(top, bool) or not isinstance(top, int) or not 1 <= top <= 1000:
        raise ArgumentError(
            f"decode_predictions: expected top to be an integer from 1 to 1000, got {top!r}."
        )
    path = cached_file("decode_predictions", "imagenet_class_index.json", CLASS_INDEX, "models")
    classes = _classes(path)
    best = np.argsort(scores, axis=1)[:, : -top - 1 : -1]
    return [
        [(*classes[index], row[index]) for index in order]
        for row, order in zip(scores, best, strict=True)
    ]


@functools.cache
def _classes(path: Path) -> list[tuple[str, str]]:
    """(WordNet id, name) of each class."""
    index = json.loads(path.read_text(encoding="utf-8"))
    return [tuple(index[str(number)]) for number in range(len(index))]


def _along(values: tuple[float, ...], axis: int, like: Any) -> np.ndarray:
    """Numbers along one axis, in the dtype of x."""
    shape = [1] * len(like.shape)
    shape[axis] = len(values)
    return np.asarray(values, like.dtype).reshape(shape)


def _check_channels(x: Any, axis: int) -> None:
    if len(x.shape) not in (3, 4) or x.shape[axis] != 3:
        raise ShapeError(
            "preprocess_input: expected images with 3 channels, (height, width, 3) or with a batch "
            f"axis, got shape {tuple(x.shape)}."
        )
