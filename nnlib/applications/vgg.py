"""VGG: stacks of 3 x 3 convolutions, halved by max pooling."""

from nnlib import layers
from nnlib.applications.network import pooled, predictions
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol

ABOUT = """VGG with {} layers of weights.

Images go through `preprocess_input`: BGR, less the means of ImageNet.

Source: Simonyan & Zisserman, "Very deep convolutional networks for large-scale image recognition",
ICLR 2015, arXiv 1409.1556."""


def vgg(request: Request, x: Symbol, repeats: tuple[int, ...]) -> Symbol:
    """Five blocks of `repeats` convolutions with 64 to 512 filters, and three Dense on top."""
    for block, count in enumerate(repeats, start=1):
        filters = min(64 * 2 ** (block - 1), 512)
        for number in range(1, count + 1):
            name = f"block{block}_conv{number}"
            x = layers.Conv2D(filters, 3, activation="relu", padding="same", name=name)(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if not request.include_top:
        return pooled(request, x)
    x = layers.Flatten(name="flatten")(x)
    for number in (1, 2):
        x = layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
    return predictions(request, x)
