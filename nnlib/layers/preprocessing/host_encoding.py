"""Numbers of categories as vectors, in NumPy: the twin of `nnlib.ops.encode_categories`."""

import numpy as np

OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
OLD_NAMES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def encode(
    numbers: np.ndarray, depth: int, mode: str, dtype: str, idf: np.ndarray | None = None
) -> np.ndarray:
    """See `encode_categories`; "tf_idf" is the count of each category times its `idf`."""
    if numbers.ndim == 0:
        numbers = numbers[None]
    elif mode == "one_hot" and not (numbers.ndim > 1 and numbers.shape[-1] == 1):
        numbers = numbers[..., None]
    samples = numbers.reshape(-1, numbers.shape[-1])
    counts = _counts(samples, depth).reshape(*numbers.shape[:-1], depth)
    if mode in ("one_hot", "multi_hot"):
        return (counts > 0).astype(dtype)
    if mode == "tf_idf":
        assert idf is not None
        padded = np.zeros(depth, np.float32)
        padded[: len(idf)] = idf
        return (counts * padded).astype(dtype)
    return counts.astype(dtype)


def _counts(samples: np.ndarray, depth: int) -> np.ndarray:
    """(samples, depth) how often each number occurs; others leave no trace."""
    kept = (samples >= 0) & (samples < depth)
    places = (np.arange(len(samples))[:, None] * depth + samples)[kept]
    return np.bincount(places, minlength=len(samples) * depth).reshape(len(samples), depth)


def encoded_shape(
    shape: tuple[int | None, ...], mode: str, depth: int | None
) -> tuple[int | None, ...]:
    """The shape of `encode` for numbers of this shape."""
    if mode == "int":
        return shape
    if not shape or (mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1)):
        return (*shape, depth)
    return (*shape[:-1], depth)
