"""EfficientNet V2: faster to train, with whole convolutions in the first blocks.

>>> import nnlib as nn
>>> model = nn.applications.EfficientNetV2B0(
...     weights=None, include_top=False, input_shape=(32, 32, 3)
... )
>>> model.output_shape
(None, 1, 1, 1280)
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from nnlib import layers
from nnlib.applications.blocks import batch_norm, channel_axis, channels
from nnlib.applications.image_input import image_input, image_shape
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.mbconv import added, conv_start, convolved, ended, excited, swish
from nnlib.applications.network import GOOGLE, Pretrained, documented, model_of
from nnlib.applications.pixels import unchanged as preprocess_input
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol
from nnlib.models import Model

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]

DROP_CONNECT = 0.2
"""How often the last block is left out while training; those before it less often."""


class _Stage(NamedTuple):
    """Blocks of one kind; those that are not fused weigh their channels."""

    repeats: int
    filters: int
    expansion: int
    stride: int
    fused: bool = False


_STAGES = {
    "B": (
        _Stage(1, 16, 1, 1, fused=True),
        _Stage(2, 32, 4, 2, fused=True),
        _Stage(2, 48, 4, 2, fused=True),
        _Stage(3, 96, 4, 2),
        _Stage(5, 112, 6, 1),
        _Stage(8, 192, 6, 2),
    ),
    "S": (
        _Stage(2, 24, 1, 1, fused=True),
        _Stage(4, 48, 4, 2, fused=True),
        _Stage(4, 64, 4, 2, fused=True),
        _Stage(6, 128, 4, 2),
        _Stage(9, 160, 6, 1),
        _Stage(15, 256, 6, 2),
    ),
    "M": (
        _Stage(3, 24, 1, 1, fused=True),
        _Stage(5, 48, 4, 2, fused=True),
        _Stage(5, 80, 4, 2, fused=True),
        _Stage(7, 160, 4, 2),
        _Stage(14, 176, 6, 1),
        _Stage(18, 304, 6, 2),
        _Stage(5, 512, 6, 1),
    ),
    "L": (
        _Stage(4, 32, 1, 1, fused=True),
        _Stage(7, 64, 4, 2, fused=True),
        _Stage(7, 96, 4, 2, fused=True),
        _Stage(10, 192, 4, 2),
        _Stage(19, 224, 6, 1),
        _Stage(25, 384, 6, 2),
        _Stage(7, 640, 6, 1),
    ),
}
_STEMS = {"B": 32, "S": 24, "M": 24, "L": 32}
"""Filters of the first convolution."""

_HASHES = {
    "B0": ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
    "B1": ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
    "B2": ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
    "B3": ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
    "S": ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
    "M": ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
    "L": ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
}
_ABOUT = """EfficientNet V2 {}.

Images have pixels from 0 to 255: the network begins with its own rescaling, unless
`include_preprocessing=False`.

Source: Tan & Le, "EfficientNetV2: smaller models and faster training", ICML 2021,
arXiv 2104.00298."""


def _rounded(filters: int, width: float) -> int:
    """The nearest multiple of 8."""
    return max(8, int(filters * width + 4) // 8 * 8)


def _normalised(x: Symbol, variant: str) -> Symbol:
    if not variant.startswith("B") or channels(x) != 3:
        return layers.Rescaling(1 / 128, offset=-1)(x)
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    variance = [value**2 for value in deviation]
    normalization = layers.Normalization(axis=channel_axis(), mean=mean, variance=variance)
    return normalization(layers.Rescaling(1 / 255)(x))


def _norm(x: Symbol, name: str) -> Symbol:
    return batch_norm(x, name, momentum=0.9)


def _expanded(x: Symbol, prefix: str, filters: int, size: int, stride: int) -> Symbol:
    x = convolved(x, filters, size, f"{prefix}expand_conv", strides=stride)
    return swish(_norm(x, f"{prefix}expand_bn"), f"{prefix}expand_activation")


def _separate(x: Symbol, prefix: str, stage: _Stage, filters: int, stride: int) -> Symbol:
    """Expansion, depthwise convolution, excitation and projection."""
    before = channels(x)
    x = _expanded(x, prefix, before * stage.expansion, 1, 1)
    x = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=conv_start(),
        name=f"{prefix}dwconv2",
    )(x)
    x = swish(_norm(x, f"{prefix}bn"), f"{prefix}activation")
    x = excited(x, max(1, before // 4), prefix)
    return _norm(convolved(x, filters, 1, f"{prefix}project_conv"), f"{prefix}project_bn")


def _fused(x: Symbol, prefix: str, stage: _Stage, filters: int, stride: int) -> Symbol:
    """One convolution instead of expansion and depthwise convolution, and projection."""
    if stage.expansion == 1:
        x = convolved(x, filters, 3, f"{prefix}project_conv", strides=stride)
        return swish(_norm(x, f"{prefix}project_bn"), f"{prefix}project_activation")
    x = _expanded(x, prefix, channels(x) * stage.expansion, 3, stride)
    return _norm(convolved(x, filters, 1, f"{prefix}project_conv"), f"{prefix}project_bn")


def _blocks(x: Symbol, stages: tuple[_Stage, ...], width: float, depth: float) -> Symbol:
    total, done = sum(stage.repeats for stage in stages), 0
    for number, stage in enumerate(stages, start=1):
        block, filters = _fused if stage.fused else _separate, _rounded(stage.filters, width)
        for index in range(math.ceil(depth * stage.repeats)):
            inputs, prefix = x, f"block{number}{chr(ord('a') + index)}_"
            stride = stage.stride if index == 0 else 1
            x = block(x, prefix, stage, filters, stride)
            if stride == 1 and channels(inputs) == filters:
                x = added(x, inputs, DROP_CONNECT * done / total, prefix)
            done += 1
    return x


def _efficientnet(variant: str, width: float, depth: float, size: int) -> Callable[..., Model]:
    title, kind = f"EfficientNetV2{variant}", variant[0]
    stem = f"efficientnetv2-{variant.lower()}"
    files = Pretrained(
        f"{GOOGLE}efficientnet_v2/", f"{stem}.h5", f"{stem}_notop.h5", _HASHES[variant]
    )

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str | None = stem,
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
            default_size=size,
        )
        image = image_input(request, image_shape(request, fixed_size=bool(include_top)))
        x = _normalised(image, variant) if include_preprocessing else image
        x = convolved(x, _rounded(_STEMS[kind], width), 3, "stem_conv", strides=2)
        x = swish(_norm(x, "stem_bn"), "stem_activation")
        x = _blocks(x, _STAGES[kind], width, depth)
        x = _norm(convolved(x, _rounded(1280, width), 1, "top_conv"), "top_bn")
        x = ended(request, swish(x, "top_activation"), dropout=0.2)
        return model_of(request, image, x, files)

    build.__name__ = build.__qualname__ = title
    return documented(build, _ABOUT.format(variant), (size, 32))


EfficientNetV2B0 = _efficientnet("B0", 1.0, 1.0, 224)
EfficientNetV2B1 = _efficientnet("B1", 1.0, 1.1, 240)
EfficientNetV2B2 = _efficientnet("B2", 1.1, 1.2, 260)
EfficientNetV2B3 = _efficientnet("B3", 1.2, 1.4, 300)
EfficientNetV2S = _efficientnet("S", 1.0, 1.0, 384)
EfficientNetV2M = _efficientnet("M", 1.0, 1.0, 480)
EfficientNetV2L = _efficientnet("L", 1.0, 1.0, 480)
