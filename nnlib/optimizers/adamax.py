"""Adamax: Adam with the largest gradient so far in place of the root of a mean of squares."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_level, check_share
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("adamax", "Adamax")
class Adamax(Optimizer):
    """`w - learning_rate * m / ((1 - beta_1^t) (u + epsilon))`, with `u = max(beta_2 u, |g|)`.

    m is a running mean of the gradient.

    Args:
        learning_rate: as in Optimizer.
        beta_1: from 0 to below 1, how much of m is kept per step.
        beta_2: from 0 to below 1, how fast u forgets.
        epsilon: keeps the division finite.
        common: as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer, params = nn.optimizers.Adamax(0.5), {"w": jnp.array(1.0)}
    >>> updates, _ = optimizer.update({"w": jnp.array(3.0)}, optimizer.init(params), params)
    >>> round(float(updates["w"]), 4)
    -0.5

    Source: Kingma & Ba, ICLR 2015, section 7.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[CommonArguments],
    ):
        super().__init__(learning_rate, **common)
        self.beta_1 = check_share("Adamax", "beta_1", beta_1)
        self.beta_2 = check_share("Adamax", "beta_2", beta_2)
        self.epsilon = check_level("Adamax", "epsilon", epsilon)

    def initial_slots(self, weight: jax.Array) -> Slots:
        return {name: jnp.zeros_like(weight) for name in ("momentum", "norm")}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        past = 1.0 - jnp.float32(self.beta_1) ** step.astype(jnp.float32)
        rate = (learning_rate / past).astype(gradient.dtype)
        m = slots["momentum"] + (gradient - slots["momentum"]) * (1.0 - self.beta_1)
        u = jnp.maximum(self.beta_2 * slots["norm"], jnp.abs(gradient))
        return -rate * m / (u + self.epsilon), {"momentum": m, "norm": u}
