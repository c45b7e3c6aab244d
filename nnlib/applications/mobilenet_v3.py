"""MobileNet V3: inverted residual blocks that weigh their channels.

>>> import nnlib as nn
>>> model = nn.applications.MobileNetV3Small(
...     weights=None, include_top=False, input_shape=(32, 32, 3), minimalistic=True
... )
>>> model.output_shape
(None, 1, 1, 576)
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nnlib import layers
from nnlib.applications.blocks import batch_norm, channels, divisible, pad_for_stride_two
from nnlib.applications.image_input import image_input, image_shape, size_of
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.network import GOOGLE, Pretrained, documented, model_of, pooled
from nnlib.applications.pixels import unchanged as preprocess_input
from nnlib.applications.request import Request
from nnlib.applications.scaled import check_alpha
from nnlib.core.symbol import Symbol
from nnlib.models import Model

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

_HASHES = {
    "large_224_0.75_float": (
        "765b44a33ad4005b3ac83185abf1d0eb",
        "40af19a13ebea4e2ee0c676887f69a2e",
    ),
    "large_224_1.0_float": (
        "59e551e166be033d707958cf9e29a6a7",
        "07fb09a5933dd0c8eaafa16978110389",
    ),
    "large_minimalistic_224_1.0_float": (
        "675e7b876c45c57e9e63e6d90a36599c",
        "ec5221f64a2f6d1ef965a614bdae7973",
    ),
    "small_224_0.75_float": (
        "cb65d4e5be93758266aa0a7f2c6708b7",
        "ebdb5cc8e0b497cd13a7c275d475c819",
    ),
    "small_224_1.0_float": (
        "8768d4c2e7dee89b9d02b2d03d65d862",
        "d3e8ec802a04aa4fc771ee12a9a9b836",
    ),
    "small_minimalistic_224_1.0_float": (
        "99cd97fb2fcdad2bf028eb838de69e37",
        "cde8136e733e811080d9fcd8a252f7e4",
    ),
}
_ABOUT = """MobileNet V3, {}, `alpha` times as wide as in the paper.

Images have pixels from 0 to 255: the network begins with a rescaling to -1 to 1, unless
`include_preprocessing=False`. Besides the arguments below: `alpha` scales the number of filters,
`minimalistic` leaves out what is slow on some devices (windows of 5 x 5, hard swish, squeeze and
excitation), and `dropout_rate` is the share dropped in front of the classifier. Official weights
exist for alpha 0.75 and 1; minimalistic for 1. With the classifier, too, input_shape=None means
images of any size.

Source: Howard et al., "Searching for MobileNetV3", ICCV 2019, arXiv 1905.02244."""


@dataclass(frozen=True)
class _Block:
    """One row of the paper's tables; `wide` and `swish` hold unless the network is minimalistic."""

    expansion: float
    filters: int
    stride: int
    wide: bool = False
    excite: bool = False
    swish: bool = False


_SMALL = (
    _Block(1, 16, 2, excite=True),
    _Block(72 / 16, 24, 2),
    _Block(88 / 24, 24, 1),
    _Block(4, 40, 2, wide=True, excite=True, swish=True),
    *2 * (_Block(6, 40, 1, wide=True, excite=True, swish=True),),
    *2 * (_Block(3, 48, 1, wide=True, excite=True, swish=True),),
    _Block(6, 96, 2, wide=True, excite=True, swish=True),
    *2 * (_Block(6, 96, 1, wide=True, excite=True, swish=True),),
)
_LARGE = (
    _Block(1, 16, 1),
    _Block(4, 24, 2),
    _Block(3, 24, 1),
    _Block(3, 40, 2, wide=True, excite=True),
    *2 * (_Block(3, 40, 1, wide=True, excite=True),),
    _Block(6, 80, 2, swish=True),
    _Block(2.5, 80, 1, swish=True),
    *2 * (_Block(2.3, 80, 1, swish=True),),
    *2 * (_Block(6, 112, 1, excite=True, swish=True),),
    _Block(6, 160, 2, wide=True, excite=True, swish=True),
    *2 * (_Block(6, 160, 1, wide=True, excite=True, swish=True),),
)


def _mobilenet(kind: str, blocks: tuple[_Block, ...], last_filters: int) -> Callable[..., Model]:
    title = f"MobileNetV3{kind}"

    def build(
        input_shape: Any = None,
        alpha: float = 1.0,
        minimalistic: bool = False,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        classes: int = 1000,
        pooling: str | None = None,
        dropout_rate: float = 0.2,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str | None = title,
    ) -> Model:
        request = Request(
            title,
            include_top,
            weights,
            input_tensor,
            input_shape,
            pooling,
            classes,
            classifier_activation,
            name,
        )
        check_alpha(request, alpha, (1.0,) if minimalistic else (0.75, 1.0))
        image = image_input(request, image_shape(request, fixed_size=False))
        _warn_of_size(request, image)
        activation = _relu if minimalistic else _hard_swish
        x = layers.Rescaling(1 / 127.5, offset=-1.0)(image) if include_preprocessing else image
        x = activation(_convolved(x, 16, "conv", size=3, stride=2))
        for index, block in enumerate(blocks):
            x = _residual(x, index, block, alpha, minimalistic)
        x = activation(_convolved(x, divisible(6 * channels(x)), "conv_1"))
        if include_top:
            width = divisible(last_filters * alpha) if alpha > 1 else last_filters
            x = _classified(request, x, width, activation, dropout_rate)
        else:
            x = pooled(request, x, named=True)
        variant = (
            f"{kind.lower()}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}_float"
        )
        return model_of(request, image, x, _files(variant))

    build.__name__ = build.__qualname__ = title
    return documented(build, _ABOUT.format(kind.lower()))


def _files(variant: str) -> Pretrained:
    stem, hashes = f"weights_mobilenet_v3_{variant}", _HASHES.get(variant, (None, None))
    return Pretrained(f"{GOOGLE}mobilenet_v3/", f"{stem}.h5", f"{stem}_no_top_v2.h5", hashes)


def _warn_of_size(request: Request, image: Symbol) -> None:
    if request.pretrained and set(size_of(image.shape[1:])) != {224}:
        warnings.warn(
            f"{request.place}: the weights are those for images of 224 x 224 pixels, got "
            f"input_shape={request.input_shape}.",
            stacklevel=3,
        )


def _relu(x: Symbol) -> Symbol:
    return layers.ReLU()(x)


def _hard_swish(x: Symbol) -> Symbol:
    return layers.Activation("hard_swish")(x)


def _norm(x: Symbol, name: str) -> Symbol:
    return batch_norm(x, name, epsilon=1e-3, momentum=0.999)


def _convolved(x: Symbol, filters: int, name: str, size: int = 1, stride: int = 1) -> Symbol:
    conv = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False, name=name)
    return _norm(conv(x), f"{name}_bn")


def _residual(x: Symbol, index: int, block: _Block, alpha: float, minimalistic: bool) -> Symbol:
    """Expansion, depthwise convolution, excitation, projection; the sum if it fits.

    The first block does not expand.
    """
    prefix = f"expanded_conv_{index}_" if index else "expanded_conv_"
    activation = _hard_swish if block.swish and not minimalistic else _relu
    kernel = 5 if block.wide and not minimalistic else 3
    filters, inputs = divisible(block.filters * alpha), x
    expanded = divisible(channels(x) * block.expansion)
    if index:
        x = activation(_convolved(x, expanded, f"{prefix}expand"))
    if block.stride == 2:
        x = pad_for_stride_two(x, kernel, f"{prefix}depthwise_pad")
    x = layers.DepthwiseConv2D(
        kernel,
        strides=block.stride,
        padding="same" if block.stride == 1 else "valid",
        use_bias=False,
        name=f"{prefix}depthwise",
    )(x)
    x = activation(_norm(x, f"{prefix}depthwise_bn"))
    if block.excite and not minimalistic:
        x = _excited(x, expanded, f"{prefix}squeeze_excite")
    x = _convolved(x, filters, f"{prefix}project")
    if block.stride == 1 and channels(inputs) == filters:
        return layers.Add(name=f"{prefix}add")([inputs, x])
    return x


def _excited(x: Symbol, filters: int, name: str) -> Symbol:
    """X with each channel weighed by what is in all of them."""
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    squeezed = layers.Conv2D(divisible(filters / 4), 1, padding="same", name=f"{name}_conv")(mean)
    squeezed = layers.ReLU(name=f"{name}_relu")(squeezed)
    weights: Any = layers.Conv2D(filters, 1, padding="same", name=f"{name}_conv_1")(squeezed)
    weights = layers.ReLU(6.0)(weights + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{name}_mul")([x, weights])


def _classified(
    request: Request,
    x: Symbol,
    width: int,
    activation: Callable[[Symbol], Symbol],
    dropout_rate: float,
) -> Symbol:
    """A classifier of two 1 x 1 convolutions."""
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = activation(layers.Conv2D(width, 1, padding="same", name="conv_2")(x))
    if dropout_rate > 0:
        x = layers.Dropout(dropout_rate)(x)
    x = layers.Conv2D(request.classes, 1, padding="same", name="logits")(x)
    x = layers.Flatten()(x)
    return layers.Activation(request.classifier_activation or "linear", name="predictions")(x)


MobileNetV3Small = _mobilenet("Small", _SMALL, 1024)
MobileNetV3Large = _mobilenet("Large", _LARGE, 1280)
