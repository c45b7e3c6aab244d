"""CIFAR-100: small photographs of a hundred kinds of things."""

from nnlib.core.errors import ArgumentError
from nnlib.datasets.cifar import load_batches
from nnlib.datasets.files import fetch
from nnlib.datasets.splits import Split


def load_data(label_mode: str = "fine") -> Split:
    """50,000 training and 10,000 test images of 100 classes in 20 groups.

    Args:
        label_mode: "fine" for the classes, "coarse" for the groups.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 images (n, 32, 32, 3), or (n, 3, 32, 32) with
        channels first, and labels (n, 1).

    Raises:
        ArgumentError: for another label_mode.
        DownloadError: if the files are in no cache and cannot be downloaded.

    Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
    """
    if label_mode not in ("fine", "coarse"):
        raise ArgumentError(
            f"cifar100.load_data: expected label_mode to be 'fine' or 'coarse', got {label_mode!r}."
        )
    folder = fetch("cifar100.load_data", "cifar-100-python-target") / "cifar-100-python"
    train, test = (load_batches([folder / n], f"{label_mode}_labels") for n in ("train", "test"))
    return train, test
