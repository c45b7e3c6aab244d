"""Bad arguments of the layers that every network begins with."""

import jax.numpy as jnp

from nnlib import errors, layers
from tests.contract.refusal import refusal

REFUSALS = [
    refusal(lambda: layers.Dense(0), errors.ArgumentError, "units.*above 0, got 0"),
    refusal(lambda: layers.Dense(-3), errors.ArgumentError, "units"),
    refusal(lambda: layers.Dropout(1.5), errors.ArgumentError, "rate.*1.5"),
    refusal(lambda: layers.Conv2D(4, 9)(jnp.ones((1, 5, 5, 2))), errors.ShapeError, "9|larger"),
    refusal(lambda: layers.Conv2D(4, 3)(jnp.ones((5, 5, 2))), errors.ShapeError, "4"),
    refusal(lambda: layers.Conv2D(4, 3, padding="some"), errors.ArgumentError, "padding.*some"),
    refusal(lambda: layers.Add()([jnp.ones((2, 3)), jnp.ones((2, 4))]), errors.ShapeError, r"3.*4"),
]
