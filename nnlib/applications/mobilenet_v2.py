"""MobileNet V2: inverted residual blocks.

>>> import nnlib as nn
>>> model = nn.applications.MobileNetV2(
...     weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35
... )
>>> model.output_shape
(None, 1, 1, 1280)
"""

from dataclasses import replace
from typing import Any

from nnlib import layers
from nnlib.applications.blocks import batch_norm, channels, divisible, pad_for_stride_two
from nnlib.applications.image_input import image_input
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.network import (
    GOOGLE,
    Pretrained,
    documented,
    model_of,
    pooled,
    predictions,
)
from nnlib.applications.pixels import from_minus_one_to_one as preprocess_input
from nnlib.applications.request import Request
from nnlib.applications.scaled import check_alpha, sized_shape, trained_size
from nnlib.core.symbol import Symbol
from nnlib.models import Model

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

SIZES = (96, 128, 160, 192, 224)
"""Heights and widths of images for which there are official weights."""

_ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
_STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
"""Filters, number of blocks, and stride of the first one."""


@documented
def MobileNetV2(  # noqa: N802
    input_shape: Any = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """MobileNet V2, `alpha` times as wide as in the paper.

    Images go through `mobilenet_v2.preprocess_input`: from -1 to 1. Besides the arguments below,
    `alpha` scales the number of filters. Official weights exist for alpha 0.35, 0.5, 0.75, 1, 1.3
    and 1.4, and square images of 96, 128, 160, 192 or 224 pixels.

    Source: Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018,
    arXiv 1801.04381.
    """
    request = Request(
        "MobileNetV2",
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
    )
    check_alpha(request, alpha, _ALPHAS)
    shape = sized_shape(request, SIZES)
    image = image_input(request, shape)
    x = _features(image, alpha)
    if include_top:
        x = predictions(request, layers.GlobalAveragePooling2D()(x))
    else:
        x = pooled(request, x)
    size = trained_size(request, shape, SIZES)
    name = name or f"mobilenetv2_{alpha:0.2f}_{size}"
    return model_of(replace(request, name=name), image, x, _files(alpha, size))


def _files(alpha: float, size: int | None) -> Pretrained:
    stem = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}"
    return Pretrained(f"{GOOGLE}mobilenet_v2/", f"{stem}.h5", f"{stem}_no_top.h5")


def _features(x: Symbol, alpha: float) -> Symbol:
    x = layers.Conv2D(
        divisible(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1"
    )(x)
    x = layers.ReLU(6.0, name="Conv1_relu")(_norm(x, "bn_Conv1"))
    block = 0
    for filters, repeats, first_stride in _STAGES:
        for index in range(repeats):
            width = divisible(int(filters * alpha))
            x = _block(x, block, width, first_stride if index == 0 else 1)
            block += 1
    x = layers.Conv2D(divisible(1280 * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)
    return layers.ReLU(6.0, name="out_relu")(_norm(x, "Conv_1_bn"))


def _block(x: Symbol, block: int, filters: int, stride: int) -> Symbol:
    """Expansion to six times the channels, depthwise convolution, projection; the sum if it fits.

    The first block does not expand.
    """
    prefix = f"block_{block}_" if block else "expanded_conv_"
    inputs = x
    if block:
        x = _pointwise(x, 6 * channels(x), f"{prefix}expand")
        x = layers.ReLU(6.0, name=f"{prefix}expand_relu")(x)
    if stride == 2:
        x = pad_for_stride_two(x, 3, f"{prefix}pad")
    x = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        use_bias=False,
        name=f"{prefix}depthwise",
    )(x)
    x = layers.ReLU(6.0, name=f"{prefix}depthwise_relu")(_norm(x, f"{prefix}depthwise_BN"))
    x = _pointwise(x, filters, f"{prefix}project")
    if stride == 1 and channels(inputs) == filters:
        return layers.Add(name=f"{prefix}add")([inputs, x])
    return x


def _pointwise(x: Symbol, filters: int, name: str) -> Symbol:
    conv = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=name)
    return _norm(conv(x), f"{name}_BN")


def _norm(x: Symbol, name: str) -> Symbol:
    return batch_norm(x, name, epsilon=1e-3, momentum=0.999)
