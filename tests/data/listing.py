"""Datasets as plain Python values, to compare with lists."""

import numpy as np

from nnlib.data import Dataset


def plain(element):
    """The element in Python's own numbers, lists, tuples and dicts."""
    if isinstance(element, tuple):
        return tuple(map(plain, element))
    if isinstance(element, dict):
        return {key: plain(value) for key, value in element.items()}
    if isinstance(element, Dataset):
        return listed(element)
    opaque = element is None or isinstance(element, bytes)
    return element if opaque else np.asarray(element).tolist()


def listed(dataset):
    """All elements of one pass."""
    return [plain(element) for element in dataset]
