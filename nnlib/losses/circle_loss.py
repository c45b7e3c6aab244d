"""Circle loss: embeddings of one class drawn together, those of others apart."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.registries import losses
from nnlib.losses.alignment import across_rows, as_array, as_float
from nnlib.losses.loss import LossFunction
from nnlib.losses.reduction import fill_padding


@losses.register("circle")
@across_rows
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> jax.Array:
    """One value per embedding, from its pairs with all references; see Circle.

    References are the batch itself unless given: `ref_labels` (refs,), `ref_embeddings`
    (refs, size).

    >>> circle([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).round(2).tolist()
    [0.0, 0.0, 0.0]
    """
    return _circle(y_true, y_pred, ref_labels, ref_embeddings, remove_diagonal, gamma, margin)


def _circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any,
    ref_embeddings: Any,
    remove_diagonal: bool,
    gamma: float,
    margin: float,
    ref_mask: jax.Array | None = None,
) -> jax.Array:
    """`circle`, with references left out where `ref_mask` is False."""
    y_pred, labels = as_float("circle", y_pred), as_array("circle", y_true, jnp.int32)
    _check_pair(labels, y_pred, "")
    refs = y_pred if ref_embeddings is None else as_array("circle", ref_embeddings, y_pred.dtype)
    ref_labels = labels if ref_labels is None else as_array("circle", ref_labels, jnp.int32)
    _check_pair(ref_labels, refs, "ref_")
    same = labels.reshape(-1, 1) == ref_labels.reshape(1, -1)
    positive, negative = same, ~same
    if remove_diagonal:
        positive = positive & ~jnp.eye(same.shape[0], same.shape[1], dtype=bool)
    if ref_mask is not None:
        positive, negative = positive & ref_mask[None], negative & ref_mask[None]
    distance = jnp.maximum(1.0 - y_pred @ refs.T, 0.0)
    near = -gamma * (margin + distance) * (margin - distance)
    far = gamma * jnp.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    return _softplus_of_sums(near, positive, far, negative)


def _softplus_of_sums(
    near: jax.Array, positive: jax.Array, far: jax.Array, negative: jax.Array
) -> jax.Array:
    """`log(1 + sum(exp(near)) sum(exp(far)))`; 0, with gradients of 0, where a sum is empty."""
    both = positive.any(axis=1) & negative.any(axis=1)
    total = sum(
        jax.nn.logsumexp(jnp.where(both[:, None], jnp.where(chosen, x, -jnp.inf), 0.0), axis=1)
        for x, chosen in ((near, positive), (far, negative))
    )
    return jnp.where(both, jax.nn.softplus(total), 0.0)


def _check_pair(labels: jax.Array, embeddings: jax.Array, kind: str) -> None:
    rows = embeddings.shape[:1]
    if embeddings.ndim != 2 or labels.shape not in (rows, (*rows, 1)):
        raise ShapeError(
            f"circle: expected {kind}embeddings of shape (batch, size) and {kind}labels of shape "
            f"(batch,), got {embeddings.shape} and {labels.shape}."
        )


@losses.register("Circle")
class Circle(LossFunction):
    r"""`log(1 + sum_p exp(gamma a_p (d_p - m)) sum_n exp(gamma a_n (1 - m - d_n)))`.

    d are the cosine distances of an embedding from those of its own class (p) and of others (n);
    `a_p = m + d_p` and `a_n = max(1 + m - d_n, 0)` pull hardest on what is worst. Embeddings
    without a pair of either kind do not count.

    Args:
        gamma: the scale of distances, above 0.
        margin: m, from 0 to 1.
        remove_diagonal: whether an embedding is no pair with itself.
        reduction: as in Loss.
        name: for logs.
        dtype: as in Loss.

    Input shape:
        y_true (batch,), whole numbers; y_pred (batch, size), of length 1 each, as
        UnitNormalization gives them.

    Raises:
        ArgumentError: for a gamma of 0 or below and a margin outside of 0 to 1.
        ShapeError: for labels that do not fit the embeddings.

    >>> import nnlib as nn
    >>> loss = nn.losses.Circle(gamma=1.0)
    >>> round(float(loss([0, 0, 1], [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])), 4)
    1.4497

    Source: Sun et al., CVPR 2020, arXiv:2002.10857.
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ):
        if not gamma > 0:
            raise ArgumentError(f"Circle: expected gamma above 0, got {gamma!r}.")
        if not 0 <= margin <= 1:
            raise ArgumentError(f"Circle: expected margin from 0 to 1, got {margin!r}.")
        super().__init__(
            circle,
            reduction,
            name,
            dtype,
            gamma=gamma,
            margin=margin,
            remove_diagonal=bool(remove_diagonal),
        )

    def convert_targets(self, y_true: Any) -> jax.Array:
        return as_array(self.name, y_true, jnp.int32)

    def align(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        return y_true, y_pred

    def masked_values(
        self, y_true: Any, y_pred: Any, mask: jax.Array | None
    ) -> tuple[jax.Array, jax.Array | None]:
        if mask is not None:
            y_pred = fill_padding(mask, y_pred, 0)
        return _circle(y_true, y_pred, None, None, **self.kwargs, ref_mask=mask), mask

    def counted(self, y_true: Any, y_pred: Any, values: jax.Array) -> jax.Array | None:
        return values > 0

    def check_targets(self, y_true: Any, output: Any, place: str) -> None:
        super(LossFunction, self).check_targets(y_true, output, place)
        if len(output.shape) != 2:
            raise ShapeError(
                f"{place}: expected an output of shape (None, size) for the circle loss, "
                f"got {tuple(output.shape)}."
            )
