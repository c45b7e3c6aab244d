"""preprocess_input and decode_predictions."""

import json
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib.applications import imagenet_utils
from nnlib.core.errors import ArgumentError, DownloadError, ShapeError

PIXELS = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3)).astype("float32")
MODES = ["caffe", "tf", "torch"]
MODULES = [
    "convnext", "densenet", "efficientnet", "efficientnet_v2", "inception_resnet_v2",
    "inception_v3", "mobilenet", "mobilenet_v2", "mobilenet_v3", "resnet", "resnet50", "resnet_v2",
    "vgg16", "vgg19", "xception",
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("data_format", [None, "channels_first"])
@pytest.mark.parametrize("rank", [3, 4])
def test_pixels_as_in_keras(keras, mode, data_format, rank):
    x = PIXELS if rank == 4 else PIXELS[0]
    x = np.moveaxis(x, -1, -3) if data_format else x
    theirs = keras.applications.imagenet_utils.preprocess_input
    want = theirs(x.copy(), data_format=data_format, mode=mode)
    before = x.copy()
    got = imagenet_utils.preprocess_input(x, data_format, mode)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-5)
    assert (x == before).all(), "the pixels of the caller"
    assert got.dtype == np.float32
    traced = imagenet_utils.preprocess_input(jnp.asarray(x), data_format, mode)
    np.testing.assert_allclose(traced, want, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("module", MODULES)
def test_each_network_has_the_mode_that_it_has_in_keras(keras, module):
    want = getattr(keras.applications, module).preprocess_input(PIXELS.copy())
    got = getattr(nn.applications, module).preprocess_input(PIXELS)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_dtypes(mode):
    want = imagenet_utils.preprocess_input(PIXELS.round(), mode=mode)
    whole = PIXELS.round().astype("uint8")
    for x in (whole, jnp.asarray(whole), whole.tolist()):
        got = imagenet_utils.preprocess_input(x, mode=mode)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, atol=1e-3)
    for dtype in ("float64", "float16"):
        x = PIXELS.astype("float32").astype(jnp.dtype(dtype))
        assert imagenet_utils.preprocess_input(x, mode=mode).dtype == jnp.dtype(dtype)
    traced = jnp.asarray(PIXELS, "bfloat16")
    assert imagenet_utils.preprocess_input(traced, mode=mode).dtype == jnp.bfloat16


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_symbols(mode, dtype):
    """Preprocessing may be a part of the model, as the guides write it."""
    symbol = nn.Input((4, 5, 3), dtype=dtype)
    model = nn.Model(symbol, imagenet_utils.preprocess_input(symbol, mode=mode))
    x = PIXELS.astype(dtype)
    want = imagenet_utils.preprocess_input(x, mode=mode)
    np.testing.assert_allclose(model(x), want, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"mode": "tensorflow"}, ArgumentError, "mode to be 'caffe', 'tf' or 'torch'"),
        ({"data_format": "last"}, ArgumentError, "data_format to be 'channels_last'"),
        ({"x": PIXELS[..., :2]}, ShapeError, "3 channels"),
        ({"x": PIXELS[0, 0]}, ShapeError, "3 channels"),
        ({"data_format": "channels_first"}, ShapeError, "3 channels"),
    ],
)
def test_refusals_of_pixels(arguments, error, text):
    with pytest.raises(error, match=text):
        imagenet_utils.preprocess_input(**{"x": PIXELS, **arguments})


@pytest.fixture
def names(tmp_path, monkeypatch):
    """A class index in Keras' cache."""
    monkeypatch.setenv("NNLIB_HOME", str(tmp_path / "nnlib"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    file = tmp_path / "keras" / "models" / "imagenet_class_index.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({str(n): [f"n{n:08}", f"thing_{n}"] for n in range(1000)}))
    unhashed = replace(imagenet_utils.CLASS_INDEX, file_hash=None)
    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX", unhashed)
    return file


def test_decode_predictions(names):
    scores = np.zeros((2, 1000), "float32")
    scores[0, [3, 999, 7]] = [0.5, 0.25, 0.125]
    scores[1, 0] = 1.0
    first, second = nn.applications.vgg16.decode_predictions(scores, top=3)
    assert first == [
        ("n00000003", "thing_3", 0.5),
        ("n00000999", "thing_999", 0.25),
        ("n00000007", "thing_7", 0.125),
    ]
    assert second[0] == ("n00000000", "thing_0", 1.0)
    assert len(nn.applications.resnet50.decode_predictions(jnp.asarray(scores))[0]) == 5


@pytest.mark.parametrize("top", [0, 1001, 2.5, True])
def test_refusals_of_top(names, top):
    with pytest.raises(ArgumentError, match="top to be an integer from 1 to 1000"):
        imagenet_utils.decode_predictions(np.zeros((1, 1000)), top=top)


def test_refusals_of_predictions():
    for shape in [(1, 10), (1000,), (1, 1, 1000)]:
        with pytest.raises(ShapeError, match=r"of shape \(n, 1000\)"):
            imagenet_utils.decode_predictions(np.zeros(shape))


def test_no_names_and_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLIB_HOME", str(tmp_path / "nnlib"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    gone = replace(imagenet_utils.CLASS_INDEX, origin=(tmp_path / "gone.json").as_uri())
    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX", gone)
    with pytest.raises(DownloadError) as error:
        imagenet_utils.decode_predictions(np.zeros((1, 1000)))
    for piece in ("imagenet_class_index.json", "md5 c2c37ea5", "keras/models", "nnlib/models"):
        assert piece in str(error.value)
