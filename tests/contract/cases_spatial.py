"""Rows of the layers over sequences, images and volumes."""

from nnlib import layers
from tests.contract.case import case

STEPS, IMAGE, VOLUME = (4, 2), (3, 3, 2), (2, 3, 2, 2)
FREE = {1: [(None, 2)], 2: [(None, None, 2)], 3: [(None, None, None, 2)]}

IMAGES = (layers.Conv2DTranspose, layers.UpSampling2D)


def row(layer, rank, *args, wrong=None, free=True, **flags):
    """A layer on the smallest input of its rank.

    Finite differences once for each op; the other ranks' gradients are compared with Keras'.
    """
    shape = {1: STEPS, 2: IMAGE, 3: VOLUME}[rank]
    flags["free"] = FREE[rank] if free else None
    flags.setdefault("smooth", rank == 1 or layer in IMAGES)
    return case(layer, *args, inputs=[shape], wrong=[wrong or shape[1:]], **flags)


CASES = [
    row(layers.Conv3D, 3, 2, 2, wrong=(2, 3, 2, 3)),
    row(layers.Conv1DTranspose, 1, 2, 2, wrong=(4, 3), smooth=False,
        options={"dilation_rate": 2}),
    row(
        layers.Conv2DTranspose, 2, 2, 2, wrong=(3, 3, 1),
        options={"strides": 2, "padding": "same", "output_padding": 1, "activation": "tanh"},
    ),
    row(
        layers.Conv3DTranspose, 3, 2, 1, wrong=(2, 3, 2), free=False,
        options={"strides": (1, 2, 1), "data_format": "channels_first"},
    ),
    row(layers.DepthwiseConv1D, 1, 2, smooth=False, wrong=(1, 2), options={"strides": 2}),
    row(layers.SeparableConv1D, 1, 2, 2, wrong=(4, 1), options={"depth_multiplier": 2}),
    row(layers.SeparableConv2D, 2, 3, 2, wrong=(1, 3, 2), options={"dilation_rate": 2}),
    row(layers.MaxPooling1D, 1, wrong=(1, 2)),
    row(layers.MaxPooling3D, 3, wrong=(1, 3, 2, 2), options={"strides": 1}),
    row(layers.AveragePooling1D, 1, options={"padding": "same", "strides": 1}),
    row(layers.AveragePooling3D, 3),
    row(layers.GlobalAveragePooling1D, 1),
    row(layers.GlobalAveragePooling3D, 3),
    row(layers.GlobalMaxPooling1D, 1),
    row(layers.GlobalMaxPooling2D, 2, options={"keepdims": True}),
    row(layers.GlobalMaxPooling3D, 3),
    row(layers.AdaptiveAveragePooling1D, 1, 3),
    row(layers.AdaptiveAveragePooling2D, 2, (3, 2)),
    row(layers.AdaptiveAveragePooling3D, 3, 1),
    row(layers.AdaptiveMaxPooling1D, 1, 3),
    row(layers.AdaptiveMaxPooling2D, 2, (2, 1)),
    row(layers.AdaptiveMaxPooling3D, 3, (2, 2, 1)),
    row(layers.ZeroPadding1D, 1, (1, 2)),
    row(layers.ZeroPadding2D, 2, options={"data_format": "channels_first"}, free=False),
    row(layers.ZeroPadding3D, 3),
    row(layers.Cropping1D, 1, wrong=(2, 2)),
    row(layers.Cropping2D, 2, ((1, 0), (0, 2)), wrong=(3, 2, 2)),
    row(layers.Cropping3D, 3, ((1, 0), (0, 2), (0, 0)), wrong=(1, 3, 2, 2)),
    row(layers.UpSampling1D, 1),
    row(layers.UpSampling2D, 2, options={"interpolation": "bilinear"}),
    row(layers.UpSampling3D, 3, (1, 2, 1)),
    row(layers.Permute, 2, (3, 1, 2)),
    case(layers.RepeatVector, 2, inputs=[(3,)], wrong=[(3, 1)]),
]  # fmt: skip
