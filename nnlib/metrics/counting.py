"""Weighted counts: of values above many thresholds at once, and of pairs of classes."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

KINDS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def safe_ratio(top: jax.Array, bottom: jax.Array) -> jax.Array:
    """`top / bottom`, and 0 where bottom is 0."""
    return jnp.where(bottom == 0, 0, top / jnp.where(bottom == 0, 1, bottom))


def weight_above(
    values: jax.Array, weights: jax.Array, thresholds: Sequence[float]
) -> tuple[jax.Array, jax.Array]:
    """(the weight of the values above each threshold, the weight of the others), (t, k) each.

    Each value is sorted in between two thresholds, and the sums over those bins are summed up from
    both ends: n values and t thresholds cost `n log t + t` instead of `n t`.

    Args:
        values: (n,); NaN is above nothing.
        weights: (n, k): k kinds of weights.
        thresholds: t of them, in any order.

    >>> above, rest = weight_above(jnp.array([0.2, 0.7]), jnp.ones((2, 1)), [0.0, 0.5, 0.9])
    >>> above[:, 0].tolist(), rest[:, 0].tolist()
    ([2.0, 1.0, 0.0], [0.0, 1.0, 2.0])
    """
    order = np.argsort(np.asarray(thresholds), kind="stable")
    ascending = jnp.asarray(np.asarray(thresholds)[order], values.dtype)
    values = jnp.where(jnp.isnan(values), -jnp.inf, values)
    passed = jnp.searchsorted(ascending, values, side="left")  # how many are below each value
    bins = jax.ops.segment_sum(weights, passed, num_segments=len(order) + 1)
    above = jnp.flip(jnp.cumsum(jnp.flip(bins[1:], axis=0), axis=0), axis=0)
    back = np.argsort(order)
    return above[back], jnp.cumsum(bins[:-1], axis=0)[back]


def confusion_counts(
    truth: jax.Array, scores: jax.Array, weights: jax.Array, thresholds: Sequence[float]
) -> dict[str, jax.Array]:
    """The four weighted counts, (thresholds,) each, of scores (n,) against targets (n,).

    >>> counts = confusion_counts(jnp.array([0, 1]), jnp.array([0.6, 0.7]), jnp.ones(2), [0.5])
    >>> float(counts["true_positives"][0]), float(counts["false_positives"][0])
    (1.0, 1.0)
    """
    is_so = truth != 0
    both = jnp.stack([jnp.where(is_so, weights, 0), jnp.where(is_so, 0, weights)], axis=1)
    said, unsaid = weight_above(scores, both, thresholds)
    return {
        "true_positives": said[:, 0],
        "false_positives": said[:, 1],
        "true_negatives": unsaid[:, 1],
        "false_negatives": unsaid[:, 0],
    }


def confusion_matrix(
    y_true: jax.Array, y_pred: jax.Array, weights: jax.Array, classes: int
) -> jax.Array:
    """(classes, classes) weights by true class (rows) and predicted class (columns).

    Pairs with a class outside of `0 .. classes - 1` do not count.

    >>> confusion_matrix(jnp.array([0, 1, 9]), jnp.array([1, 1, 0]), jnp.ones(3), 2).tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """
    known = (y_true >= 0) & (y_true < classes) & (y_pred >= 0) & (y_pred < classes)
    cells = jnp.where(known, y_true * classes + y_pred, classes * classes)
    counts = jax.ops.segment_sum(weights, cells, num_segments=classes * classes + 1)
    return counts[:-1].reshape(classes, classes)
