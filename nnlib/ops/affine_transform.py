"""Images seen through a map of their plane: affine and perspective transforms."""

from typing import Any

import jax
import jax.numpy as jnp

_ORDERS = {"nearest": 0, "bilinear": 1}


def affine_transform(
    images: jax.Array,
    matrix: jax.Array,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> jax.Array:
    r"""`out[y, x] = image[m10 * x + m11 * y + m12, m00 * x + m01 * y + m02]`, image by image.

    Args:
        images: (batch, height, width, channels).
        matrix: (batch, 2, 3), from pixels (x, y, 1) of the output to (x, y) of the input.
        interpolation: between pixels: "bilinear" or "nearest".
        fill_mode: outside of the image: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: for "constant".

    Returns:
        images' shape and dtype.

    >>> import jax.numpy as jnp
    >>> shift = jnp.array([[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
    >>> affine_transform(jnp.arange(3.0).reshape(1, 1, 3, 1), shift).ravel().tolist()
    [1.0, 2.0, 0.0]
    """
    y, x = _pixels(images, matrix.dtype)
    entry = matrix[:, :, :, None, None]
    mapped = entry[:, :, 0] * x + entry[:, :, 1] * y + entry[:, :, 2]
    return sample(images, mapped[:, 1], mapped[:, 0], interpolation, fill_mode, fill_value)


def perspective_transform(
    images: jax.Array,
    start_points: jax.Array,
    end_points: jax.Array,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> jax.Array:
    """The images drawn so that what was at each start point is at its end point.

    Args:
        images: (batch, height, width, channels).
        start_points: (batch, 4, 2): four points (x, y) of the image, no three on a line.
        end_points: (batch, 4, 2): where they go.
        interpolation: between pixels: "bilinear" or "nearest".
        fill_value: outside of the image.

    Returns:
        images' shape and dtype.

    >>> import jax.numpy as jnp
    >>> square = jnp.array([[[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]])
    >>> image = jnp.arange(9.0).reshape(1, 3, 3, 1)
    >>> perspective_transform(image, square, square + 1.0).ravel().round().tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 3.0, 4.0]
    """
    matrix = homography(end_points.astype("float32"), start_points.astype("float32"))
    y, x = _pixels(images, matrix.dtype)
    entry = matrix[:, :, :, None, None]
    mapped = entry[:, :, 0] * x + entry[:, :, 1] * y + entry[:, :, 2]
    x, y = mapped[:, 0] / mapped[:, 2], mapped[:, 1] / mapped[:, 2]
    return sample(images, y, x, interpolation, "constant", fill_value)


def homography(start_points: jax.Array, end_points: jax.Array) -> jax.Array:
    """The projective map that takes four points to four others.

    Args:
        start_points: (batch, 4, 2).
        end_points: (batch, 4, 2).

    Returns:
        (batch, 3, 3), with 1 in the last corner.

    >>> import jax.numpy as jnp
    >>> square = jnp.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    >>> homography(square, 2 * square)[0, 0].round(5).tolist()
    [2.0, 0.0, 0.0]

    Source: Hartley & Zisserman, "Multiple View Geometry in Computer Vision", section 4.1.
    """
    x, y = start_points[..., 0], start_points[..., 1]
    u, v = end_points[..., 0], end_points[..., 1]
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    for_u = jnp.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    for_v = jnp.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    system = jnp.concatenate([for_u, for_v], axis=1)
    solved = jnp.linalg.solve(system, jnp.concatenate([u, v], axis=-1)[..., None])[..., 0]
    return jnp.reshape(jnp.concatenate([solved, one[:, :1]], axis=-1), (-1, 3, 3))


def sample(
    images: jax.Array, y: jax.Array, x: jax.Array, interpolation: str, fill_mode: str, fill: float
) -> jax.Array:
    """The images read at (y, x), each (batch, height, width), in pixels."""

    def channel(plane: jax.Array, y: jax.Array, x: jax.Array) -> jax.Array:
        return jax.scipy.ndimage.map_coordinates(
            plane, [y, x], _ORDERS[interpolation], fill_mode, fill
        )

    return jax.vmap(jax.vmap(channel, (-1, None, None), -1))(images, y, x)


def _pixels(images: jax.Array, dtype: Any) -> tuple[jax.Array, jax.Array]:
    """Y and x of every pixel, each (1, 1, height, width)."""
    height, width = images.shape[1:3]
    y, x = jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij")
    return y.astype(dtype)[None, None], x.astype(dtype)[None, None]
