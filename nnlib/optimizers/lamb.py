"""Lamb: Adam's direction, in steps as long as each weight is large."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_level, check_share
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("lamb", "Lamb")
class Lamb(Optimizer):
    r"""`w - learning_rate * |w| / |r| * r`, with `r = m' / (sqrt(v') + epsilon)`.

    m' and v' are Adam's means, corrected for their start; the ratio is 1 where a norm is 0.

    Args:
        learning_rate: as in Optimizer.
        beta_1: from 0 to below 1, how much of m is kept per step.
        beta_2: from 0 to below 1, how much of v is kept per step.
        epsilon: keeps the division finite.
        common: as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer, params = nn.optimizers.Lamb(0.5), {"w": jnp.array([3.0, 4.0])}
    >>> grads = {"w": jnp.array([1.0, 0.0])}
    >>> updates, _ = optimizer.update(grads, optimizer.init(params), params)
    >>> [round(value, 3) for value in updates["w"].tolist()]
    [-2.5, 0.0]

    Source: You et al., "Large Batch Optimization for Deep Learning", ICLR 2020.
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
        self.beta_1 = check_share("Lamb", "beta_1", beta_1)
        self.beta_2 = check_share("Lamb", "beta_2", beta_2)
        self.epsilon = check_level("Lamb", "epsilon", epsilon)

    def initial_slots(self, weight: jax.Array) -> Slots:
        return {name: jnp.zeros_like(weight) for name in ("momentum", "velocity")}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        time, dtype = step.astype(jnp.float32), gradient.dtype
        m_scale = (1.0 - jnp.float32(self.beta_1) ** time).astype(dtype)
        v_scale = (1.0 - jnp.float32(self.beta_2) ** time).astype(dtype)
        m = slots["momentum"] + (gradient - slots["momentum"]) * (1.0 - self.beta_1)
        square = jnp.square(gradient)
        v = slots["velocity"] + (square - slots["velocity"]) * (1.0 - self.beta_2)
        direction = (m / m_scale) / (jnp.sqrt(v / v_scale) + self.epsilon)
        length, size = _norm(direction), _norm(weight)
        usable = (length > 0) & (size > 0)
        ratio = jnp.where(usable, size / jnp.where(usable, length, 1), 1)
        change = -ratio * learning_rate.astype(dtype) * direction
        return change, {"momentum": m, "velocity": v}


def _norm(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.sum(jnp.square(x)))
