"""All spatial axes reduced to their maximum or mean."""

import jax
import jax.numpy as jnp

from nnlib.ops.convolution import spatial_axes


def global_average_pool(
    x: jax.Array,
    data_format: str = "channels_last",
    keepdims: bool = False,
    mask: jax.Array | None = None,
) -> jax.Array:
    """The mean over all spatial axes, or over the places where `mask` is True.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        data_format: "channels_last" or "channels_first".
        keepdims: whether the spatial axes stay, with size 1.
        mask: (batch, *spatial), or None. A row where it is False everywhere gives zeros.

    Returns:
        (batch, channels), or x's axes with spatial sizes of 1.

    >>> import jax.numpy as jnp
    >>> global_average_pool(jnp.ones((2, 4, 4, 3))).shape
    (2, 3)
    >>> steps, mask = jnp.array([[[1.0], [2.0], [9.0]]]), jnp.array([[True, True, False]])
    >>> global_average_pool(steps, mask=mask).tolist()
    [[1.5]]

    Source: Lin et al., "Network in network", ICLR 2014.
    """
    axes = spatial_axes(x.ndim, data_format)
    if mask is None:
        return jnp.mean(x, axis=axes, keepdims=keepdims)
    mask = jnp.expand_dims(mask.astype(bool), 1 if data_format == "channels_first" else -1)
    total = jnp.sum(x, axis=axes, keepdims=keepdims, where=mask)
    count = jnp.maximum(jnp.sum(mask, axis=axes, keepdims=keepdims), 1)
    return total / count.astype(total.dtype)


def global_max_pool(
    x: jax.Array, data_format: str = "channels_last", keepdims: bool = False
) -> jax.Array:
    """The largest element over all spatial axes.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for "channels_first".
        data_format: "channels_last" or "channels_first".
        keepdims: whether the spatial axes stay, with size 1.

    Returns:
        (batch, channels), or x's axes with spatial sizes of 1.

    >>> import jax.numpy as jnp
    >>> global_max_pool(jnp.arange(4.0).reshape(1, 2, 2, 1)).tolist()
    [[3.0]]
    """
    return jnp.max(x, axis=spatial_axes(x.ndim, data_format), keepdims=keepdims)
