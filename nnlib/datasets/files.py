"""Where the files of data sets are kept, and where they come from."""

import os
from pathlib import Path

from nnlib.utils.cached_file import RemoteFile, cached_file

_BASE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"


FILES = {
    "mnist.npz": RemoteFile(
        f"{_BASE}mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    ),
    "imdb.npz": RemoteFile(
        f"{_BASE}imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
    ),
    "imdb_word_index.json": RemoteFile(
        f"{_BASE}imdb_word_index.json", "bfafd718b763782e994055a2d397834f"
    ),
    "reuters.npz": RemoteFile(
        f"{_BASE}reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
    ),
    "reuters_word_index.json": RemoteFile(
        f"{_BASE}reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"
    ),
    "boston_housing.npz": RemoteFile(
        f"{_BASE}boston_housing.npz",
        "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    ),
    "california_housing.npz": RemoteFile(
        f"{_BASE}california_housing.npz",
        "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    ),
    "cifar-10-batches-py-target": RemoteFile(
        f"{_TORONTO}cifar-10-python.tar.gz",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        extract=True,
    ),
    "cifar-100-python-target": RemoteFile(
        f"{_TORONTO}cifar-100-python.tar.gz",
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        extract=True,
    ),
    **{
        name: RemoteFile(f"{_BASE}{name}", None)
        for name in (
            "train-labels-idx1-ubyte.gz",
            "train-images-idx3-ubyte.gz",
            "t10k-labels-idx1-ubyte.gz",
            "t10k-images-idx3-ubyte.gz",
        )
    },
}


def fetch(place: str, key: str, path: str | None = None, folder: str = "datasets") -> Path:
    """The path of a file: of our cache, else of Keras' cache, else downloaded into ours.

    Args:
        place: who asks, for errors.
        key: its name in FILES.
        path: its name in the cache, or an absolute path to it; None for `key`.
        folder: its folder within the cache.

    Raises:
        DownloadError: if it is nowhere; the text says where it was looked for.
    """
    remote, name = FILES[key], os.fspath(path or key)
    if os.path.isabs(name):
        folder, name = os.path.split(name)
    return cached_file(place, name, remote, folder)
