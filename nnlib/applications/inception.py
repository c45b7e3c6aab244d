"""What the Inception networks share: branches side by side."""

from collections.abc import Sequence
from typing import Any

from nnlib import layers
from nnlib.applications.blocks import Numbering, channel_axis, concatenate
from nnlib.core.symbol import Symbol

Conv = tuple[int, Any]
"""Filters and window of a convolution."""

Branches = Sequence[Sequence[Conv]]
"""Convolutions one behind the other, several times."""


class Inception:
    """The blocks, with layers numbered as they are made."""

    def __init__(self) -> None:
        self.number = Numbering()

    def conv(self, x: Symbol, filters: int, size: Any, stride: int = 1, pad: bool = True) -> Symbol:
        """Convolution, normalisation and ReLU."""
        padding = "same" if pad else "valid"
        conv = layers.Conv2D(filters, size, strides=stride, padding=padding, use_bias=False)
        norm = layers.BatchNormalization(axis=channel_axis(), scale=False)
        x = self.number(norm)(self.number(conv)(x))
        return self.number(layers.Activation("relu"))(x)

    def convs(self, x: Symbol, *convs: Conv, halve: bool = False) -> Symbol:
        """Convolutions one behind the other, the last of stride 2 without padding if `halve`."""
        for index, (filters, size) in enumerate(convs, start=1):
            last = halve and index == len(convs)
            x = self.conv(x, filters, size, stride=2 if last else 1, pad=not last)
        return x

    def max_pool(self, x: Symbol) -> Symbol:
        """The largest of 3 x 3, at every other place."""
        return self.number(layers.MaxPooling2D(3, strides=2))(x)

    def mean_branch(self, x: Symbol, filters: int) -> Symbol:
        """The mean of 3 x 3 at each place, projected."""
        mean = self.number(layers.AveragePooling2D(3, strides=1, padding="same"))
        return self.conv(mean(x), filters, 1)

    def same_size(self, x: Symbol, name: str, mean: int, branches: Branches) -> Symbol:
        """Branches of convolutions and one of means side by side."""
        parts = [self.convs(x, *branch) for branch in branches]
        return concatenate([*parts, self.mean_branch(x, mean)], name)

    def half_size(self, x: Symbol, name: str, branches: Branches) -> Symbol:
        """Branches of convolutions that end with stride 2, and max pooling."""
        parts = [self.convs(x, *branch, halve=True) for branch in branches]
        return concatenate([*parts, self.max_pool(x)], name)

    def stem(self, x: Symbol) -> Symbol:
        """From 299 x 299 to 35 x 35."""
        x = self.conv(x, 32, 3, stride=2, pad=False)
        x = self.conv(x, 32, 3, pad=False)
        x = self.max_pool(self.conv(x, 64, 3))
        x = self.conv(x, 80, 1, pad=False)
        return self.max_pool(self.conv(x, 192, 3, pad=False))
