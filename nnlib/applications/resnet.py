"""ResNet: blocks that learn what to add to their input.

>>> import nnlib as nn
>>> model = nn.applications.ResNet50(
...     weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg"
... )
>>> model.output_shape
(None, 2048)
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
from nnlib.applications.pixels import centred_bgr as preprocess_input
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

EPSILON = 1.001e-5
_ABOUT = """ResNet with {} layers of weights: convolution, normalisation, then the sum.

Images go through `resnet.preprocess_input`: BGR, less the means of ImageNet.

Source: He et al., "Deep residual learning for image recognition", CVPR 2016, arXiv 1512.03385."""


def stem(x: Symbol) -> Symbol:
    """7 x 7 convolution of stride 2, with the zeros around that PyTorch would put."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    return layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)


def stem_pool(x: Symbol) -> Symbol:
    """Max pooling of stride 2 behind the stem."""
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def _normed_conv(x: Symbol, name: str, filters: int, size: int = 1, stride: int = 1) -> Symbol:
    padding = "same" if size > 1 else "valid"
    conv = layers.Conv2D(filters, size, strides=stride, padding=padding, name=f"{name}_conv")
    return batch_norm(conv(x), f"{name}_bn", epsilon=EPSILON)


def _block(x: Symbol, name: str, filters: int, stride: int, project: bool) -> Symbol:
    """1 x 1, 3 x 3 and 1 x 1 convolutions, added to x or to a projection of x."""
    shortcut = _normed_conv(x, f"{name}_0", 4 * filters, stride=stride) if project else x
    x = relu(_normed_conv(x, f"{name}_1", filters, stride=stride), f"{name}_1_relu")
    x = relu(_normed_conv(x, f"{name}_2", filters, size=3), f"{name}_2_relu")
    x = _normed_conv(x, f"{name}_3", 4 * filters)
    return relu(layers.Add(name=f"{name}_add")([shortcut, x]), f"{name}_out")


def _resnet(depth: int, repeats: tuple[int, ...], *hashes: str) -> Application:
    def network(request: Request, x: Symbol) -> Symbol:
        x = relu(batch_norm(stem(x), "conv1_bn", epsilon=EPSILON), "conv1_relu")
        x = stem_pool(x)
        for stack, count in enumerate(repeats, start=2):
            for block in range(1, count + 1):
                first = block == 1
                stride = 2 if first and stack > 2 else 1
                x = _block(x, f"conv{stack}_block{block}", 2 ** (stack + 4), stride, first)
        return classified(request, x) if request.include_top else pooled(request, x, named=True)

    files = kernel_files("resnet", f"resnet{depth}", *hashes)
    return application(f"ResNet{depth}", network, files, _ABOUT.format(depth))


ResNet50 = _resnet(
    50, (3, 4, 6, 3), "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"
)
ResNet101 = _resnet(
    101, (3, 4, 23, 3), "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"
)
ResNet152 = _resnet(
    152, (3, 8, 36, 3), "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"
)
