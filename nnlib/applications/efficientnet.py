"""EfficientNet: one network, scaled in width, depth and size of images together.

>>> import nnlib as nn
>>> model = nn.applications.EfficientNetB0(weights=None, include_top=False, input_shape=(32, 32, 3))
>>> model.output_shape
(None, 1, 1, 1280)
"""

import math

from nnlib import layers
from nnlib.applications.blocks import batch_norm, channel_axis, divisible, pad_for_stride_two
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.mbconv import added, conv_start, convolved, ended, excited, swish
from nnlib.applications.network import Application, Pretrained, application
from nnlib.applications.pixels import unchanged as preprocess_input
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]

DROP_CONNECT = 0.2
"""How often the last block is left out while training; those before it less often."""

_STAGES = (
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)
"""Window, number of blocks, filters, expansion, and stride of the first block."""

_HASHES = {
    "B0": ("902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    "B1": ("1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    "B2": ("b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "B3": ("ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    "B4": ("18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "B5": ("ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    "B6": ("165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    "B7": ("8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
}
_ABOUT = """EfficientNet {}: {} times as wide and {} times as deep as B0.

Images have pixels from 0 to 255: the network begins with its own rescaling.

Source: Tan & Le, "EfficientNet: rethinking model scaling for convolutional neural networks",
ICML 2019, arXiv 1905.11946."""


def _normalised(request: Request, x: Symbol) -> Symbol:
    """Pixels of mean 0; the official weights were trained with one more scale for each channel."""
    x = layers.Normalization(axis=channel_axis())(layers.Rescaling(1 / 255)(x))
    if not request.pretrained:
        return x
    return layers.Rescaling([1 / math.sqrt(value) for value in (0.229, 0.224, 0.225)])(x)


def _norm_swish(x: Symbol, norm: str, activation: str) -> Symbol:
    return swish(batch_norm(x, norm), activation)


def _block(x: Symbol, prefix: str, size: int, expanded: int, squeezed: int, stride: int) -> Symbol:
    """Expansion, depthwise convolution and excitation; the first block does not expand."""
    if expanded:
        x = convolved(x, expanded, 1, f"{prefix}expand_conv")
        x = _norm_swish(x, f"{prefix}expand_bn", f"{prefix}expand_activation")
    if stride == 2:
        x = pad_for_stride_two(x, size, f"{prefix}dwconv_pad")
    x = layers.DepthwiseConv2D(
        size,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        use_bias=False,
        depthwise_initializer=conv_start(),
        name=f"{prefix}dwconv",
    )(x)
    return excited(_norm_swish(x, f"{prefix}bn", f"{prefix}activation"), squeezed, prefix)


def _blocks(x: Symbol, width: float, depth: float) -> Symbol:
    repeats = [math.ceil(depth * count) for _, count, *_ in _STAGES]
    before, done = divisible(32 * width), 0
    for stage, (size, _, filters, expansion, first_stride) in enumerate(_STAGES):
        wide = divisible(filters * width)
        for index in range(repeats[stage]):
            inputs, prefix = x, f"block{stage + 1}{chr(ord('a') + index)}_"
            stride = first_stride if index == 0 else 1
            expanded = before * expansion if expansion > 1 else 0
            x = _block(x, prefix, size, expanded, max(1, before // 4), stride)
            x = batch_norm(convolved(x, wide, 1, f"{prefix}project_conv"), f"{prefix}project_bn")
            if stride == 1 and before == wide:
                x = added(x, inputs, DROP_CONNECT * done / sum(repeats), prefix)
            before, done = wide, done + 1
    return x


def _efficientnet(
    variant: str, width: float, depth: float, size: int, dropout: float
) -> Application:
    def network(request: Request, x: Symbol) -> Symbol:
        x = pad_for_stride_two(_normalised(request, x), 3, "stem_conv_pad")
        x = convolved(x, divisible(32 * width), 3, "stem_conv", strides=2, padding="valid")
        x = _blocks(_norm_swish(x, "stem_bn", "stem_activation"), width, depth)
        x = convolved(x, divisible(1280 * width), 1, "top_conv")
        return ended(request, _norm_swish(x, "top_bn", "top_activation"), dropout)

    name = f"efficientnet{variant.lower()}"
    files = Pretrained(
        "https://storage.googleapis.com/keras-applications/",
        f"{name}.h5",
        f"{name}_notop.h5",
        _HASHES[variant],
    )
    about = _ABOUT.format(variant, width, depth)
    return application(f"EfficientNet{variant}", network, files, about, sizes=(size, 32))


EfficientNetB0 = _efficientnet("B0", 1.0, 1.0, 224, 0.2)
EfficientNetB1 = _efficientnet("B1", 1.0, 1.1, 240, 0.2)
EfficientNetB2 = _efficientnet("B2", 1.1, 1.2, 260, 0.3)
EfficientNetB3 = _efficientnet("B3", 1.2, 1.4, 300, 0.3)
EfficientNetB4 = _efficientnet("B4", 1.4, 1.8, 380, 0.4)
EfficientNetB5 = _efficientnet("B5", 1.6, 2.2, 456, 0.4)
EfficientNetB6 = _efficientnet("B6", 1.8, 2.6, 528, 0.5)
EfficientNetB7 = _efficientnet("B7", 2.0, 3.1, 600, 0.5)
