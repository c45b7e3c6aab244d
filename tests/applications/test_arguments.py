"""Arguments of the networks: shapes, symbols, pooling, refusals."""

import numpy as np
import pytest

import nnlib as nn
from nnlib import applications
from nnlib.core import settings
from nnlib.core.errors import ArgumentError
from tests.applications.described import fill, shapes_of

SMALL = {"weights": None, "alpha": 0.25}
DEFAULT_SIZES = {
    "VGG16": 224,
    "Xception": 299,
    "InceptionV3": 299,
    "MobileNet": 224,
    "MobileNetV2": 224,
    "MobileNetV3Small": None,
    "EfficientNetB1": 240,
    "EfficientNetV2B3": 300,
    "ConvNeXtTiny": 224,
}
# (title, arguments, a piece of the error)
REFUSED = [
    ("VGG16", {"weights": "imagnet"}, "weights to be None, 'imagenet' or the path"),
    ("VGG16", {"weights": 3}, "weights to be None, 'imagenet' or the path"),
    ("ResNet50", {"classes": 10}, "classes=1000 with weights='imagenet'"),
    ("ResNet50", {"weights": None, "classes": 0}, "classes to be an integer above 0"),
    ("ResNet50", {"weights": None, "include_top": False, "pooling": "mean"}, "'avg' or 'max'"),
    ("ResNet50", {"classifier_activation": "relu"}, "None or 'softmax' with pretrained weights"),
    ("VGG19", {"weights": None, "input_shape": (31, 64, 3)}, "at least 32 x 32"),
    ("Xception", {"weights": None, "input_shape": (70, 71, 3)}, "at least 71 x 71"),
    ("InceptionV3", {"weights": None, "input_shape": (75, 74, 3)}, "at least 75 x 75"),
    ("VGG16", {"weights": None, "input_shape": (None, None, 3)}, "without None"),
    ("VGG16", {"weights": None, "input_shape": (32, 32)}, "three sizes above 0"),
    ("VGG16", {"weights": None, "input_shape": (32, 32, None)}, "a known number of channels"),
    ("VGG16", {"include_top": False, "input_shape": (64, 64, 1)}, "3 channels"),
    ("DenseNet121", {"input_shape": (64, 64, 3)}, r"input_shape=\(224, 224, 3\)"),
    ("ResNet50", {"weights": None, "input_tensor": np.zeros((1, 32, 32, 3))}, "to be a symbol"),
    ("MobileNet", {"alpha": 0.3}, "alpha among 0.25, 0.5, 0.75, 1.0"),
    ("MobileNet", {"weights": None, "alpha": 0}, "alpha to be a number above 0"),
    ("MobileNet", {"depth_multiplier": 2}, "depth_multiplier=1"),
    ("MobileNetV2", {"alpha": 2.0}, "alpha among 0.35, 0.5"),
    ("MobileNetV3Small", {"alpha": 0.5}, "alpha among 0.75, 1.0"),
    ("MobileNetV3Large", {"alpha": 0.75, "minimalistic": True}, "alpha among 1.0"),
    ("EfficientNetB0", {"weights": None, "input_shape": (16, 16, 3)}, "at least 32 x 32"),
    ("EfficientNetV2S", {"weights": None, "pooling": "sum"}, "'avg' or 'max'"),
    ("ConvNeXtTiny", {"classes": 5}, "classes=1000"),
]


@pytest.mark.parametrize(("title", "arguments", "text"), REFUSED, ids=str)
def test_refusals(title, arguments, text):
    with pytest.raises(ArgumentError, match=f"{title}: expected .*{text}"):
        getattr(applications, title)(**arguments)


@pytest.mark.parametrize(("title", "size"), DEFAULT_SIZES.items())
def test_default_size(title, size):
    model = getattr(applications, title)(weights=None)
    assert model.input_shape == (None, size, size, 3)
    assert model.output_shape == (None, 1000)
    assert model.layers[-1].activation.__name__ == "softmax"


@pytest.mark.parametrize("title", ["DenseNet121", "ConvNeXtTiny"])
def test_channels_last_only(title):
    settings.set_image_data_format("channels_first")
    with pytest.raises(ArgumentError, match=f"{title}: expected .*'channels_last'"):
        getattr(applications, title)(weights=None)


def test_channels_first():
    """The same numbers for the same images laid out otherwise."""
    size, arguments = 33, {"weights": None, "include_top": False}
    last = applications.MobileNetV3Small(input_shape=(size, size, 3), **arguments)
    settings.set_image_data_format("channels_first")
    first = applications.MobileNetV3Small(input_shape=(3, size, size), **arguments)
    fill(first, last)
    x = np.random.default_rng(0).uniform(0, 1, (1, size, size, 3)).astype("float32")
    want = last.predict(x, verbose=0)
    got = first.predict(x.transpose(0, 3, 1, 2), verbose=0).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize(
    "title", ["VGG16", "ResNet50V2", "Xception", "EfficientNetB0", "MobileNet"]
)
def test_any_size(title):
    """Height and width may be left open; the weights serve images of every size."""
    open_size = getattr(applications, title)(weights=None, include_top=False)
    assert open_size.input_shape == (None, None, None, 3)
    assert open_size.output_shape[:3] == (None, None, None)
    fixed = getattr(applications, title)(weights=None, include_top=False, input_shape=(96, 128, 3))
    assert shapes_of(fixed) == shapes_of(open_size)
    assert open_size.compute_output_shape((None, 96, 128, 3)) == fixed.output_shape


def test_other_channels():
    one = applications.MobileNet(input_shape=(32, 32, 1), include_top=False, **SMALL)
    assert shapes_of(one)[0] == [3, 3, 1, 8]
    with pytest.warns(UserWarning, match="1 or 3 channels as a rule, got 4"):
        four = applications.MobileNet(input_shape=(32, 32, 4), include_top=False, **SMALL)
    assert shapes_of(four)[0] == [3, 3, 4, 8]


def test_input_tensor():
    image = nn.Input((40, 40, 5), name="camera")
    three = nn.layers.Conv2D(3, 1, name="colours")(image)
    model = applications.MobileNet(input_tensor=three, include_top=False, pooling="avg", **SMALL)
    assert model.input_shape == (None, 40, 40, 5)
    assert [layer.name for layer in model.layers[:3]] == ["camera", "colours", "conv1"]
    assert model.name == "mobilenet_0.25_None"
    same = applications.MobileNet(
        input_tensor=three, input_shape=(40, 40, 3), include_top=False, **SMALL
    )
    assert same.output_shape == (None, 1, 1, 256)


def test_input_tensor_that_does_not_fit():
    make = applications.MobileNet
    with pytest.raises(ArgumentError, match=r"input_shape to be that of input_tensor"):
        make(input_tensor=nn.Input((40, 40, 3)), input_shape=(64, 64, 3), **SMALL)
    with pytest.raises(ArgumentError, match="axes of a batch of images"):
        make(input_tensor=nn.Input((40,)), **SMALL)
    with pytest.raises(ArgumentError, match="at least 32 x 32"):
        make(input_tensor=nn.Input((20, 40, 3)), **SMALL)


def test_layers_on_top_find_free_names():
    """Numbers that a network took are no obstacle to layers that have no name."""
    base = applications.InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3))
    out = nn.layers.Conv2D(4, 1)(base.output)
    model = nn.Model(base.input, out)
    assert model.layers[-1].name == "conv2d_94"


def test_own_name_and_classes():
    model = applications.MobileNetV2(
        weights=None, alpha=0.35, classes=7, classifier_activation=None, name="mine",
        input_shape=(32, 32, 3),
    )  # fmt: skip
    assert (model.name, model.output_shape) == ("mine", (None, 7))
    assert model.layers[-1].get_config()["activation"] is None


@pytest.mark.parametrize("title", ["ConvNeXtTiny", "InceptionResNetV2"])
def test_layers_of_their_own_have_configs(title):
    model = getattr(applications, title)(weights=None, include_top=False, input_shape=(75, 75, 3))
    again = nn.models.clone_model(model)
    assert shapes_of(again) == shapes_of(model)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
