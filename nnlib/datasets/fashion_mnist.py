"""Fashion-MNIST: pictures of clothes."""

import gzip
from pathlib import Path

import numpy as np

from nnlib.datasets.files import fetch
from nnlib.datasets.splits import Split


def load_data() -> Split:
    """60,000 training and 10,000 test images of ten kinds of clothes.

    The kinds are T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag and
    ankle boot.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 images (n, 28, 28) and labels (n,) from 0 to 9.

    Raises:
        DownloadError: if a file is in no cache and cannot be downloaded.

    Source: Xiao, Rasul and Vollgraf 2017, "Fashion-MNIST".
    """
    return _part("train"), _part("t10k")


def _part(name: str) -> tuple[np.ndarray, np.ndarray]:
    labels = _bytes(f"{name}-labels-idx1-ubyte.gz", skip=8)
    images = _bytes(f"{name}-images-idx3-ubyte.gz", skip=16)
    return images.reshape(len(labels), 28, 28), labels


def _bytes(key: str, skip: int) -> np.ndarray:
    """The content behind the header."""
    folder = str(Path("datasets", "fashion-mnist"))
    with gzip.open(fetch("fashion_mnist.load_data", key, folder=folder)) as file:
        return np.frombuffer(file.read(), np.uint8, offset=skip)
