"""Losses that compare whole vectors: distributions, and directions."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.registries import losses
from nnlib.core.settings import epsilon
from nnlib.losses.alignment import float_pair
from nnlib.losses.loss import LossFunction


@losses.register("kl_divergence", "kld", "KLD", "kullback_leibler_divergence")
def kl_divergence(y_true: Any, y_pred: Any) -> jax.Array:
    """`sum(y log(y / p))` over the last axis, both clipped to [epsilon, 1].

    >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.5]]).tolist()
    [0.0]
    """
    y_true, y_pred = float_pair("kl_divergence", y_true, y_pred)
    y_true, y_pred = jnp.clip(y_true, epsilon(), 1.0), jnp.clip(y_pred, epsilon(), 1.0)
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@losses.register("cosine_similarity")
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """`-cos(angle)` between the vectors along `axis`: -1 for equal directions, 0 for a zero.

    >>> cosine_similarity([[1.0, 0.0]], [[0.0, 2.0]]).tolist()
    [-0.0]
    """
    y_true, y_pred = float_pair("cosine_similarity", y_true, y_pred)
    return -jnp.sum(_unit(y_true, axis) * _unit(y_pred, axis), axis=axis)


def _unit(x: jax.Array, axis: int) -> jax.Array:
    square = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(square, epsilon() ** 2))


@losses.register("KLDivergence")
class KLDivergence(LossFunction):
    r"""`sum(y log(y / p))` over the last axis: nats lost by taking p for y.

    Args:
        reduction: as in Loss.
        name: for logs.
        dtype: as in Loss.

    Raises:
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> round(float(nn.losses.KLDivergence()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.6931

    Source: Kullback & Leibler, Ann. Math. Statist. 22, 1951.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: Any = None,
    ):
        super().__init__(kl_divergence, reduction, name, dtype)


@losses.register("CosineSimilarity")
class CosineSimilarity(LossFunction):
    r"""`-cos(angle)` between targets and outputs along `axis`: from -1 (equal) to 1 (opposite).

    Args:
        axis: of the vectors.
        reduction: as in Loss.
        name: for logs.
        dtype: as in Loss.

    Raises:
        ShapeError: for targets that do not fit the output.

    >>> import nnlib as nn
    >>> float(nn.losses.CosineSimilarity()([[0.0, 2.0]], [[0.0, 4.0]]))
    -1.0

    Source: Salton, Wong & Yang, Commun. ACM 18, 1975.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
