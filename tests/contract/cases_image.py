"""Rows of the layers over images and sounds."""

from nnlib import layers
from tests.contract.case import case

IMAGE = [(6, 5, 3)]
FREE = [(None, None, 3)]
UNIT = {"value_range": (0, 1)}


def image(layer, *args, **more):
    """A row over images, any size of which may stay free."""
    return case(layer, *args, inputs=IMAGE, free=FREE, **{"wrong": [(5, 3, 6, 2)]} | more)


def augmenting(layer, *args, smooth=False, **more):
    """A row of a layer that draws; `tests/layers` looks at the dtypes of most, which is quicker."""
    return image(
        layer, *args, **{"random": True, "smooth": smooth, "follows_policy": smooth} | more
    )


CASES = [
    case(
        layers.Rescaling, [0.5, 1.0, 2.0], inputs=IMAGE, free=FREE, options={"offset": -1.0},
        wrong=[(6, 5, 2)], note="channels",
    ),
    image(layers.Resizing, 4, 8, options={"interpolation": "bicubic", "antialias": True}),
    image(layers.CenterCrop, 4, 3),
    image(layers.AutoContrast, options=UNIT, smooth=False),
    image(layers.Equalization, options=UNIT, smooth=False),
    augmenting(layers.RandomCrop, 3, 2),
    augmenting(layers.RandomFlip),
    augmenting(layers.RandomRotation, 0.3, smooth=True),
    augmenting(layers.RandomTranslation, 0.3, 0.3),
    augmenting(layers.RandomZoom, 0.5),
    augmenting(layers.RandomShear, 0.5, 0.5, options={"fill_mode": "constant"}),
    augmenting(layers.RandomPerspective, (1.0, 1.0)),
    augmenting(layers.RandomBrightness, 0.5, options={"value_range": (-5, 5)}, smooth=True),
    augmenting(layers.RandomContrast, 0.5, options={"value_range": (-9, 9)}, smooth=True),
    augmenting(layers.RandomHue, 0.5, options=UNIT),
    augmenting(layers.RandomSaturation, (0.2, 0.8), options=UNIT),
    augmenting(
        layers.RandomColorJitter,
        options={**UNIT, "brightness_factor": 0.1, "contrast_factor": 0.2,
                 "saturation_factor": (0.4, 0.6), "hue_factor": 0.1},
    ),
    augmenting(layers.RandomGrayscale),
    augmenting(layers.RandomColorDegeneration, 0.5, options=UNIT),
    augmenting(layers.RandomInvert, options=UNIT),
    augmenting(layers.RandomPosterization, (1, 8), options={"value_range": (-3, 3)}),
    augmenting(layers.RandomSharpness, 0.5, options={"value_range": (-9, 9)}),
    augmenting(layers.RandomErasing, (1.0, 1.0), options={"fill_value": 0.5}),
    augmenting(layers.RandomGaussianBlur, (1.0, 1.0), options=UNIT),
    augmenting(layers.Solarization, 0.5, 0.5, options=UNIT),
    augmenting(layers.CutMix),
    augmenting(layers.MixUp),
    augmenting(layers.RandAugment, options={"value_range": (-3, 3), "seed": 3}),
    case(
        layers.MelSpectrogram, inputs=[(40,)], free=[(None,)], wrong=[(40, 2)],
        options={"fft_length": 16, "sequence_stride": 8, "num_mel_bins": 4, "min_power": 1.0,
                 "mag_exp": 1.0},
    ),
    case(
        layers.STFTSpectrogram, "magnitude", inputs=[(20, 2)], free=[(None, 2)], wrong=[(20,)],
        options={"frame_length": 6},
    ),
]  # fmt: skip
