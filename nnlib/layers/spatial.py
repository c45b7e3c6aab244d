"""What layers over images, volumes and sequences share: the axis order, and windows that fit."""

from collections.abc import Sequence
from typing import Any

from nnlib.core import settings
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import concrete_dims
from nnlib.layers.checks import count, int_tuple, one_of, place_of
from nnlib.ops.convolution import spatial_axes, window_reach


def checked_data_format(layer: str, value: Any) -> str:
    """The axis order; the one of `set_image_data_format` if None."""
    value = settings.image_data_format() if value is None else value
    return one_of(layer, "data_format", value, ("channels_last", "channels_first"))


def checked_padding(layer: str, value: Any, allowed: tuple[str, ...] = ("valid", "same")) -> str:
    """The padding in lower case."""
    if not isinstance(value, str):
        raise ArgumentError(f"{layer}: expected padding to be a string, got {value!r}.")
    return one_of(layer, "padding", value.lower(), allowed)


def border_pairs(layer: str, name: str, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """A pair (front, end) for each spatial axis, from one int, one for each axis, or pairs.

    >>> border_pairs("ZeroPadding2D", "padding", (1, (0, 2)), 2)
    ((1, 1), (0, 2))
    """
    if isinstance(value, tuple | list) and rank > 1:
        if len(value) != rank:
            raise ArgumentError(
                f"{layer}: expected {name} to be an integer, {rank} integers or {rank} pairs of "
                f"them, got {value!r}."
            )
        each = value
    else:
        each = (value,) * rank
    return tuple((pair[0], pair[1]) for v in each for pair in [int_tuple(layer, name, v, 2, count)])


class SpatialLayer(Layer):
    """Base of layers over `rank` spatial axes with a `data_format`."""

    rank: int
    data_format: str

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = checked_data_format(type(self).__name__, data_format)

    @property
    def channel_axis(self) -> int:
        """Where the channels are: 1 or -1."""
        return 1 if self.data_format == "channels_first" else -1

    def check_windows(
        self, shape: Sequence[Any], sizes: Sequence[int], dilation: Sequence[int] | int = 1
    ) -> None:
        """Raise a ShapeError if a window without padding is larger than the input."""
        dilations = [dilation] * self.rank if isinstance(dilation, int) else dilation
        known = concrete_dims(shape)
        spatial = [known[axis] for axis in spatial_axes(len(known), self.data_format)]
        reach = tuple(window_reach(k, d) for k, d in zip(sizes, dilations, strict=True))
        if any(n is not None and n < r for n, r in zip(spatial, reach, strict=True)):
            raise ShapeError(
                f"{place_of(self)}: expected inputs of at least {reach} on the spatial axes, "
                f"got shape {known}. Use a smaller window, or padding='same'."
            )

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`, with the data format spelled out."""
        config = super().get_config()
        return config | ({"data_format": self.data_format} if "data_format" in config else {})
