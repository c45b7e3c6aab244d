"""Adagrad: elements that moved much move less and less."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_level
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("adagrad", "Adagrad")
class Adagrad(Optimizer):
    """`w - learning_rate * g / sqrt(a + epsilon)`, where a is the sum of all squared gradients.

    Args:
        learning_rate: as in Optimizer.
        initial_accumulator_value: what a begins with, at least 0.
        epsilon: keeps the division finite.
        common: as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer = nn.optimizers.Adagrad(0.5, initial_accumulator_value=0.0)
    >>> params = {"w": jnp.array(1.0)}
    >>> updates, _ = optimizer.update({"w": jnp.array(2.0)}, optimizer.init(params), params)
    >>> round(float(updates["w"]), 3)
    -0.5

    Source: Duchi, Hazan & Singer, JMLR 2011.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **common: Unpack[CommonArguments],
    ):
        super().__init__(learning_rate, **common)
        self.initial_accumulator_value = check_level(
            "Adagrad", "initial_accumulator_value", initial_accumulator_value
        )
        self.epsilon = check_level("Adagrad", "epsilon", epsilon)

    def initial_slots(self, weight: jax.Array) -> Slots:
        return {"accumulator": jnp.full_like(weight, self.initial_accumulator_value)}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        total = slots["accumulator"] + jnp.square(gradient)
        rate = learning_rate.astype(gradient.dtype)
        return -rate * gradient / jnp.sqrt(total + self.epsilon), {"accumulator": total}
