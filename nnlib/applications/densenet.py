"""DenseNet: each layer sees the outputs of all before it.

>>> import nnlib as nn
>>> model = nn.applications.DenseNet121(weights=None, include_top=False, input_shape=(32, 32, 3))
>>> model.output_shape
(None, 1, 1, 1024)
"""

from nnlib import layers
from nnlib.applications.blocks import batch_norm, channels, concatenate, relu
from nnlib.applications.image_input import channels_last_only
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.network import (
    Application,
    application,
    classified,
    kernel_files,
    pooled,
)
from nnlib.applications.pixels import standardised as preprocess_input
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

GROWTH = 32
"""How many feature maps each layer adds."""

_ABOUT = """DenseNet with {} layers of weights, for channels last.

Images go through `densenet.preprocess_input`: mean 0 and deviation 1 over ImageNet.

Source: Huang et al., "Densely connected convolutional networks", CVPR 2017, arXiv 1608.06993."""


def _norm_relu(x: Symbol, norm: str, activation: str) -> Symbol:
    return relu(batch_norm(x, norm, epsilon=1.001e-5), activation)


def _conv(x: Symbol, filters: int, size: int, name: str) -> Symbol:
    padding = "same" if size > 1 else "valid"
    return layers.Conv2D(filters, size, padding=padding, use_bias=False, name=name)(x)


def _layer(x: Symbol, name: str) -> Symbol:
    """X with GROWTH more feature maps."""
    new = _conv(_norm_relu(x, f"{name}_0_bn", f"{name}_0_relu"), 4 * GROWTH, 1, f"{name}_1_conv")
    new = _conv(_norm_relu(new, f"{name}_1_bn", f"{name}_1_relu"), GROWTH, 3, f"{name}_2_conv")
    return concatenate([x, new], f"{name}_concat")


def _transition(x: Symbol, name: str) -> Symbol:
    """Half the feature maps, of half the size."""
    x = _conv(_norm_relu(x, f"{name}_bn", f"{name}_relu"), channels(x) // 2, 1, f"{name}_conv")
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _stem(x: Symbol) -> Symbol:
    x = layers.ZeroPadding2D(3)(x)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = layers.ZeroPadding2D(1)(_norm_relu(x, "conv1_bn", "conv1_relu"))
    return layers.MaxPooling2D(3, strides=2, name="pool1")(x)


def _densenet(repeats: tuple[int, ...], *hashes: str) -> Application:
    depth = 2 * sum(repeats) + 5  # and the stem, three transitions and the classifier

    def network(request: Request, x: Symbol) -> Symbol:
        x = _stem(x)
        for block, count in enumerate(repeats, start=2):
            if block > 2:
                x = _transition(x, f"pool{block - 1}")
            for number in range(1, count + 1):
                x = _layer(x, f"conv{block}_block{number}")
        x = _norm_relu(x, "bn", "relu")
        return classified(request, x) if request.include_top else pooled(request, x, named=True)

    files = kernel_files("densenet", f"densenet{depth}", *hashes)
    title = f"DenseNet{depth}"
    return application(title, network, files, _ABOUT.format(depth), check=channels_last_only)


DenseNet121 = _densenet(
    (6, 12, 24, 16), "9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"
)
DenseNet169 = _densenet(
    (6, 12, 32, 32), "d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"
)
DenseNet201 = _densenet(
    (6, 12, 48, 32), "1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"
)
