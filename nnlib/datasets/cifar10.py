"""CIFAR-10: small photographs of ten kinds of things."""

import numpy as np

from nnlib.datasets.cifar import load_batches
from nnlib.datasets.files import fetch
from nnlib.datasets.splits import Split


def load_data() -> Split:
    """50,000 training and 10,000 test images of ten classes.

    The classes are airplane, automobile, bird, cat, deer, dog, frog, horse, ship and truck.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 images (n, 32, 32, 3), or (n, 3, 32, 32) with
        channels first, and uint8 labels (n, 1).

    Raises:
        DownloadError: if the files are in no cache and cannot be downloaded.

    Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
    """
    folder = fetch("cifar10.load_data", "cifar-10-batches-py-target") / "cifar-10-batches-py"
    x_train, y_train = load_batches([folder / f"data_batch_{i}" for i in range(1, 6)], "labels")
    x_test, y_test = load_batches([folder / "test_batch"], "labels")
    return (x_train, y_train.astype(np.uint8)), (x_test, y_test.astype(np.uint8))
