"""Bad arguments of the layers over images and sounds."""

import jax.numpy as jnp
import numpy as np

from nnlib import errors, layers, preprocessing, utils
from tests.contract.refusal import refusal

IMAGE = jnp.ones((6, 5, 3))
GRAY = jnp.ones((6, 5, 1))
BAD = errors.ArgumentError


def augment(layer, data):
    return lambda: layer(data, training=True)


REFUSALS = [
    refusal(lambda: layers.Rescaling("a"), BAD, "scale.*number.*'a'"),
    refusal(lambda: layers.Rescaling([1.0, 2.0])(IMAGE), errors.ShapeError, r"\(2,\).*\(6, 5, 3\)"),
    refusal(lambda: layers.Resizing(0, 3), BAD, "height.*0"),
    refusal(lambda: layers.Resizing(4, 3, "area"), BAD, "interpolation.*'area'"),
    refusal(lambda: layers.Resizing(4, 3, fill_mode="wrap"), BAD, "fill_mode.*'wrap'"),
    refusal(
        lambda: layers.Resizing(4, 3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
        BAD,
        "crop_to_aspect_ratio or pad_to_aspect_ratio.*both",
    ),
    refusal(lambda: layers.CenterCrop(4, 2.5), BAD, "width.*2.5"),
    refusal(lambda: layers.CenterCrop(4, 2)(jnp.ones((5, 5))), errors.ShapeError, "3 or 4 axes"),
    refusal(lambda: layers.RandomFlip("diagonal"), BAD, "mode.*'diagonal'"),
    refusal(lambda: layers.RandomFlip(seed=-1), BAD, "seed.*-1"),
    refusal(lambda: layers.RandomFlip(data_format="last"), BAD, "data_format.*'last'"),
    refusal(lambda: layers.RandomFlip(bounding_box_format="xyxy"), BAD, "bounding_box.*'xyxy'"),
    refusal(
        lambda: layers.RandomFlip()({"images": IMAGE, "bounding_boxes": IMAGE}),
        BAD,
        "bounding boxes.*leave them out",
    ),
    refusal(lambda: layers.RandomFlip()({"image": IMAGE}), BAD, "'images'.*'image'"),
    refusal(
        lambda: layers.RandomFlip()({"images": IMAGE, "segmentation_masks": IMAGE[..., 0]}),
        errors.ShapeError,
        r"segmentation_masks with 3 axes.*\(6, 5\)",
    ),
    refusal(lambda: layers.RandomRotation(2.0), BAD, "factor.*-1 to 1.*2.0"),
    refusal(lambda: layers.RandomRotation((0.1, 0.2, 0.3)), BAD, "factor.*two numbers"),
    refusal(lambda: layers.RandomRotation(0.1, "mirror"), BAD, "fill_mode.*'mirror'"),
    refusal(lambda: layers.RandomRotation(0.1, interpolation="cubic"), BAD, "interpolation"),
    refusal(lambda: layers.RandomTranslation((0.1, 1.5), 0), BAD, "height_factor.*1.5"),
    refusal(lambda: layers.RandomZoom(-1), BAD, "height_factor.*above -1"),
    refusal(lambda: layers.RandomShear(x_factor=-0.5), BAD, "x_factor.*0 to 1.*-0.5"),
    refusal(lambda: layers.RandomPerspective(scale=2), BAD, "scale.*2"),
    refusal(lambda: layers.RandomBrightness("bright"), BAD, "factor.*'bright'"),
    refusal(lambda: layers.RandomBrightness(0.1, (1, 1)), BAD, r"value_range.*\(1, 1\)"),
    refusal(lambda: layers.RandomBrightness(0.1, 255), BAD, "value_range.*two numbers.*255"),
    refusal(lambda: layers.RandomContrast(-0.1), BAD, "factor.*0 to 1"),
    refusal(augment(layers.RandomHue(0.1), GRAY), errors.ShapeError, "3 channels, got 1"),
    refusal(augment(layers.RandomSaturation(0.1), GRAY), errors.ShapeError, "3 channels, got 1"),
    refusal(
        augment(layers.RandomGrayscale(data_format="channels_first"), IMAGE),
        errors.ShapeError,
        "1 or 3 channels, got 6.*channels_first",
    ),
    refusal(lambda: layers.RandomGrayscale(1.5), BAD, "factor.*1.5"),
    refusal(lambda: layers.RandomInvert(True), BAD, "factor.*True"),
    refusal(lambda: layers.RandomPosterization(2.5), BAD, "whole numbers.*2.5"),
    refusal(lambda: layers.RandomPosterization(9), BAD, "1 to 8.*9"),
    refusal(lambda: layers.RandomSharpness(None), BAD, "factor.*None"),
    refusal(lambda: layers.RandomErasing(fill_value=(1, 2)), BAD, r"fill_value.*\(1, 2\)"),
    refusal(
        augment(layers.RandomErasing(fill_value=(1, 2, 3)), GRAY), errors.ShapeError, "3 channels"
    ),
    refusal(lambda: layers.RandomGaussianBlur(kernel_size=4), BAD, "kernel_size.*odd.*4"),
    refusal(lambda: layers.RandomGaussianBlur(sigma=2.0), BAD, "sigma.*0 to 1.*2.0"),
    refusal(lambda: layers.Equalization(bins=0), BAD, "bins.*0"),
    refusal(lambda: layers.Solarization(threshold_factor=1.5), BAD, "threshold_factor.*1.5"),
    refusal(lambda: layers.MixUp(0), BAD, "alpha.*0"),
    refusal(
        augment(layers.MixUp(), {"images": IMAGE[None], "labels": jnp.ones(1)}),
        errors.ShapeError,
        r"labels of shape \(batch, classes\).*to_categorical",
    ),
    refusal(lambda: layers.RandAugment(num_ops=0), BAD, "num_ops.*0"),
    refusal(lambda: layers.MelSpectrogram(16, sequence_length=32), BAD, "fft_length=16.*32"),
    refusal(lambda: layers.MelSpectrogram(window="kaiser"), BAD, "window.*'kaiser'"),
    refusal(lambda: layers.MelSpectrogram(min_freq=9e3), BAD, "min_freq.*8000.*9000"),
    refusal(lambda: layers.STFTSpectrogram("loud"), BAD, "mode.*'loud'"),
    refusal(lambda: layers.STFTSpectrogram(frame_length=8, frame_step=9), BAD, "frame_step.*9"),
    refusal(lambda: layers.STFTSpectrogram(frame_length=8, fft_length=4), BAD, "fft_length.*4"),
    refusal(lambda: layers.STFTSpectrogram(window="round"), BAD, "window.*'round'"),
    refusal(lambda: layers.STFTSpectrogram(window=[1, 2], frame_length=3), BAD, "window.*3 num"),
    refusal(
        lambda: layers.STFTSpectrogram(frame_length=8)(jnp.ones((1, 5, 1))),
        errors.ShapeError,
        "at least.*8",
    ),
    refusal(
        lambda: layers.STFTSpectrogram(frame_length=4)(jnp.ones((1, 5, 1), int)),
        errors.DTypeError,
        "floats.*int32",
    ),
    refusal(lambda: utils.img_to_array(np.ones(3)), errors.ShapeError, r"\(3,\)"),
    refusal(lambda: utils.array_to_img(np.ones((3, 3, 2))), errors.ShapeError, r"\(3, 3, 2\)"),
    refusal(lambda: utils.array_to_img(np.ones((3, 3, 3)), "last"), BAD, "data_format.*'last'"),
    refusal(lambda: utils.load_img(3), BAD, "path.*int"),
    refusal(lambda: utils.load_img("a.png", "cmyk"), BAD, "color_mode.*'cmyk'"),
    refusal(
        lambda: preprocessing.image.smart_resize(np.ones((4, 4)), (2, 2)),
        errors.ShapeError,
        "3 or 4 axes",
    ),
    refusal(
        lambda: preprocessing.image.smart_resize(np.ones((4, 4, 1)), (2,)), BAD, r"size.*\(2,\)"
    ),
]
