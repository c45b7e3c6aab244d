"""ResNet V2: residual blocks that normalise first.

>>> import nnlib as nn
>>> model = nn.applications.ResNet50V2(weights=None, include_top=False, input_shape=(32, 32, 3))
>>> model.output_shape
(None, 1, 1, 2048)
"""

from nnlib import layers
from nnlib.applications.blocks import batch_norm, relu
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.network import (
    Application,
    application,
    classified,
    kernel_files,
    pooled,
)
from nnlib.applications.pixels import from_minus_one_to_one as preprocess_input
from nnlib.applications.request import Request
from nnlib.applications.resnet import EPSILON, stem, stem_pool
from nnlib.core.symbol import Symbol

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

_ABOUT = """ResNet V2 with {} layers of weights: normalisation, convolution, then the sum.

Images go through `resnet_v2.preprocess_input`: from -1 to 1.

Source: He et al., "Identity mappings in deep residual networks", ECCV 2016, arXiv 1603.05027."""


def _norm_relu(x: Symbol, name: str) -> Symbol:
    return relu(batch_norm(x, f"{name}_bn", epsilon=EPSILON), f"{name}_relu")


def _block(x: Symbol, name: str, filters: int, stride: int, project: bool) -> Symbol:
    """1 x 1, 3 x 3 and 1 x 1 convolutions on normalised x, added to x itself."""
    before = _norm_relu(x, f"{name}_preact")
    shortcut = x
    if project:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(before)
    elif stride > 1:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before)
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(_norm_relu(x, f"{name}_1"))
    x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(_norm_relu(x, f"{name}_2"))
    return layers.Add(name=f"{name}_out")([shortcut, x])


def _resnet(depth: int, repeats: tuple[int, ...], *hashes: str) -> Application:
    def network(request: Request, x: Symbol) -> Symbol:
        x = stem_pool(stem(x))
        for stack, count in enumerate(repeats, start=2):
            for block in range(1, count + 1):
                stride = 2 if block == count and stack < 5 else 1
                name = f"conv{stack}_block{block}"
                x = _block(x, name, 2 ** (stack + 4), stride, project=block == 1)
        x = _norm_relu(x, "post")
        return classified(request, x) if request.include_top else pooled(request, x, named=True)

    files = kernel_files("resnet", f"resnet{depth}v2", *hashes)
    return application(f"ResNet{depth}V2", network, files, _ABOUT.format(depth))


ResNet50V2 = _resnet(
    50, (3, 4, 6, 3), "3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"
)
ResNet101V2 = _resnet(
    101, (3, 4, 23, 3), "6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"
)
ResNet152V2 = _resnet(
    152, (3, 8, 36, 3), "a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"
)
