"""RandomShear: images slanted."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.preprocessing.arguments import bounded_range
from nnlib.layers.preprocessing.moving_layer import MovingLayer, matrix_of


class RandomShear(MovingLayer):
    """Each image slanted at random while training: a pixel for each `1 / factor` rows or columns.

    Args:
        x_factor: columns that a row moves against the one above, from 0 to 1. A number f draws from
            -f to f; two numbers give the range of the size, and the side is left to chance, the
            same for x and y.
        y_factor: rows that a column moves against the one to its left, likewise.
        interpolation: between pixels: "bilinear" or "nearest".
        fill_mode: outside of the image: "reflect" (d c b a | a b c d | d c b a), "wrap"
            (a b c d | a b c d | a b c d), "constant" or "nearest" (a a a a | a b c d | d d d d).
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first"; None for the global setting.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, height, width, channels), or without the batch.

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.RandomShear((1.0, 1.0), fill_mode="wrap")(jnp.eye(3)[..., None]).shape
    (3, 3, 1)
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.x_factor = bounded_range("RandomShear", "x_factor", _size(x_factor), 0, 1)
        self.y_factor = bounded_range("RandomShear", "y_factor", _size(y_factor), 0, 1)

    def get_config(self) -> dict[str, Any]:
        """The arguments, as Keras takes them."""
        config = super().get_config()
        return config | {name: _size(config[name]) for name in ("x_factor", "y_factor")}

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        for_side, for_size = jax.random.split(key)
        low, high = zip(self.x_factor, self.y_factor, strict=True)
        count = images.shape[0]
        side = jax.random.rademacher(for_side, (count, 1), "float32")
        size = jax.random.uniform(
            for_size, (count, 2), "float32", jnp.array([low]), jnp.array([high])
        )
        return {"shear_factor": side * size}

    def matrix(self, drawn: dict[str, Any], height: Any, width: Any) -> jax.Array:
        x, y = drawn["shear_factor"][:, 0], drawn["shear_factor"][:, 1]
        return matrix_of((1, x, 0), (y, 1, 0))


def _size(factor: Any) -> Any:
    """The number f of (-f, f), which Keras writes into configs but does not take."""
    both = isinstance(factor, tuple | list) and len(factor) == 2
    return factor[1] if both and factor[0] == -factor[1] else factor
