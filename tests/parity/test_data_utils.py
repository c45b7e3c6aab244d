"""Data utilities against the installed Keras, where that works without TensorFlow."""

import gzip
import importlib
import inspect
import pickle

import numpy as np
import pydot
import pytest

import nnlib as nn


@pytest.mark.parametrize(
    "arguments",
    [
        {"sequence_length": 3},
        {"sequence_length": 4, "sequence_stride": 3, "sampling_rate": 2},
        {"sequence_length": 2, "batch_size": 4, "start_index": 3, "end_index": 17},
        {"sequence_length": 5, "sampling_rate": 3, "batch_size": 2, "end_index": 18},
    ],
)
def test_timeseries(keras, arguments):
    data, targets = np.random.default_rng(0).random((20, 2)).astype("float32"), np.arange(20)
    for wanted in (targets, None):
        ours = list(nn.utils.timeseries_dataset_from_array(data, wanted, **arguments))
        theirs = list(
            keras.utils.timeseries_dataset_from_array(data, wanted, format="grain", **arguments)
        )
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            for left, right in zip(*((a, b) if wanted is not None else ((a,), (b,))), strict=True):
                assert np.array_equal(left, np.asarray(right))


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for number in range(2):
            pixels = rng.integers(0, 256, (7, 5, 3))
            nn.utils.save_img(tmp_path / name / f"{number}.png", pixels, scale=False)
            (tmp_path / name / f"{number}.txt").write_text(f"{name} {number}")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"interpolation": "nearest", "label_mode": "categorical"},
        {"interpolation": "bicubic", "label_mode": "binary", "color_mode": "grayscale"},
        {"interpolation": "lanczos3", "color_mode": "rgba", "data_format": "channels_first"},
        {"interpolation": "lanczos5", "labels": None},
        {"crop_to_aspect_ratio": True, "class_names": ["two", "one"]},
        {"pad_to_aspect_ratio": True, "labels": [3, 2, 1, 0]},
        {"validation_split": 0.25, "subset": "training", "seed": 5, "shuffle": False},
    ],
)
def test_images(keras, folder, arguments):
    common = {"image_size": (4, 6), "shuffle": False, "batch_size": 3} | arguments
    ours = nn.utils.image_dataset_from_directory(folder, verbose=False, **common)
    theirs = keras.utils.image_dataset_from_directory(
        folder, format="grain", verbose=False, **common
    )
    assert ours.class_names == theirs.class_names
    assert ours.file_paths == theirs.file_paths
    for a, b in zip(ours, theirs, strict=True):
        pairs = zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]
        for left, right in pairs:
            assert left.dtype == np.asarray(right).dtype
            assert np.allclose(left, right, atol=1e-3)  # of 255


def test_the_order_of_shuffled_files(keras, folder):
    arguments = {"image_size": (2, 2), "seed": 9, "verbose": False, "validation_split": 0.5}
    for subset in ("training", "validation"):
        ours = nn.utils.image_dataset_from_directory(folder, subset=subset, **arguments)
        theirs = keras.utils.image_dataset_from_directory(
            folder, subset=subset, format="grain", **arguments
        )
        assert ours.file_paths == theirs.file_paths


def test_texts(keras, folder):
    arguments = {"shuffle": False, "max_length": 5, "batch_size": 3, "verbose": False}
    ours = nn.utils.text_dataset_from_directory(folder, **arguments)
    theirs = keras.utils.text_dataset_from_directory(folder, format="grain", **arguments)
    for (a, x), (b, y) in zip(ours, theirs, strict=True):
        assert a.tolist() == list(b)
        assert x.tolist() == np.asarray(y).tolist()


NAMES = [
    "audio_dataset_from_directory", "get_file", "image_dataset_from_directory", "normalize",
    "pack_x_y_sample_weight", "split_dataset", "text_dataset_from_directory",
    "timeseries_dataset_from_array", "unpack_x_y_sample_weight", "model_to_dot", "plot_model",
    "Progbar", "PyDataset",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_signatures(keras, name):
    def arguments(function):
        found = inspect.signature(function).parameters.values()
        return [(p.name, p.default) for p in found if p.kind is not p.VAR_KEYWORD]

    assert arguments(getattr(nn.utils, name)) == arguments(getattr(keras.utils, name))


@pytest.mark.parametrize("axis", [-1, 1])
def test_normalize(keras, axis):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    for order in (1, 2):
        theirs = keras.utils.normalize(x, axis, order)
        assert np.allclose(nn.utils.normalize(x, axis, order), theirs, atol=1e-6)


def drawn(graph):
    """(titles, arrows between titles) of a pydot graph."""
    names, ends = {}, []

    def visit(part):
        for node in part.get_nodes():
            if node.get_label():
                names[node.get_name()] = node.get_label().split("<b>")[1].split("</b>")[0]
        ends.extend((e.get_source(), e.get_destination()) for e in part.get_edges())
        for inner in part.get_subgraphs():
            visit(inner)

    visit(graph)
    return sorted(names.values()), sorted((names[a], names[b]) for a, b in ends)


def build(library):
    a = library.layers.Input((4,), name="a")
    inner_in = library.layers.Input((3,), name="inner_in")
    inner = library.Model(inner_in, library.layers.Dense(2, name="deep")(inner_in), name="inner")
    stack = library.Sequential([library.layers.Dense(3, name="s")], name="stack")
    b = library.layers.Dense(3, name="b")(a)
    merged = library.layers.Concatenate(name="both")([inner(b), inner(stack(a)), b])
    return library.Model(a, merged)


@pytest.mark.parametrize("expand", [False, True])
def test_graphs(keras, expand):
    arguments = {"expand_nested": expand, "show_shapes": True}
    ours = nn.utils.model_to_dot(build(nn), **arguments)
    theirs = keras.utils.model_to_dot(build(keras), **arguments)
    assert isinstance(ours, pydot.Dot)
    assert drawn(ours) == drawn(theirs)


@pytest.fixture
def local(tmp_path, monkeypatch):
    """Both libraries read these files instead of asking the network."""
    rng = np.random.RandomState(1)

    def texts(count):
        array = np.empty(count, object)
        array[:] = [rng.randint(1, 60, size=n).tolist() for n in rng.randint(2, 9, size=count)]
        return array

    np.savez(tmp_path / "imdb.npz", x_train=texts(20), y_train=np.arange(20) % 2,
             x_test=texts(9), y_test=np.arange(9) % 2)  # fmt: skip
    np.savez(tmp_path / "reuters.npz", x=texts(30), y=np.arange(30))
    for name in ("boston_housing", "california_housing"):
        np.savez(tmp_path / f"{name}.npz", x=rng.rand(50, 3), y=rng.rand(50))
    parts = ["train-labels-idx1", "train-images-idx3", "t10k-labels-idx1", "t10k-images-idx3"]
    for name in parts:
        content = bytes(8) + bytes(range(3)) if "labels" in name else bytes(16 + 3 * 784)
        with gzip.open(tmp_path / f"{name}-ubyte.gz", "wb") as file:
            file.write(content)
    cifar = tmp_path / "cifar-100-python-target" / "cifar-100-python"
    cifar.mkdir(parents=True)
    for name in ("train", "test"):
        data = rng.randint(0, 255, (2, 3072)).astype(np.uint8)
        (cifar / name).write_bytes(pickle.dumps({b"data": data, b"fine_labels": [1, 2]}))

    for name in ("imdb", "reuters", "boston_housing", "california_housing", "fashion_mnist",
                 "cifar100"):  # fmt: skip
        module = importlib.import_module(f"keras.src.datasets.{name}")
        monkeypatch.setattr(
            module, "get_file", lambda fname, **_: str(tmp_path / fname), raising=True
        )
        ours = importlib.import_module(f"nnlib.datasets.{name}")
        monkeypatch.setattr(
            ours, "fetch", lambda place, key, path=None, folder="": tmp_path / (path or key)
        )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("imdb", {}),
        ("imdb", {"num_words": 30, "skip_top": 5, "maxlen": 7, "seed": 2}),
        ("imdb", {"start_char": None, "oov_char": None, "index_from": 0, "num_words": 20}),
        ("imdb", {"start_char": None, "index_from": 2}),
        ("reuters", {}),
        ("reuters", {"num_words": 30, "skip_top": 5, "maxlen": 7, "test_split": 0.5}),
        ("reuters", {"start_char": None, "oov_char": None, "seed": 4}),
        ("boston_housing", {"test_split": 0.3, "seed": 8}),
        ("california_housing", {"version": "small"}),
        ("fashion_mnist", {}),
        ("cifar100", {}),
    ],
)
def test_data_sets(keras, local, name, arguments):
    ours = getattr(nn.datasets, name).load_data(**arguments)
    theirs = getattr(keras.datasets, name).load_data(**arguments)
    for (x, y), (a, b) in zip(ours, theirs, strict=True):
        assert [np.asarray(v).tolist() for v in x] == [np.asarray(v).tolist() for v in a]
        assert y.tolist() == b.tolist()
        assert x.dtype == a.dtype


def test_names_of_reuters_and_signatures_of_data_sets(keras):
    assert nn.datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()
    for name in nn.datasets.__all__:
        ours, theirs = (
            inspect.signature(getattr(library.datasets, name).load_data).parameters.values()
            for library in (nn, keras)
        )
        kept = [(p.name, p.default) for p in theirs if p.kind is not p.VAR_KEYWORD]
        assert [(p.name, p.default) for p in ours] == kept
