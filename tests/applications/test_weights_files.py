"""Where weights come from: the caches, a path, or an error that says which file to put where."""

import urllib.error

import numpy as np
import pytest

from nnlib import applications
from nnlib.core.errors import DownloadError
from tests.applications.described import fill, image_of

MOBILE = {"alpha": 0.25, "include_top": False, "input_shape": (128, 128, 3)}


@pytest.fixture(autouse=True)
def homes(tmp_path, monkeypatch):
    """Empty caches, and no network."""
    monkeypatch.setenv("NNLIB_HOME", str(tmp_path / "nnlib"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def offline(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    (tmp_path / "keras" / "models").mkdir(parents=True)
    return tmp_path


# (title, arguments, the file, the start of its hash, a piece of the address)
FILES = [
    ("VGG16", {}, "vgg16_weights_tf_dim_ordering_tf_kernels.h5", "64373286", "/vgg16/"),
    ("ResNet50", {"include_top": False}, "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
     "4d473c1d", "/resnet/"),
    ("ResNet101V2", {}, "resnet101v2_weights_tf_dim_ordering_tf_kernels.h5", "6343647c", "/res"),
    ("DenseNet121", {}, "densenet121_weights_tf_dim_ordering_tf_kernels.h5", "9d60b809", "/dens"),
    ("Xception", {}, "xception_weights_tf_dim_ordering_tf_kernels.h5", "0a58e3b7", "/xception/"),
    ("MobileNet", MOBILE, "mobilenet_2_5_128_tf_no_top.h5", "", "/mobilenet/"),
    ("MobileNetV2", {"alpha": 1.4, "input_shape": (96, 96, 3)},
     "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.4_96.h5", "", "/mobilenet_v2/"),
    ("MobileNetV3Small", {"minimalistic": True, "input_shape": (224, 224, 3)},
     "weights_mobilenet_v3_small_minimalistic_224_1.0_float.h5", "99cd97fb", "/mobilenet_v3/"),
    ("EfficientNetB3", {"include_top": False, "name": "mine"}, "efficientnetb3_notop.h5",
     "af6d1077", "googleapis.com/keras-applications/"),
    ("EfficientNetV2S", {}, "efficientnetv2-s.h5", "e1d88a84", "/efficientnet_v2/"),
    ("ConvNeXtTiny", {}, "convnext_tiny.h5", "sha256 8ae6e78c", "/convnext/"),
]  # fmt: skip


@pytest.mark.parametrize(("title", "arguments", "file", "start", "address"), FILES, ids=str)
def test_no_file_and_no_network(homes, title, arguments, file, start, address):
    with pytest.raises(DownloadError) as error:
        getattr(applications, title)(**arguments)
    text = str(error.value)
    folder = homes / "nnlib" / "models"
    for piece in (title, file, start, address, f"{homes / 'keras' / 'models'}", str(folder / file)):
        assert piece in text


def test_a_file_with_another_hash(homes):
    file = homes / "keras" / "models" / "efficientnetb0_notop.h5"
    file.write_bytes(b"half of it")
    with pytest.raises(DownloadError, match=r"got another hash in .*efficientnetb0_notop\.h5"):
        applications.EfficientNetB0(include_top=False)


def test_sizes_without_weights_of_their_own():
    with (
        pytest.warns(UserWarning, match=r"square images of 128, .* Those for 224 are loaded"),
        pytest.raises(DownloadError, match=r"mobilenet_2_5_224_tf_no_top\.h5"),
    ):
        applications.MobileNet(alpha=0.25, include_top=False, input_shape=(64, 64, 3))
    with (
        pytest.warns(UserWarning, match="224 x 224 pixels"),
        pytest.raises(DownloadError, match=r"small_224_1\.0_float_no_top_v2\.h5"),
    ):
        applications.MobileNetV3Small(include_top=False, input_shape=(64, 64, 3))


def test_efficientnet_scales_channels_as_its_weights_were_trained(monkeypatch):
    monkeypatch.setattr("nnlib.applications.network.Pretrained.path", lambda *args: "file")
    monkeypatch.setattr("nnlib.models.Model.load_weights", lambda *args: None)
    model = applications.EfficientNetB0(include_top=False)
    assert [layer.name for layer in model.layers[1:4]] == [
        "rescaling", "normalization", "rescaling_1",
    ]  # fmt: skip
    want = np.array([0.229, 0.224, 0.225]) ** -0.5
    np.testing.assert_allclose(model.get_layer("rescaling_1").scale, want)


@pytest.fixture
def trained(keras):
    """A network of Keras' with weights of its own."""
    keras.backend.clear_session()
    model = keras.applications.MobileNet(weights=None, **MOBILE)
    fill(model)
    return model


def check_same(ours, theirs):
    for got, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)
    x = image_of(128)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-4)


def test_a_file_in_the_cache_of_keras(homes, trained):
    """The format of the official files: HDF5 as the first Keras wrote it."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(homes / "keras" / "models" / "mobilenet_2_5_128_tf_no_top.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, trained)
    check_same(applications.MobileNet(weights="imagenet", **MOBILE), trained)


def test_a_path(homes, trained):
    path = homes / "own.weights.h5"
    trained.save_weights(path)
    check_same(applications.MobileNet(weights=path, **MOBILE), trained)
    check_same(applications.MobileNet(weights=str(path), **MOBILE), trained)
