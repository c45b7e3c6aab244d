"""PReLU: a slope below 0 that is learnt."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import check_axis, known_size, positive_int
from nnlib.layers.weight_arguments import keep_weight_arguments, weight_of


class PReLU(Layer):
    """`x` above 0, `alpha * x` below, with an alpha for each element of a row.

    Args:
        alpha_initializer: of alpha, of the input's shape without the batch.
        alpha_regularizer: a penalty on alpha.
        alpha_constraint: a projection of alpha after each update.
        shared_axes: axes along which all elements share one alpha, counted from 1; `(1, 2)` for
            one alpha per channel of an image. Such axes may be of any size.

    Input shape:
        (batch, ...).

    Output shape:
        The input's.

    Raises:
        ShapeError: if a size that is not shared is unknown, or differs from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> layer = nn.layers.PReLU(alpha_initializer=nn.initializers.Constant(0.25))
    >>> layer(jnp.array([[-4.0, 2.0]])).tolist()
    [[-1.0, 2.0]]

    Source: He et al., ICCV 2015.
    """

    supports_masking = True
    alpha: jax.Array

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        keep_weight_arguments(self, "alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        self.shared_axes = None if shared_axes is None else _axes(shared_axes)

    def build(self, x: Any) -> None:
        shared = [check_axis(self, axis, x.ndim) for axis in self.shared_axes or ()]
        own = [axis for axis in range(1, x.ndim) if axis not in shared]
        sizes = {axis: known_size(self, x, axis) for axis in own}
        self.input_spec = InputSpec(ndim=x.ndim, axes=dict(sizes))
        self.alpha = weight_of(self, "alpha", tuple(sizes.get(a, 1) for a in range(1, x.ndim)))

    def call(self, x: jax.Array) -> jax.Array:
        return jnp.maximum(x, 0) - self.alpha[None] * jnp.maximum(-x, 0)


def _axes(value: Any) -> tuple[int, ...]:
    axes = value if isinstance(value, tuple | list) else (value,)
    if not axes:
        raise ArgumentError("PReLU: expected shared_axes to name an axis, got none. Write None.")
    return tuple(positive_int("PReLU", "shared_axes", axis) for axis in axes)
