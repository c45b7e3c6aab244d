"""MNIST: handwritten digits."""

import numpy as np

from nnlib.datasets.files import fetch
from nnlib.datasets.splits import Split


def load_data(path: str = "mnist.npz") -> Split:
    """60,000 training and 10,000 test images of digits.

    Args:
        path: name of the file in the cache, or an absolute path.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 images (n, 28, 28) and labels (n,) from 0 to 9.

    Raises:
        DownloadError: if the file is in no cache and cannot be downloaded.

    Source: LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist.
    """
    with np.load(fetch("mnist.load_data", "mnist.npz", path), allow_pickle=False) as file:
        return (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])
