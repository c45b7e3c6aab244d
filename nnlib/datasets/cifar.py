"""What CIFAR-10 and CIFAR-100 share: the format of their files."""

from pathlib import Path

import numpy as np

from nnlib.core.settings import image_data_format
from nnlib.datasets.pickles import ArrayUnpickler


def load_batches(paths: list[Path], label_key: str) -> tuple[np.ndarray, np.ndarray]:
    """Images in the global data format, and labels (n, 1), of several files."""
    images, labels = [], []
    for path in paths:
        with path.open("rb") as file:
            content = ArrayUnpickler(file, encoding="bytes").load()
        images.append(np.asarray(content[b"data"], np.uint8).reshape(-1, 3, 32, 32))
        labels.append(np.asarray(content[label_key.encode()]))
    x, y = np.concatenate(images), np.concatenate(labels)[:, None]
    return (x.transpose(0, 2, 3, 1) if image_data_format() == "channels_last" else x), y
