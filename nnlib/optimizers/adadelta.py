"""Adadelta: steps as long as the last ones were, against the gradient's own length."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_level, check_share
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("adadelta", "Adadelta")
class Adadelta(Optimizer):
    """`w - learning_rate * g * rms(changes) / rms(g)`, with `rms(x) = sqrt(mean(x^2) + epsilon)`.

    Both means are running ones, of the squares of the gradients and of the changes so far.

    Args:
        learning_rate: as in Optimizer; 1.0 is the method of the paper.
        rho: from 0 to below 1, how much of the means is kept per step.
        epsilon: keeps the first steps from being 0.
        common: as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer, params = nn.optimizers.Adadelta(1.0, epsilon=1e-2), {"w": jnp.array(1.0)}
    >>> updates, _ = optimizer.update({"w": jnp.array(2.0)}, optimizer.init(params), params)
    >>> round(float(updates["w"]), 3)
    -0.436

    Source: Zeiler, arXiv:1212.5701, 2012.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **common: Unpack[CommonArguments],
    ):
        super().__init__(learning_rate, **common)
        self.rho = check_share("Adadelta", "rho", rho)
        self.epsilon = check_level("Adadelta", "epsilon", epsilon)

    def initial_slots(self, weight: jax.Array) -> Slots:
        return {n: jnp.zeros_like(weight) for n in ("accumulated_grad", "accumulated_delta_var")}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        squares = self._mean(slots["accumulated_grad"], gradient)
        changes = slots["accumulated_delta_var"]
        change = -gradient * jnp.sqrt(changes + self.epsilon) / jnp.sqrt(squares + self.epsilon)
        new = {"accumulated_grad": squares, "accumulated_delta_var": self._mean(changes, change)}
        return learning_rate.astype(gradient.dtype) * change, new

    def _mean(self, old: jax.Array, value: jax.Array) -> jax.Array:
        return self.rho * old + (1.0 - self.rho) * jnp.square(value)
