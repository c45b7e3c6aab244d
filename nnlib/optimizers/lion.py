"""Lion: steps of one size, along the sign of a mixture of gradient and momentum."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_level, check_number, check_positive
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("lion", "Lion")
class Lion(Optimizer):
    """`w - learning_rate * sign(beta_1 m + (1 - beta_1) g)`; then `m = beta_2 m + (1 - beta_2) g`.

    Every element moves by the same amount, so the learning rate is a tenth of Adam's or less, and
    weight decay ten times as strong.

    Args:
        learning_rate: as in Optimizer.
        beta_1: above 0, at most 1: the share of the momentum in the direction.
        beta_2: from 0 to 1, how much of the momentum is kept per step.
        common: as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer, params = nn.optimizers.Lion(0.5), {"w": jnp.array([1.0, 1.0])}
    >>> grads = {"w": jnp.array([0.01, -30.0])}
    >>> optimizer.update(grads, optimizer.init(params), params)[0]["w"].tolist()
    [-0.5, 0.5]

    Source: Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **common: Unpack[CommonArguments],
    ):
        super().__init__(learning_rate, **common)
        check_number("Lion", "beta_1", beta_1, 0.0, 1.0)
        self.beta_1 = check_positive("Lion", "beta_1", beta_1)
        self.beta_2 = check_level("Lion", "beta_2", beta_2, 1.0)

    def initial_slots(self, weight: jax.Array) -> Slots:
        return {"momentum": jnp.zeros_like(weight)}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        m = slots["momentum"]
        direction = jnp.sign(m * self.beta_1 + gradient * (1.0 - self.beta_1))
        new = m * self.beta_2 + gradient * (1.0 - self.beta_2)
        return -learning_rate.astype(gradient.dtype) * direction, {"momentum": new}
