"""Nadam: Adam that looks one step ahead, as Nesterov's momentum does."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_level, check_share
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("nadam", "Nadam")
class Nadam(Optimizer):
    r"""`w - learning_rate * m' / (sqrt(v / (1 - beta_2^t)) + epsilon)`.

    m and v are the running means of Adam, `u_t = beta_1 (1 - 0.96^t / 2)` warms momentum up, and
    `m' = u_{t+1} m / (1 - u_1 ... u_{t+1}) + (1 - u_t) g / (1 - u_1 ... u_t)` looks ahead.

    Args:
        learning_rate: as in Optimizer.
        beta_1: from 0 to below 1, how much of m is kept per step.
        beta_2: from 0 to below 1, how much of v is kept per step.
        epsilon: keeps the division finite.
        common: as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer, params = nn.optimizers.Nadam(0.5), {"w": jnp.array(1.0)}
    >>> updates, _ = optimizer.update({"w": jnp.array(3.0)}, optimizer.init(params), params)
    >>> round(float(updates["w"]), 3)
    -0.531

    Source: Dozat, ICLR 2016 workshop.
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
        self.beta_1 = check_share("Nadam", "beta_1", beta_1)
        self.beta_2 = check_share("Nadam", "beta_2", beta_2)
        self.epsilon = check_level("Nadam", "epsilon", epsilon)

    def initial_slots(self, weight: jax.Array) -> Slots:
        means = {name: jnp.zeros_like(weight) for name in ("momentum", "velocity")}
        return means | {"u_product": jnp.float32(1.0)}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        time = step.astype(jnp.float32)
        now, ahead = self._warmed(time), self._warmed(time + 1.0)
        product = slots["u_product"] * now
        m = slots["momentum"] + (gradient - slots["momentum"]) * (1.0 - self.beta_1)
        square = jnp.square(gradient)
        v = slots["velocity"] + (square - slots["velocity"]) * (1.0 - self.beta_2)
        shares = ahead / (1.0 - product * ahead), (1.0 - now) / (1.0 - product)
        of_m, of_gradient = (share.astype(gradient.dtype) for share in shares)
        v_scale = (1.0 - jnp.float32(self.beta_2) ** time).astype(gradient.dtype)
        forward = (of_m * m + of_gradient * gradient) * learning_rate.astype(gradient.dtype)
        new = {"momentum": m, "velocity": v, "u_product": product}
        return -forward / (jnp.sqrt(v / v_scale) + self.epsilon), new

    def _warmed(self, time: jax.Array) -> jax.Array:
        return self.beta_1 * (1.0 - 0.5 * jnp.float32(0.96) ** time)
