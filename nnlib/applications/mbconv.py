"""What the EfficientNets share: their beginnings of weights, blocks and classifier."""

from typing import Any

from nnlib import initializers, layers
from nnlib.applications.blocks import channel_axis, channels
from nnlib.applications.network import pooled, predictions
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol


def conv_start() -> Any:
    """The initializer of convolutions: a truncated normal by the number of outputs."""
    return initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")


def convolved(x: Symbol, filters: int, size: int, name: str, **arguments: Any) -> Symbol:
    """A convolution, "same" if not said otherwise, begun as in the paper."""
    arguments = {"padding": "same", "use_bias": False, **arguments}
    return layers.Conv2D(filters, size, kernel_initializer=conv_start(), name=name, **arguments)(x)


def swish(x: Symbol, name: str) -> Symbol:
    """X * sigmoid(x), as a layer of its own."""
    return layers.Activation("swish", name=name)(x)


def excited(x: Symbol, squeezed: int, prefix: str) -> Symbol:
    """X with each channel weighed by what is in all of them (squeeze and excitation)."""
    count = channels(x)
    shape = (count, 1, 1) if channel_axis() == 1 else (1, 1, count)
    weights = layers.GlobalAveragePooling2D(name=f"{prefix}se_squeeze")(x)
    weights = layers.Reshape(shape, name=f"{prefix}se_reshape")(weights)
    ends = [(squeezed, "swish", "se_reduce"), (count, "sigmoid", "se_expand")]
    for filters, activation, name in ends:
        weights = convolved(
            weights, filters, 1, f"{prefix}{name}", activation=activation, use_bias=True
        )
    return layers.Multiply(name=f"{prefix}se_excite")([x, weights])


def added(x: Symbol, inputs: Symbol, drop: float, prefix: str) -> Symbol:
    """X + inputs, where x is dropped for some rows of the batch while training."""
    if drop > 0:
        x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{prefix}drop")(x)
    return layers.Add(name=f"{prefix}add")([x, inputs])


def ended(request: Request, x: Symbol, dropout: float) -> Symbol:
    """The classifier, or the pooling."""
    if not request.include_top:
        return pooled(request, x, named=True)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(dropout, name="top_dropout")(x)
    start = initializers.VarianceScaling(1 / 3, mode="fan_out", distribution="uniform")
    return predictions(request, x, kernel_initializer=start)
