"""RandomZoom: images made larger or smaller."""

from typing import Any

import jax

from nnlib.core.errors import ArgumentError
from nnlib.layers.preprocessing.arguments import Range, bounded_range
from nnlib.layers.preprocessing.moving_layer import MovingLayer, matrix_of, middle


class RandomZoom(MovingLayer):
    """Each image seen through a window that is larger or smaller by chance, while training.

    Args:
        height_factor: how much higher the window is than the image, above -1: positive zooms out,
            negative in. A number f draws from -f to f, two numbers from the first to the second.
        width_factor: likewise; the height's draw if None, which keeps the aspect ratio.
        fill_mode: outside of the image: "reflect" (d c b a | a b c d | d c b a), "wrap"
            (a b c d | a b c d | a b c d), "constant" or "nearest" (a a a a | a b c d | d d d d).
        interpolation: between pixels: "bilinear" or "nearest".
        seed: an integer mixed into the key of the call; draws still differ from step to step.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> zoom = nn.layers.RandomZoom((1.0, 1.0), fill_mode="constant")
    >>> zoom(jnp.ones((4, 4, 1)))[..., 0].sum(0).tolist()
    [0.0, 2.0, 2.0, 0.0]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.height_factor = _zoom_range("height_factor", height_factor)
        self.width_factor = (
            None if width_factor is None else _zoom_range("width_factor", width_factor)
        )

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        for_height, for_width = jax.random.split(key)
        height = _zooms(for_height, images.shape[0], self.height_factor)
        width = self.width_factor and _zooms(for_width, images.shape[0], self.width_factor)
        return {"height_zoom": height, "width_zoom": height if width is None else width}

    def matrix(self, drawn: dict[str, Any], height: Any, width: Any) -> jax.Array:
        x, y = drawn["width_zoom"][:, 0], drawn["height_zoom"][:, 0]
        return matrix_of((x, 0, middle(width) * (1 - x)), (0, y, middle(height) * (1 - y)))


def _zoom_range(name: str, value: Any) -> Range:
    ends = value if isinstance(value, tuple | list) else (value,)
    if -1 in ends:
        raise ArgumentError(f"RandomZoom: expected {name} to be above -1, got {value!r}.")
    return bounded_range("RandomZoom", name, value, -1, 1)


def _zooms(key: Any, count: Any, factor: Range) -> jax.Array:
    return jax.random.uniform(key, (count, 1), "float32", 1 + factor[0], 1 + factor[1])
