"""Data sets from small files in their exact formats."""

import gzip
import hashlib
import io
import json
import pickle
import struct
import tarfile
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from nnlib import datasets
from nnlib.core import settings
from nnlib.core.errors import DataError, DownloadError
from nnlib.datasets import files

RNG = np.random.RandomState(0)
TEXTS = [[int(w) for w in RNG.randint(1, 50, size=n)] for n in RNG.randint(3, 12, size=30)]


@pytest.fixture(autouse=True)
def server(tmp_path, monkeypatch):
    """A folder that stands for the network; the caches are empty."""
    monkeypatch.setenv("NNLIB_HOME", str(tmp_path / "nnlib"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    folder = tmp_path / "network"
    folder.mkdir()
    for key, remote in files.FILES.items():
        path = folder / remote.origin.rsplit("/", 1)[1]
        monkeypatch.setitem(files.FILES, key, replace(remote, origin=path.as_uri(), file_hash=None))
    return folder


def object_array(lists):
    array = np.empty(len(lists), object)
    array[:] = lists
    return array


def test_mnist(server, tmp_path):
    arrays = {
        "x_train": RNG.randint(0, 255, (5, 28, 28)).astype(np.uint8),
        "y_train": np.arange(5, dtype=np.uint8),
        "x_test": np.zeros((2, 28, 28), np.uint8),
        "y_test": np.ones(2, np.uint8),
    }
    np.savez(server / "mnist.npz", **arrays)
    (x, y), (x_test, y_test) = datasets.mnist.load_data()
    assert (x == arrays["x_train"]).all()
    assert x.dtype == np.uint8
    assert (y.tolist(), y_test.tolist()) == ([0, 1, 2, 3, 4], [1, 1])
    assert x_test.shape == (2, 28, 28)
    assert (tmp_path / "nnlib" / "datasets" / "mnist.npz").exists()
    (server / "mnist.npz").unlink()
    assert len(datasets.mnist.load_data()[0][0]) == 5, "from the cache"
    elsewhere = tmp_path / "own" / "digits.npz"
    elsewhere.parent.mkdir()
    np.savez(elsewhere, **arrays)
    assert len(datasets.mnist.load_data(str(elsewhere))[0][0]) == 5


def test_keras_cache_serves_too(server, tmp_path):
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    x = np.arange(20.0).reshape(10, 2)
    np.savez(folder / "boston_housing.npz", x=x, y=x[:, 0])
    (train, _), (test, _) = datasets.boston_housing.load_data()
    assert (len(train), len(test)) == (8, 2)


def test_a_cached_file_with_another_hash_is_not_taken(server, tmp_path, monkeypatch):
    x = np.arange(20.0).reshape(10, 2)
    np.savez(server / "boston_housing.npz", x=x, y=x[:, 0])
    right = hashlib.sha256((server / "boston_housing.npz").read_bytes()).hexdigest()
    remote = replace(files.FILES["boston_housing.npz"], file_hash=right)
    monkeypatch.setitem(files.FILES, "boston_housing.npz", remote)
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    (folder / "boston_housing.npz").write_text("damaged")
    assert len(datasets.boston_housing.load_data()[0][0]) == 8
    (server / "boston_housing.npz").write_text("damaged on the way")
    (tmp_path / "nnlib" / "datasets" / "boston_housing.npz").unlink()
    with pytest.raises(DownloadError, match="hash is not"):
        datasets.boston_housing.load_data()


def test_without_file_and_network_the_error_says_what_to_do(tmp_path):
    with pytest.raises(DownloadError) as caught:
        datasets.mnist.load_data()
    text = str(caught.value)
    assert text.startswith("mnist.load_data: expected mnist.npz in")
    for part in ("nnlib/datasets", "keras/datasets", "network/mnist.npz", "copy it to"):
        assert part in text


def test_fashion_mnist(server):
    images, labels = RNG.randint(0, 255, (4, 28, 28)).astype(np.uint8), np.arange(4)
    for name, size in (("train", 4), ("t10k", 2)):
        for kind, rows, skip in (("images-idx3", images, 16), ("labels-idx1", labels, 8)):
            with gzip.open(server / f"{name}-{kind}-ubyte.gz", "wb") as file:
                file.write(bytes(skip) + rows[:size].astype(np.uint8).tobytes())
    (x, y), (x_test, y_test) = datasets.fashion_mnist.load_data()
    assert (x == images).all()
    assert y.tolist() == [0, 1, 2, 3]
    assert x_test.shape == (2, 28, 28)
    assert y_test.tolist() == [0, 1]


class OldPickler(pickle._Pickler):
    """Writes what Python 2 and its numpy wrote, as the files of CIFAR were."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, content):
        self.write(b"T" + struct.pack("<i", len(content)) + content)
        self.memoize(content)

    dispatch[bytes] = save_string


def old_pickle(content):
    file = io.BytesIO()
    OldPickler(file, protocol=2).dump(content)
    return file.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def tar(path, folder, contents):
    source = path.parent / folder
    source.mkdir()
    for name, content in contents.items():
        (source / name).write_bytes(old_pickle(content))
    with tarfile.open(path, "w:gz") as archive:
        archive.add(source, folder)


def pictures(count, **labels):
    pixels = RNG.randint(0, 255, (count, 3072)).astype(np.uint8)
    return {b"data": pixels} | {key.encode(): value for key, value in labels.items()}


def test_cifar10(server):
    parts = {f"data_batch_{i}": pictures(2, labels=[i, i + 1]) for i in range(1, 6)}
    parts["test_batch"] = pictures(3, labels=[7, 8, 9])
    tar(server / "cifar-10-python.tar.gz", "cifar-10-batches-py", parts)
    (x, y), (x_test, y_test) = datasets.cifar10.load_data()
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == (
        (10, 32, 32, 3), (10, 1), (3, 32, 32, 3), (3, 1),
    )  # fmt: skip
    assert x.dtype == y.dtype == y_test.dtype == np.uint8
    pixels = parts["data_batch_1"][b"data"][0].reshape(3, 32, 32)
    assert (x[0] == np.moveaxis(pixels, 0, -1)).all()
    assert y.ravel().tolist() == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    settings.set_image_data_format("channels_first")
    assert datasets.cifar10.load_data()[0][0].shape == (10, 3, 32, 32)


def test_cifar100(server):
    parts = {
        name: pictures(2, fine_labels=[30, 99], coarse_labels=[3, 19]) for name in ("train", "test")
    }
    tar(server / "cifar-100-python.tar.gz", "cifar-100-python", parts)
    (x, y), _ = datasets.cifar100.load_data()
    assert x.shape == (2, 32, 32, 3)
    assert y.tolist() == [[30], [99]]
    assert datasets.cifar100.load_data("coarse")[1][1].tolist() == [[3], [19]]
    with pytest.raises(ValueError, match="label_mode"):
        datasets.cifar100.load_data("medium")


@pytest.fixture
def texts(server):
    labels = np.arange(30) % 2
    half = {"x_train": TEXTS[:20], "x_test": TEXTS[20:]}
    np.savez(
        server / "imdb.npz",
        y_train=labels[:20],
        y_test=labels[20:],
        **{k: object_array(v) for k, v in half.items()},
    )
    np.savez(server / "reuters.npz", x=object_array(TEXTS), y=np.arange(30))
    for name in ("imdb", "reuters"):
        (server / f"{name}_word_index.json").write_text(json.dumps({"the": 1, "é": 2}))


def test_imdb(texts):
    (x, y), (x_test, _) = datasets.imdb.load_data()
    assert (len(x), len(x_test)) == (20, 10)
    assert x.dtype == object
    assert all(text[0] == 1 and min(text[1:]) >= 2 for text in x)
    lengths = sorted(len(text) - 1 for text in x)
    assert lengths == sorted(map(len, TEXTS[:20]))
    assert y.shape == (20,)
    assert datasets.imdb.get_word_index() == {"the": 1, "é": 2}
    with pytest.raises(ValueError, match="maxlen above the shortest"):
        datasets.imdb.load_data(maxlen=1)


def test_reuters(texts):
    (x, y), (_, y_test) = datasets.reuters.load_data(
        start_char=None, index_from=0, oov_char=None, num_words=30, skip_top=2
    )
    assert (len(x), len(y_test)) == (24, 6)
    for text, label in zip(x, y, strict=True):
        assert text == [w for w in TEXTS[label] if 2 <= w < 30]
    (short, _), _ = datasets.reuters.load_data(maxlen=6)
    assert all(len(text) < 6 for text in short)
    assert datasets.reuters.get_word_index()["the"] == 1
    names = datasets.reuters.get_label_names()
    assert len(names) == 46
    with pytest.raises(ValueError, match="test_split"):
        datasets.reuters.load_data(test_split=1)


def test_texts_of_one_length_stay_lists(server):
    np.savez(server / "reuters.npz", x=object_array([[1, 2]] * 5), y=np.arange(5))
    (x, _), _ = datasets.reuters.load_data()
    assert x.shape == (4,)
    assert isinstance(x[0], list)


def test_california_housing(server):
    x = np.arange(700.0 * 8).reshape(700, 8)
    np.savez(server / "california_housing.npz", x=x, y=x[:, 0])
    (train, y), (test, _) = datasets.california_housing.load_data()
    assert (train.shape, test.shape) == ((560, 8), (140, 8))
    assert (train[:, 0] == y).all()
    small = datasets.california_housing.load_data("small", test_split=0.5, seed=1)
    assert len(small[0][0]) == 300
    assert set(small[0][1]) | set(small[1][1]) == set(x[:600, 0])
    for wrong in ({"version": "tiny"}, {"test_split": -0.1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            datasets.california_housing.load_data(**wrong)


class Harm:
    def __reduce__(self):
        return print, ("harm",)


def test_files_that_would_run_code_are_refused(server, capsys):
    np.savez(server / "reuters.npz", x=object_array([Harm()]), y=np.arange(1))
    with pytest.raises(DataError, match="do harm"):
        datasets.reuters.load_data()
    assert "harm\n" not in capsys.readouterr().out
