"""Xception: depthwise separable convolutions with shortcuts.

>>> import nnlib as nn
>>> model = nn.applications.Xception(weights=None, include_top=False, input_shape=(71, 71, 3))
>>> model.output_shape
(None, 3, 3, 2048)
"""

from nnlib import layers
from nnlib.applications.blocks import batch_norm, channels, relu
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.network import application, classified, kernel_files, pooled
from nnlib.applications.pixels import from_minus_one_to_one as preprocess_input
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

_ABOUT = """Xception: the Inception idea with separable convolutions alone.

Images go through `xception.preprocess_input`: from -1 to 1.

Source: Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017,
arXiv 1610.02357."""


def _separable(x: Symbol, filters: int, name: str) -> Symbol:
    conv = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)
    return batch_norm(conv(x), f"{name}_bn")


def _half(x: Symbol, block: int, filters: tuple[int, int]) -> Symbol:
    """Two separable convolutions and max pooling, added to a strided projection of x."""
    conv = layers.Conv2D(filters[1], 1, strides=2, padding="same", use_bias=False)
    shortcut = batch_norm(conv(x))
    for number, count in enumerate(filters, start=1):
        name = f"block{block}_sepconv{number}"
        if block > 2 or number > 1:  # what comes into block 2 went through a ReLU already
            x = relu(x, f"{name}_act")
        x = _separable(x, count, name)
    pool = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")
    return layers.Add()([pool(x), shortcut])


def _middle(x: Symbol, block: int) -> Symbol:
    """Three separable convolutions, added to x."""
    shortcut = x
    for number in (1, 2, 3):
        name = f"block{block}_sepconv{number}"
        x = _separable(relu(x, f"{name}_act"), channels(x), name)
    return layers.Add()([x, shortcut])


def _network(request: Request, x: Symbol) -> Symbol:
    for number, (filters, stride) in enumerate([(32, 2), (64, 1)], start=1):
        name = f"block1_conv{number}"
        x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=name)(x)
        x = relu(batch_norm(x, f"{name}_bn"), f"{name}_act")
    for block, filters in enumerate([128, 256, 728], start=2):
        x = _half(x, block, (filters, filters))
    for block in range(5, 13):
        x = _middle(x, block)
    x = _half(x, 13, (728, 1024))
    for number, filters in enumerate([1536, 2048], start=1):
        name = f"block14_sepconv{number}"
        x = relu(_separable(x, filters, name), f"{name}_act")
    return classified(request, x) if request.include_top else pooled(request, x)


_FILES = kernel_files(
    "xception", "xception", "0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"
)
Xception = application("Xception", _network, _FILES, _ABOUT, sizes=(299, 71))
