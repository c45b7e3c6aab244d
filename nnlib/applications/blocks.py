"""Small pieces that the networks are put together from."""

from collections import Counter
from typing import Any

from nnlib import layers
from nnlib.core.layer import Layer
from nnlib.core.naming import snake_case
from nnlib.core.settings import image_data_format
from nnlib.core.symbol import Symbol


def channel_axis() -> int:
    """The axis of the channels in the global data format."""
    return 1 if image_data_format() == "channels_first" else -1


def channels(x: Symbol) -> Any:
    """The number of channels of feature maps."""
    return x.shape[channel_axis()]


def batch_norm(x: Symbol, name: str | None = None, **arguments: Any) -> Symbol:
    """BatchNormalization over the channels."""
    return layers.BatchNormalization(axis=channel_axis(), name=name, **arguments)(x)


def relu(x: Symbol, name: str | None = None) -> Symbol:
    """max(x, 0), as a layer of its own."""
    return layers.Activation("relu", name=name)(x)


def concatenate(parts: list[Symbol], name: str | None = None) -> Symbol:
    """Feature maps behind one another."""
    return layers.Concatenate(axis=channel_axis(), name=name)(parts)


def divisible(channels: float, divisor: int = 8) -> int:
    """`channels` to the nearest multiple of `divisor` that is not more than a tenth below it."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def pad_for_stride_two(x: Symbol, kernel_size: int, name: str) -> Symbol:
    """Zeros around x such that a valid window of stride 2 sees what a "same" one would.

    An even size gets one row of zeros less in front than behind, as TensorFlow pads.
    """
    axes = (2, 3) if channel_axis() == 1 else (1, 2)
    half = kernel_size // 2
    even = [(x.shape[axis] or 0) % 2 == 0 for axis in axes]  # what is not known counts as even
    return layers.ZeroPadding2D(tuple((half - one, half) for one in even), name=name)(x)


class Numbering:
    """Names of layers by class and number, in the order in which they are made.

    Models number layers in the order in which they run, which is another one where branches are.
    """

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()

    def __call__(self, layer: Layer) -> Any:
        """The layer; if it has no name, with one for models that find it free."""
        if layer.explicit_name is not None:
            return layer
        base = snake_case(type(layer).__name__)
        number = self._made[base]
        self._made[base] += 1
        layer._core.assigned_name = f"{base}_{number}" if number else base
        return layer
