"""Bad arguments and inputs of the layers over sequences, images and volumes."""

import jax.numpy as jnp
import numpy as np

from nnlib import errors, layers
from tests.contract.refusal import refusal

ARGUMENT, SHAPE = errors.ArgumentError, errors.ShapeError
STEPS, IMAGE = jnp.ones((1, 4, 2)), jnp.ones((1, 4, 4, 2))


def argument(make, match):
    return refusal(make, ARGUMENT, match)


def shape(attempt, match):
    return refusal(attempt, SHAPE, match)


REFUSALS = [
    argument(lambda: layers.Conv3D(0, 3), "Conv3D.*filters.*above 0.*0"),
    argument(lambda: layers.Conv3D(2, (3, 3)), r"kernel_size.*3 of them.*\(3, 3\)"),
    argument(lambda: layers.Conv3D(2, (3, 0, 3)), "kernel_size.*above 0, got 0"),
    argument(lambda: layers.Conv2D(2, 3, strides=2, dilation_rate=2), "strides or dilation_rate"),
    argument(lambda: layers.Conv2D(3, 3, groups=2), "groups to divide filters=3"),
    argument(lambda: layers.Conv3D(2, 3, padding="causal"), "padding.*'causal'"),
    argument(lambda: layers.Conv3D(2, 3, padding=[1, 1, 1]), r"padding to be a string, got \["),
    argument(
        lambda: layers.Conv1D(2, 3, data_format="first"), "data_format.*channels_first.*first"
    ),
    refusal(
        lambda: layers.Conv2D(2, 3, activation="rellu"), errors.UnknownNameError, "activation.*relu"
    ),
    argument(lambda: layers.Conv2DTranspose(-1, 3), "filters.*-1"),
    argument(lambda: layers.Conv2DTranspose(2, 3, padding="causal"), "padding"),
    argument(lambda: layers.Conv2DTranspose(2, 3, output_padding=1), "output_padding.*less than"),
    argument(
        lambda: layers.Conv2DTranspose(2, 3, strides=(2, 3), output_padding=(1, 3)),
        r"Conv2DTranspose.*output_padding.*strides=\(2, 3\).*\(1, 3\)",
    ),
    argument(lambda: layers.Conv1DTranspose(2, 3, 2, output_padding=-1), "at least 0, got -1"),
    argument(lambda: layers.Conv1DTranspose(2, 3, 2, dilation_rate=2), "strides or dilation_rate"),
    argument(lambda: layers.DepthwiseConv1D(3, depth_multiplier=0), "depth_multiplier.*0"),
    argument(lambda: layers.SeparableConv1D(2, 3, padding="causal"), "padding.*causal"),
    argument(lambda: layers.SeparableConv2D(0, 3), "filters"),
    argument(lambda: layers.MaxPooling1D(0), "MaxPooling1D.*pool_size.*0"),
    argument(lambda: layers.MaxPooling3D((2, 2)), "pool_size.*3 of them"),
    argument(lambda: layers.AveragePooling1D(2, strides=0), "strides"),
    argument(lambda: layers.AveragePooling3D(padding="full"), "padding.*full"),
    argument(lambda: layers.GlobalMaxPooling1D(data_format="last"), "data_format"),
    argument(lambda: layers.AdaptiveMaxPooling2D((2, 2, 2)), "output_size.*2 of them"),
    argument(lambda: layers.AdaptiveAveragePooling1D(0), "output_size.*0"),
    argument(lambda: layers.ZeroPadding1D(-1), "padding.*at least 0.*-1"),
    argument(lambda: layers.ZeroPadding1D((1, 2, 3)), "padding"),
    argument(lambda: layers.ZeroPadding2D((1, 2, 3)), r"2 pairs.*\(1, 2, 3\)"),
    argument(lambda: layers.ZeroPadding3D(((1, 1), (1, 1, 1), 2)), "padding"),
    argument(lambda: layers.Cropping2D(1.5), "cropping.*1.5"),
    argument(lambda: layers.UpSampling1D((2,)), r"size.*\(2,\)"),
    argument(lambda: layers.UpSampling2D(0), "size.*0"),
    argument(lambda: layers.UpSampling2D(interpolation="area"), "interpolation.*bilinear.*area"),
    argument(lambda: layers.UpSampling2D(interpolation=None), "interpolation"),
    argument(lambda: layers.Permute((0, 1)), r"Permute.*dims.*\(0, 1\)"),
    argument(lambda: layers.Permute((1, 1)), "dims"),
    argument(lambda: layers.Permute("21"), "dims.*21"),
    argument(lambda: layers.RepeatVector(0), "RepeatVector.*n .*0"),
    argument(lambda: layers.RepeatVector(2.0), "n .*2.0"),
    argument(lambda: layers.Reshape((-1, -1)), "at most one"),
    argument(lambda: layers.Reshape((None, -1)), "at most one"),
    argument(lambda: layers.Reshape((-2,)), "-2"),
    argument(lambda: layers.Reshape((0, -1)), "beside a size of 0"),
    argument(lambda: layers.Reshape("12"), "target_shape.*12"),
    argument(lambda: layers.Flatten("last"), "Flatten.*data_format"),
    shape(lambda: layers.Conv1D(2, 5)(STEPS), r"conv1d \(Conv1D\).*at least \(5,\).*\(1, 4, 2\)"),
    shape(lambda: layers.Conv2D(4, 3, groups=4)(IMAGE), "groups=4.*divides"),
    shape(lambda: layers.SeparableConv2D(2, 3, dilation_rate=2)(IMAGE), r"at least \(5, 5\)"),
    shape(lambda: layers.Conv2DTranspose(2, 3)(STEPS), "4 axes"),
    shape(
        lambda: layers.Conv1DTranspose(2, 2, 2, "same", output_padding=0)(STEPS[:, :1]),
        r"output.*\(1, 1, 2\)",
    ),
    shape(lambda: layers.Conv1DTranspose(2, 2)(STEPS[:, :0]), r"output.*\(1, 0, 2\)"),
    shape(lambda: layers.MaxPooling1D(5)(STEPS), r"at least \(5,\)"),
    shape(lambda: layers.AveragePooling3D()(IMAGE), "5 axes"),
    shape(lambda: layers.GlobalAveragePooling1D()(IMAGE), "3 axes"),
    shape(
        lambda: layers.GlobalAveragePooling1D()(STEPS, mask=np.ones((1, 3), bool)),
        r"mask of shape \(batch, time\), got \(1, 3\)",
    ),
    shape(lambda: layers.GlobalAveragePooling1D()(STEPS, mask=np.ones(4, bool)), "mask of shape"),
    shape(lambda: layers.AdaptiveMaxPooling1D(2)(IMAGE), "3 axes"),
    shape(lambda: layers.Cropping1D(2)(STEPS), r"cropping=\(\(2, 2\),\).*\(1, 4, 2\)"),
    shape(lambda: layers.Cropping2D((0, (3, 1)))(IMAGE), "larger than what is cut off"),
    shape(lambda: layers.UpSampling3D()(IMAGE), "5 axes"),
    shape(lambda: layers.ZeroPadding2D()(STEPS), "4 axes"),
    shape(lambda: layers.Permute((2, 1))(IMAGE), "3 axes"),
    shape(lambda: layers.RepeatVector(2)(STEPS), "2 axes"),
    shape(lambda: layers.Reshape((3, -1))(STEPS), "3 elements.*multiple"),
    shape(lambda: layers.Reshape((0,))(STEPS), "0 elements"),
]
