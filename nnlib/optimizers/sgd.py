"""SGD: a step against the gradient, with momentum if wanted."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_number
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("sgd", "SGD")
class SGD(Optimizer):
    """`w - learning_rate * g`, or with momentum `v = momentum * v - learning_rate * g; w + v`.

    Args:
        learning_rate: as in Optimizer.
        momentum: from 0 to 1, the share of the last change that goes on.
        nesterov: whether to step along `momentum * v - learning_rate * g` instead of v.
        common: weight_decay, clipnorm, clipvalue, global_clipnorm, name, as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer, params = nn.optimizers.SGD(0.5), {"w": jnp.array(1.0)}
    >>> updates, state = optimizer.update({"w": jnp.array(1.0)}, optimizer.init(params), params)
    >>> float(updates["w"]), int(state["step"])
    (-0.5, 1)

    Source: Sutskever et al., ICML 2013.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Unpack[CommonArguments],
    ):
        super().__init__(learning_rate, **common)
        self.momentum = check_number("SGD", "momentum", momentum, 0.0, 1.0) or 0.0
        self.nesterov = bool(nesterov)

    def initial_slots(self, weight: jax.Array) -> Slots:
        return {"momentum": jnp.zeros_like(weight)} if self.momentum else {}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        descent = -gradient * learning_rate.astype(gradient.dtype)
        if not self.momentum:
            return descent, slots
        velocity = self.momentum * slots["momentum"] + descent
        change = self.momentum * velocity + descent if self.nesterov else velocity
        return change, {"momentum": velocity}
