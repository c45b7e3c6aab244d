"""FTRL-Proximal: weights solved for anew at each step, many of them exactly 0."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_level
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("ftrl", "Ftrl")
class Ftrl(Optimizer):
    r"""`w = (clip(z, -l1, l1) - z) / (n^p / learning_rate + 2 l2 + beta / learning_rate)`.

    n is the sum of squared gradients, p is `-learning_rate_power`, and z sums
    `g + 2 l2_shrinkage w - (n_new^p - n^p) w / learning_rate`.

    Args:
        learning_rate: as in Optimizer, above 0.
        learning_rate_power: at most 0; 0 keeps the rate, -0.5 lets it fall as Adagrad does.
        initial_accumulator_value: what n begins with, at least 0.
        l1_regularization_strength: at least 0; makes weights exactly 0.
        l2_regularization_strength: at least 0; shrinks weights.
        l2_shrinkage_regularization_strength: at least 0; as l2, but in the gradient alone.
        beta: the paper's beta, at least 0.
        common: as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer = nn.optimizers.Ftrl(0.5, l1_regularization_strength=10.0)
    >>> params = {"w": jnp.array(1.0)}
    >>> updates, _ = optimizer.update({"w": jnp.array(3.0)}, optimizer.init(params), params)
    >>> float(params["w"] + updates["w"])
    0.0

    Source: McMahan et al., "Ad Click Prediction", KDD 2013.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **common: Unpack[CommonArguments],
    ):
        super().__init__(learning_rate, **common)
        number = isinstance(learning_rate_power, int | float)
        if not number or not -float("inf") < learning_rate_power <= 0:
            raise ArgumentError(
                "Ftrl: expected learning_rate_power to be a number of at most 0, "
                f"got {learning_rate_power!r}."
            )
        self.learning_rate_power = float(learning_rate_power)
        self.initial_accumulator_value = check_level(
            "Ftrl", "initial_accumulator_value", initial_accumulator_value
        )
        self.l1_regularization_strength = check_level(
            "Ftrl", "l1_regularization_strength", l1_regularization_strength
        )
        self.l2_regularization_strength = check_level(
            "Ftrl", "l2_regularization_strength", l2_regularization_strength
        )
        self.l2_shrinkage_regularization_strength = check_level(
            "Ftrl", "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength
        )
        self.beta = check_level("Ftrl", "beta", beta)

    def initial_slots(self, weight: jax.Array) -> Slots:
        start = jnp.full_like(weight, self.initial_accumulator_value)
        return {"accumulator": start, "linear": jnp.zeros_like(weight)}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        rate = learning_rate.astype(gradient.dtype)
        old, l1 = slots["accumulator"], self.l1_regularization_strength
        total = old + jnp.square(gradient)
        grown = jnp.power(total, -self.learning_rate_power)
        pull = (grown - jnp.power(old, -self.learning_rate_power)) / rate * weight
        shrunk = gradient + 2.0 * self.l2_shrinkage_regularization_strength * weight
        linear = slots["linear"] + shrunk - pull
        curvature = grown / rate + 2.0 * (self.l2_regularization_strength + self.beta / (2 * rate))
        solved = (jnp.clip(linear, -l1, l1) - linear) / curvature
        return solved - weight, {"accumulator": total, "linear": linear}
