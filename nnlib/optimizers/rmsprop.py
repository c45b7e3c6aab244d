"""RMSprop: steps divided by a running mean of the gradient's size."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_number, check_share
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("rmsprop", "RMSprop")
class RMSprop(Optimizer):
    """`w - learning_rate g / sqrt(v + epsilon)`, with v a running mean of `g**2`.

    Args:
        learning_rate: as in Optimizer.
        rho: from 0 to below 1, how much of v is kept per step.
        momentum: from 0 to 1, the share of the last change that goes on.
        epsilon: keeps the division finite.
        centered: whether to divide by the running variance instead of the mean square.
        common: weight_decay, clipnorm, clipvalue, global_clipnorm, name, as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer, params = nn.optimizers.RMSprop(0.1, rho=0.75), {"w": jnp.array(1.0)}
    >>> updates, _ = optimizer.update({"w": jnp.array(3.0)}, optimizer.init(params), params)
    >>> round(float(updates["w"]), 4)
    -0.2

    Source: Tieleman & Hinton, COURSERA: Neural Networks for Machine Learning 6.5, 2012.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **common: Unpack[CommonArguments],
    ):
        super().__init__(learning_rate, **common)
        self.rho = check_share("RMSprop", "rho", rho)
        self.momentum = check_number("RMSprop", "momentum", momentum, 0.0, 1.0) or 0.0
        self.epsilon = check_number("RMSprop", "epsilon", epsilon) or 0.0
        self.centered = bool(centered)

    def initial_slots(self, weight: jax.Array) -> Slots:
        momentum = ["momentum"] if self.momentum else []
        mean = ["mean_gradient"] if self.centered else []
        return {name: jnp.zeros_like(weight) for name in ("velocity", *momentum, *mean)}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        velocity = self._mean(slots["velocity"], jnp.square(gradient))
        new, size = {"velocity": velocity}, velocity
        if self.centered:
            mean = new["mean_gradient"] = self._mean(slots["mean_gradient"], gradient)
            size = velocity - jnp.square(mean)
        rate = learning_rate.astype(gradient.dtype)
        change = rate * gradient * jax.lax.rsqrt(size + self.epsilon)
        if self.momentum:
            change = new["momentum"] = self.momentum * slots["momentum"] + change
        return -change, new

    def _mean(self, old: jax.Array, value: jax.Array) -> jax.Array:
        return self.rho * old + (1.0 - self.rho) * value
