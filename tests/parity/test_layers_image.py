"""Layers over images: the numbers of Keras, for the parameters that Keras has drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import layers
from tests.parity.layer_parity import call_id, check_row, check_signature, close, weighted_sum

BATCH = (2, 6, 5, 3)
FIRST = {"data_format": "channels_first"}

# What draws nothing: (class, arguments, input shape).
ROWS = [
    ("Rescaling", {"scale": 0.5, "offset": [1.0, 2.0, 3.0]}, BATCH),
    ("Resizing", {"height": 4, "width": 7}, BATCH),
    ("Resizing", {"height": 9, "width": 3, "interpolation": "nearest"}, BATCH),
    ("Resizing", {"height": 4, "width": 3, "interpolation": "bicubic", "antialias": True}, BATCH),
    ("Resizing", {"height": 8, "width": 4, "interpolation": "lanczos5"}, (6, 5, 3)),
    ("Resizing", {"height": 4, "width": 8, "crop_to_aspect_ratio": True}, BATCH),
    (
        "Resizing",
        {"height": 9, "width": 3, "crop_to_aspect_ratio": True, **FIRST},
        (2, 3, 6, 5),
    ),
    (
        "Resizing",
        {"height": 4, "width": 9, "pad_to_aspect_ratio": True, "fill_value": 0.3},
        BATCH,
    ),
    ("Resizing", {"height": 9, "width": 2, "pad_to_aspect_ratio": True, **FIRST}, (3, 6, 5)),
    ("CenterCrop", {"height": 3, "width": 2}, BATCH),
    ("CenterCrop", {"height": 3, "width": 4, **FIRST}, (3, 6, 5)),
    ("CenterCrop", {"height": 8, "width": 4}, BATCH),
    ("AutoContrast", {"value_range": (-3, 3)}, BATCH),
]
CALLS = [(row, False) for row in ROWS]
CALLS += [(("Equalization", {"value_range": (-3, 3), "bins": 8}, BATCH), True)]


@pytest.mark.parametrize(("row", "training"), CALLS, ids=call_id)
def test_outputs_and_gradients(keras, row, training):
    check_row(keras, row, training)


# What draws: (class, arguments).
DRAWING = [
    ("RandomFlip", {}),
    ("RandomFlip", {"mode": "horizontal", **FIRST}),
    ("RandomFlip", {"mode": "vertical"}),
    ("RandomRotation", {"factor": 0.3}),
    (
        "RandomRotation",
        {"factor": (0.1, 0.2), "fill_mode": "constant", "fill_value": 9.0, **FIRST},
    ),
    ("RandomRotation", {"factor": 0.3, "fill_mode": "wrap", "interpolation": "nearest"}),
    (
        "RandomTranslation",
        {"height_factor": 0.4, "width_factor": (-0.3, -0.1), "fill_mode": "nearest"},
    ),
    ("RandomZoom", {"height_factor": 0.4}),
    ("RandomZoom", {"height_factor": (0.2, 0.4), "width_factor": -0.3, "fill_mode": "constant"}),
    ("RandomShear", {"x_factor": 0.4, "y_factor": (0.2, 0.3), "fill_mode": "constant"}),
    ("RandomPerspective", {"factor": (1.0, 1.0), "scale": 0.5, "fill_value": 3.0, **FIRST}),
    ("RandomBrightness", {"factor": 0.5}),
    ("RandomBrightness", {"factor": (-0.3, 0.1), "value_range": (0, 100)}),
    ("RandomContrast", {"factor": 0.8}),
    ("RandomContrast", {"factor": (0.2, 0.2), "value_range": (0, 200), **FIRST}),
    ("RandomHue", {"factor": 0.8}),
    ("RandomHue", {"factor": (0.2, 0.9), "value_range": (0, 300), **FIRST}),
    ("RandomSaturation", {"factor": (0.2, 0.9)}),
    ("RandomSaturation", {"factor": 0.4, "value_range": (0, 1), **FIRST}),
    ("RandomGrayscale", {"factor": 0.5}),
    ("RandomGrayscale", {"factor": 1.0, **FIRST}),
    ("RandomColorDegeneration", {"factor": 0.8}),
    ("RandomInvert", {}),
    ("RandomInvert", {"factor": (1.0, 1.0), "value_range": (0, 100)}),
    ("RandomPosterization", {"factor": 6}),
    ("RandomPosterization", {"factor": (2, 5), "value_range": (-10, 300)}),
    ("RandomSharpness", {"factor": 1.0}),
    ("RandomSharpness", {"factor": (0.8, 0.9), "value_range": (20, 200), **FIRST}),
    ("RandomErasing", {"factor": (1.0, 1.0), "scale": (0.3, 0.8)}),
    ("RandomErasing", {"fill_value": 1.0, "value_range": (2, 200)}),
    ("RandomGaussianBlur", {"factor": (1.0, 1.0), "kernel_size": (3, 5), "sigma": (0.5, 1.5)}),
    ("RandomGaussianBlur", {"value_range": (0, 100), **FIRST}),
    ("Solarization", {"addition_factor": 0.2, "threshold_factor": 0.7}),
    ("Solarization", {"threshold_factor": (0.1, 0.9), "value_range": (0, 300)}),
    ("CutMix", {"factor": (0.8, 0.9)}),
    ("MixUp", {"alpha": 0.6}),
]

WITH_GRADIENTS = [
    row
    for row in DRAWING
    if row in [("RandomHue", {"factor": 0.8}), ("RandomZoom", {"height_factor": 0.4})]
]


def pixels(first=False):
    images = np.random.default_rng(3).uniform(0, 255, BATCH).astype("float32")
    return jnp.asarray(np.moveaxis(images, -1, 1) if first else images)


def inwards(value):
    """What Keras has drawn for channels first, for channels last: it holds masks of images."""
    return jnp.moveaxis(value, 1, -1) if getattr(value, "shape", ()) == (2, 3, 6, 5) else value


def drawn_by(keras_layer, images):
    drawn = keras_layer.get_random_transformation(images, training=True)
    return drawn if isinstance(drawn, dict) else {"should_apply": drawn}


def turned(images, first, back=False):
    """The same images for channels last, or back again."""
    ends = (-1, 1) if back else (1, -1)
    return jnp.moveaxis(images, *ends) if first else images


def drawing_id(row):
    return "-".join([row[0], *row[1]])


@pytest.mark.parametrize("row", DRAWING, ids=drawing_id)
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")
def test_the_same_draw_gives_the_same_images(keras, row):
    name, arguments = row
    first = "data_format" in arguments
    theirs, ours = getattr(keras.layers, name)(**arguments), getattr(layers, name)(**arguments)
    images = pixels(first)
    drawn = drawn_by(theirs, images)
    own = {key: inwards(value) for key, value in drawn.items() if key != "input_shape"}

    argument = drawn.get("should_apply", drawn)
    their_run = lambda x: theirs.transform_images(x, argument, training=True)  # noqa: E731
    run = lambda x: turned(ours.transform_images(turned(x, first), own), first, back=True)  # noqa: E731
    np.testing.assert_allclose(run(images), their_run(images), rtol=1e-5, atol=2e-3)  # up to 255
    if row in WITH_GRADIENTS:
        want = jax.jit(jax.grad(lambda x: weighted_sum(their_run(x))))(images)
        with jax.numpy_rank_promotion("raise"):
            got = jax.jit(jax.grad(lambda x: weighted_sum(run(x))))(images)
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


FIXED = {"brightness_factor": (0.1, 0.1), "contrast_factor": (0.0, 0.0)}


def test_color_jitter_goes_in_the_order_of_keras(keras):
    images = pixels()
    arguments = {**FIXED, "saturation_factor": (0.7, 0.7), "hue_factor": (0.0, 0.0)}
    want = keras.layers.RandomColorJitter(**arguments)(images, training=True)
    got = layers.RandomColorJitter(**arguments)(images, training=True)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("choice", [(0, 4, 10)])
def test_rand_augment_runs_the_changes_of_keras(keras, choice):
    images = pixels()
    theirs, ours = keras.layers.RandAugment(num_ops=3), layers.RandAugment(num_ops=3)
    drawn = theirs.get_random_transformation(images, training=True)
    drawn["layer_idxes"] = jnp.asarray(choice)
    assert list(drawn["transforms"]) == list(ours.steps)
    want = theirs.transform_images(images, drawn)
    own = {name: value or {} for name, value in drawn["transforms"].items()}
    for value in own.values():
        value.pop("input_shape", None)
    got = ours.transform_images(images, {**drawn, "transforms": own})
    # A value at the edge between two bins of a histogram or two steps may fall to either side.
    off = np.abs(np.asarray(got) - np.asarray(want)) > 1e-2
    assert off.mean() < 0.05


@pytest.mark.parametrize("size", [(3, 2), (8, 8), (4, 5)])
def test_random_crop(keras, size):
    images = pixels()
    theirs, ours = keras.layers.RandomCrop(*size), layers.RandomCrop(*size)
    top, left = drawn = theirs.get_random_transformation(images, training=True)
    own = ours.draw(jax.random.key(0), images)
    if size[0] < 6 and size[1] < 5:
        own = {"top": top, "left": left}
    close(ours.transform_images(images, own), theirs.transform_images(images, drawn))


def test_labels_and_masks_go_along(keras):
    images, labels = pixels(), jnp.eye(2)
    masks = jnp.asarray(np.random.default_rng(4).integers(0, 5, (2, 6, 5, 1)), "int32")
    for name, arguments in [
        ("RandomRotation", {"factor": 0.3}),
        ("CutMix", {}),
        ("RandomFlip", {}),
    ]:
        theirs, ours = getattr(keras.layers, name)(**arguments), getattr(layers, name)(**arguments)
        drawn = theirs.get_random_transformation(images, training=True)
        own = {key: value for key, value in drawn.items() if key != "input_shape"}
        if name == "CutMix":  # the masks of Keras have the channels of the images
            drawn["batch_masks"] = own["batch_masks"] = own["batch_masks"][..., :1]
        want = theirs.transform_segmentation_masks(masks, drawn)
        close(ours.transform_segmentation_masks(masks, own), want)
        close(ours.transform_labels(labels, own), theirs.transform_labels(labels, drawn))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (
            "Resizing",
            {
                "height": 9,
                "width": 3,
                "pad_to_aspect_ratio": True,
                "fill_value": 7.4,
                "interpolation": "bicubic",
            },
        ),
        ("CenterCrop", {"height": 3, "width": 2}),
        ("RandomGrayscale", {"factor": 1.0}),
        ("RandomInvert", {"factor": (1.0, 1.0)}),
        ("AutoContrast", {}),
        ("Rescaling", {"scale": 2}),
    ],
)
def test_integers_become_what_they_become_in_keras(keras, name, arguments):
    images = pixels().astype("uint8")
    want = getattr(keras.layers, name)(**arguments)(images)
    got = getattr(layers, name)(**arguments)(images)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)


NAMES = {row[0] for row in [*ROWS, *DRAWING]} | {"Equalization", "RandomColorJitter"}


@pytest.mark.parametrize("name", sorted(NAMES | {"RandAugment", "RandomCrop"}))
def test_arguments_and_defaults_are_those_of_keras(keras, name):
    check_signature(keras, name)


@pytest.mark.parametrize("shape", [(7, 4, 3), (2, 4, 7, 1)])
def test_smart_resize(keras, shape):
    from nnlib.preprocessing.image import smart_resize

    x = np.random.default_rng(0).uniform(size=shape).astype("float32")
    for options in ({}, {"interpolation": "nearest"}):
        want = keras.preprocessing.image.smart_resize(x, (5, 2), **options)
        got = smart_resize(x, (5, 2), **options)
        assert isinstance(got, np.ndarray)
        close(got, want)
    moved = smart_resize(jnp.moveaxis(x, -1, -3), (5, 2), data_format="channels_first")
    close(jnp.moveaxis(moved, -3, -1), smart_resize(x, (5, 2)))
