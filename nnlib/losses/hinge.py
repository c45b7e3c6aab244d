"""Losses with a margin: nothing to pay beyond it."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.registries import losses
from nnlib.losses.alignment import elementwise, float_pair
from nnlib.losses.regression import loss_class

_SOURCE = "Cortes & Vapnik, Machine Learning 20, 1995"


def _signs(y_true: jax.Array) -> jax.Array:
    """Labels of -1 and 1; if all are 0 or 1, zeros become -1."""
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2.0 * y_true - 1.0, y_true)


@losses.register("hinge")
@elementwise
def hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(max(1 - y p, 0))` over the last axis; labels are -1 and 1, or 0 and 1.

    >>> hinge([[-1.0, 1.0]], [[0.0, 3.0]]).tolist()
    [0.5]
    """
    y_true, y_pred = float_pair("hinge", y_true, y_pred)
    return jnp.mean(jnp.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


@losses.register("squared_hinge")
@elementwise
def squared_hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(max(1 - y p, 0)**2)` over the last axis; labels are -1 and 1, or 0 and 1.

    >>> squared_hinge([[-1.0, 1.0]], [[1.0, 3.0]]).tolist()
    [2.0]
    """
    y_true, y_pred = float_pair("squared_hinge", y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


@losses.register("categorical_hinge")
def categorical_hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """`max(1 + best wrong output - right output, 0)` over the last axis; one-hot targets.

    >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.75]]).tolist()
    [0.75]
    """
    y_true, y_pred = float_pair("categorical_hinge", y_true, y_pred)
    right = jnp.sum(y_true * y_pred, axis=-1)
    wrong = jnp.max((1.0 - y_true) * y_pred, axis=-1)
    return jnp.maximum(wrong - right + 1.0, 0.0)


Hinge = loss_class("Hinge", hinge, "`mean(max(1 - y p, 0))` over the last axis.", _SOURCE)
SquaredHinge = loss_class(
    "SquaredHinge", squared_hinge, "`mean(max(1 - y p, 0)**2)` over the last axis.", _SOURCE
)
CategoricalHinge = loss_class(
    "CategoricalHinge",
    categorical_hinge,
    "`max(1 + best wrong output - right output, 0)`, with one-hot targets.",
    "Crammer & Singer, J. Mach. Learn. Res. 2, 2001",
)
