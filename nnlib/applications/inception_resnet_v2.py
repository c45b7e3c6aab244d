"""Inception-ResNet V2: Inception blocks that are added to their input.

>>> import nnlib as nn
>>> nn.applications.InceptionResNetV2(weights=None, classes=10).count_params()
54352106
"""

from typing import Any

import jax

from nnlib import layers
from nnlib.applications.blocks import batch_norm, channels, concatenate, relu
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.inception import Branches, Inception
from nnlib.applications.network import application, classified, kernel_files, pooled
from nnlib.applications.pixels import from_minus_one_to_one as preprocess_input
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

_ABOUT = """Inception-ResNet V2.

Images go through `inception_resnet_v2.preprocess_input`: from -1 to 1.

Source: Szegedy et al., "Inception-v4, Inception-ResNet and the impact of residual connections on
learning", AAAI 2017, arXiv 1602.07261."""

_BLOCKS: dict[str, Branches] = {
    "block35": [[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (48, 3), (64, 3)]],
    "block17": [[(192, 1)], [(128, 1), (160, (1, 7)), (192, (7, 1))]],
    "block8": [[(192, 1)], [(192, 1), (224, (1, 3)), (256, (3, 1))]],
}
"""The branches of each kind of residual block."""


class CustomScaleLayer(layers.Layer):
    """`inputs[0] + scale * inputs[1]`, under the name that Keras has for it.

    Args:
        scale: of what is added.

    >>> import numpy as np
    >>> CustomScaleLayer(0.5)([np.array([1.0]), np.array([4.0])]).tolist()
    [3.0]
    """

    def __init__(self, scale: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: list[jax.Array]) -> jax.Array:
        """The sum."""
        return inputs[0] + inputs[1] * self.scale


def _residual(
    net: Inception, x: Symbol, kind: str, index: int, scale: float, activate: bool = True
) -> Symbol:
    """Branches, projected to the channels of x, scaled and added to x."""
    name = f"{kind}_{index}"
    mixed = concatenate([net.convs(x, *branch) for branch in _BLOCKS[kind]], f"{name}_mixed")
    added = layers.Conv2D(channels(x), 1, padding="same", name=f"{name}_conv")(mixed)
    x = CustomScaleLayer(scale)([x, added])
    return relu(x, f"{name}_ac") if activate else x


def _network(request: Request, x: Symbol) -> Symbol:
    net = Inception()
    double = [(64, 1), (96, 3), (96, 3)]
    x = net.same_size(net.stem(x), "mixed_5b", 64, [[(96, 1)], [(48, 1), (64, 5)], double])
    for index in range(1, 11):
        x = _residual(net, x, "block35", index, 0.17)
    x = net.half_size(x, "mixed_6a", [[(384, 3)], [(256, 1), (256, 3), (384, 3)]])
    for index in range(1, 21):
        x = _residual(net, x, "block17", index, 0.1)
    short = [(256, 1), (288, 3)]
    x = net.half_size(x, "mixed_7a", [[(256, 1), (384, 3)], short, [*short, (320, 3)]])
    for index in range(1, 10):
        x = _residual(net, x, "block8", index, 0.2)
    x = _residual(net, x, "block8", 10, 1.0, activate=False)
    x = layers.Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")(x)
    x = relu(batch_norm(x, "conv_7b_bn", scale=False), "conv_7b_ac")
    return classified(request, x) if request.include_top else pooled(request, x)


_FILES = kernel_files(
    "inception_resnet_v2",
    "inception_resnet_v2",
    "e693bd0210a403b3192acc6073ad2e96",
    "d19885ff4a710c122648d3b5c3b684e4",
)
InceptionResNetV2 = application(
    "InceptionResNetV2", _network, _FILES, _ABOUT, name="inception_resnet_v2", sizes=(299, 75)
)
