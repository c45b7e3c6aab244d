"""MobileNet: depthwise convolutions followed by 1 x 1 ones.

>>> import nnlib as nn
>>> model = nn.applications.MobileNet(
...     weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.25
... )
>>> model.output_shape
(None, 1, 1, 256)
"""

from dataclasses import replace
from typing import Any

from nnlib import layers
from nnlib.applications.blocks import batch_norm
from nnlib.applications.image_input import image_input
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.network import GOOGLE, Pretrained, documented, model_of, pooled
from nnlib.applications.pixels import from_minus_one_to_one as preprocess_input
from nnlib.applications.request import Request
from nnlib.applications.scaled import check_alpha, sized_shape, trained_size
from nnlib.core.symbol import Symbol
from nnlib.layers.checks import positive_int
from nnlib.models import Model

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

SIZES = (128, 160, 192, 224)
"""Heights and widths of images for which there are official weights."""

_ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
_BLOCKS = (
    ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2))
    + 5 * ((512, 1),)
    + ((1024, 2), (1024, 1))
)
"""Filters and stride of each block."""


@documented
def MobileNet(  # noqa: N802
    input_shape: Any = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """MobileNet, `alpha` times as wide as in the paper.

    Images go through `mobilenet.preprocess_input`: from -1 to 1. Besides the arguments below:
    `alpha` scales the number of filters, `depth_multiplier` is the number of outputs of each
    depthwise filter, and `dropout` the share dropped in front of the classifier. Official weights
    exist for alpha 0.25, 0.5, 0.75 and 1, depth_multiplier 1, and square images of 128, 160, 192
    or 224 pixels.

    Source: Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision
    applications", 2017, arXiv 1704.04861.
    """
    request = Request(
        "MobileNet",
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
    )
    check_alpha(request, alpha, tuple(_ALPHAS))
    positive_int("MobileNet", "depth_multiplier", depth_multiplier)
    if request.pretrained and depth_multiplier != 1:
        raise request.refusal("depth_multiplier=1 with weights='imagenet'", depth_multiplier)
    shape = sized_shape(request, SIZES)
    x = image = image_input(request, shape)
    x = _convolved(x, int(32 * alpha), "conv1", size=3, stride=2)
    for block, (filters, stride) in enumerate(_BLOCKS, start=1):
        x = _depthwise(x, block, stride, depth_multiplier)
        x = _convolved(x, int(filters * alpha), f"conv_pw_{block}")
    x = _classified(request, x, dropout) if include_top else pooled(request, x)
    size = trained_size(request, shape, SIZES)
    name = name or f"mobilenet_{alpha:0.2f}_{size}"
    return model_of(replace(request, name=name), image, x, _files(alpha, size))


def _files(alpha: float, size: int | None) -> Pretrained:
    stem = f"mobilenet_{_ALPHAS.get(alpha)}_{size}_tf"
    return Pretrained(f"{GOOGLE}mobilenet/", f"{stem}.h5", f"{stem}_no_top.h5")


def _norm_relu(x: Symbol, name: str) -> Symbol:
    return layers.ReLU(6.0, name=f"{name}_relu")(batch_norm(x, f"{name}_bn"))


def _convolved(x: Symbol, filters: int, name: str, size: int = 1, stride: int = 1) -> Symbol:
    conv = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False, name=name)
    return _norm_relu(conv(x), name)


def _depthwise(x: Symbol, block: int, stride: int, depth_multiplier: int) -> Symbol:
    if stride == 2:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{block}")(x)
    conv = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        depth_multiplier=depth_multiplier,
        use_bias=False,
        name=f"conv_dw_{block}",
    )
    return _norm_relu(conv(x), f"conv_dw_{block}")


def _classified(request: Request, x: Symbol, dropout: float) -> Symbol:
    """A classifier that is a 1 x 1 convolution."""
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(request.classes, 1, padding="same", name="conv_preds")(x)
    x = layers.Reshape((request.classes,), name="reshape_2")(x)
    return layers.Activation(request.classifier_activation or "linear", name="predictions")(x)
