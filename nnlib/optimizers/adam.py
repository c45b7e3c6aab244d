"""Adam and AdamW: steps scaled by running means of the gradient and of its square."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_number, check_share
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("adam", "Adam")
class Adam(Optimizer):
    r"""`w - a m / (sqrt(v) + epsilon)`, `a = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t)`.

    m and v are running means of the gradient and of its square. Note that epsilon is added
    before the means are corrected ("epsilon hat" in the paper), as Keras does.

    Args:
        learning_rate: as in Optimizer.
        beta_1: from 0 to below 1, how much of m is kept per step.
        beta_2: from 0 to below 1, how much of v is kept per step.
        epsilon: keeps the division finite.
        amsgrad: whether to divide by the largest v so far.
        common: weight_decay, clipnorm, clipvalue, global_clipnorm, name, as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer, params = nn.optimizers.Adam(0.5), {"w": jnp.array(1.0)}
    >>> updates, state = optimizer.update({"w": jnp.array(3.0)}, optimizer.init(params), params)
    >>> round(float(updates["w"]), 4), sorted(state["slots"])
    (-0.5, ['momentum', 'velocity'])

    Source: Kingma & Ba, ICLR 2015; Reddi et al., ICLR 2018 (amsgrad).
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Unpack[CommonArguments],
    ):
        super().__init__(learning_rate, **common)
        place = type(self).__name__
        self.beta_1 = check_share(place, "beta_1", beta_1)
        self.beta_2 = check_share(place, "beta_2", beta_2)
        self.epsilon = check_number(place, "epsilon", epsilon) or 0.0
        self.amsgrad = bool(amsgrad)

    def initial_slots(self, weight: jax.Array) -> Slots:
        names = ("momentum", "velocity", *(["velocity_hat"] if self.amsgrad else []))
        return {name: jnp.zeros_like(weight) for name in names}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        time = step.astype(jnp.float32)
        scale = jnp.sqrt(1.0 - jnp.float32(self.beta_2) ** time)
        rate = (learning_rate * scale / (1.0 - jnp.float32(self.beta_1) ** time)).astype(
            gradient.dtype
        )
        m, v = slots["momentum"], slots["velocity"]
        m = m + (gradient - m) * (1.0 - self.beta_1)
        v = v + (jnp.square(gradient) - v) * (1.0 - self.beta_2)
        new = {"momentum": m, "velocity": v}
        if self.amsgrad:
            v = new["velocity_hat"] = jnp.maximum(slots["velocity_hat"], v)
        return -m * rate / (jnp.sqrt(v) + self.epsilon), new


@optimizers.register("adamw", "AdamW")
class AdamW(Adam):
    """Adam, while weights shrink by `weight_decay * learning_rate` of themselves per step.

    Args:
        learning_rate: as in Optimizer.
        weight_decay: 0.004 unless given.
        beta_1: as in Adam.
        beta_2: as in Adam.
        epsilon: as in Adam.
        amsgrad: as in Adam.
        common: clipnorm, clipvalue, global_clipnorm, name, as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer, params = nn.optimizers.AdamW(0.5, weight_decay=0.1), {"w": jnp.array(1.0)}
    >>> updates, _ = optimizer.update({"w": jnp.array(0.0)}, optimizer.init(params), params)
    >>> round(float(updates["w"]), 4)
    -0.05

    Source: Loshchilov & Hutter, ICLR 2019.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Any,
    ):
        common["weight_decay"] = weight_decay
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, **common)
