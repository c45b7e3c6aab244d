"""Images in files and as arrays, against the installed Keras and against themselves."""

import io
import sys

import numpy as np
import pytest

from nnlib import errors, utils
from nnlib.preprocessing import image as preprocessing

RNG = np.random.default_rng(0)
COLORS = RNG.integers(0, 256, (6, 5, 3)).astype("uint8")


@pytest.fixture
def files(tmp_path):
    """A file for each number of channels, written without stretching."""
    paths = {}
    for channels in (1, 3, 4):
        paths[channels] = tmp_path / f"{channels}.png"
        x = RNG.integers(0, 256, (6, 5, channels)).astype("uint8")
        utils.save_img(paths[channels], x, scale=False)
        back = utils.load_img(paths[channels], {1: "grayscale", 3: "rgb", 4: "rgba"}[channels])
        np.testing.assert_array_equal(utils.img_to_array(back), x)
    return paths


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "options",
    [
        {"color_mode": "grayscale"},
        {"color_mode": "rgba"},
        {"target_size": (3, 7)},
        {"target_size": (6, 5)},
        {"target_size": (8, 3), "interpolation": "bicubic", "keep_aspect_ratio": True},
        {"target_size": (3, 9), "interpolation": "lanczos", "keep_aspect_ratio": True},
    ],
)
def test_files_are_read_as_by_keras(keras, files, channels, options):
    want = keras.utils.load_img(files[channels], **options)
    got = utils.load_img(str(files[channels]), **options)
    assert got.mode == want.mode
    np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_arrays_become_the_images_of_keras(keras, data_format, scale, channels):
    x = RNG.uniform(0, 200, (6, 5, channels))
    x = np.moveaxis(x, -1, 0) if data_format == "channels_first" else x
    want = keras.utils.array_to_img(x, data_format=data_format, scale=scale)
    got = utils.array_to_img(x, data_format=data_format, scale=scale)
    assert got.mode == want.mode
    np.testing.assert_array_equal(np.asarray(got), np.asarray(want))
    back = utils.img_to_array(got, data_format=data_format, dtype="float64")
    assert back.dtype == "float64"
    np.testing.assert_array_equal(
        back, keras.utils.img_to_array(want, data_format=data_format, dtype="float64")
    )


def test_gray_values_above_255_keep_their_bits():
    deep = np.arange(30.0).reshape(6, 5, 1) * 100
    image = utils.array_to_img(deep, scale=False)
    assert image.mode == "I"
    np.testing.assert_array_equal(utils.img_to_array(image), deep)


def test_one_colour_is_black():
    assert not np.any(utils.array_to_img(np.full((2, 2, 1), 7.0)))


def test_jpeg_has_no_transparency():
    file = io.BytesIO()
    with pytest.warns(UserWarning, match="transparency"):
        utils.save_img(file, RNG.uniform(size=(6, 5, 4)), file_format="JPG")
    file.seek(0)
    assert utils.load_img(file).mode == "RGB"
    utils.save_img(file, COLORS, file_format="png", compress_level=1)


def test_without_pillow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(errors.MissingExtraError, match=r"nnlib\[image\]"):
        utils.array_to_img(COLORS)


def test_the_old_place_has_the_same_functions():
    for name in ("array_to_img", "img_to_array", "load_img", "save_img"):
        assert getattr(preprocessing, name) is getattr(utils, name)


@pytest.mark.parametrize("size", [(3, 4, 5), (0, 3)])
def test_sizes(files, size):
    with pytest.raises(errors.ArgumentError, match="size"):
        preprocessing.smart_resize(COLORS, size)
    with pytest.raises(errors.ArgumentError, match="target_size"):
        utils.load_img(files[3], target_size=size)


def test_interpolations(files):
    with pytest.raises(errors.ArgumentError, match=r"interpolation.*'cubic'"):
        utils.load_img(files[3], target_size=(3, 3), interpolation="cubic")
    with pytest.raises(errors.ArgumentError, match=r"interpolation.*'cubic'"):
        preprocessing.smart_resize(COLORS, (3, 3), interpolation="cubic")
