"""Adafactor: Adam's scaling from the means of rows and columns, in hardly any memory."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_level, check_positive
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, Slots


@optimizers.register("adafactor", "Adafactor")
class Adafactor(Optimizer):
    r"""`w - max(epsilon_2, rms(w)) * rho * u`, with `u = g / sqrt(v)` cut to `clip_threshold`.

    v is a running mean of `g^2 + epsilon_1`, of which `1 - t^beta_2_decay` is kept at step t. Of
    a weight with two or more axes only the means r over the last axis and c over the last but one
    are remembered, and `v = r c / mean(r)`. The step size is `rho = min(learning_rate, 1/sqrt(t))`.

    Keras (3.15) takes that minimum whatever `relative_step` says; here False does what it says.

    Args:
        learning_rate: as in Optimizer.
        beta_2_decay: below 0; how soon the mean of squares gets longer.
        epsilon_1: added to squared gradients, at least 0.
        epsilon_2: the smallest scale of a weight, at least 0.
        clip_threshold: above 0; the largest rms that u may have.
        relative_step: whether rho falls with the step; False for the learning rate itself.
        common: as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax, jax.numpy as jnp, nnlib as nn
    >>> optimizer, params = nn.optimizers.Adafactor(0.5), {"w": jnp.ones((3, 4))}
    >>> jax.tree.map(jnp.shape, optimizer.init(params)["slots"])
    {'c': {'w': (4,)}, 'r': {'w': (3,)}, 'v': {'w': ()}}

    Source: Shazeer & Stern, ICML 2018.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **common: Unpack[CommonArguments],
    ):
        super().__init__(learning_rate, **common)
        number = isinstance(beta_2_decay, int | float)
        if not number or not -float("inf") < beta_2_decay < 0:
            raise ArgumentError(
                f"Adafactor: expected beta_2_decay to be a number below 0, got {beta_2_decay!r}."
            )
        self.beta_2_decay = float(beta_2_decay)
        self.epsilon_1 = check_level("Adafactor", "epsilon_1", epsilon_1)
        self.epsilon_2 = check_level("Adafactor", "epsilon_2", epsilon_2)
        self.clip_threshold = check_positive("Adafactor", "clip_threshold", clip_threshold)
        self.relative_step = bool(relative_step)

    def initial_slots(self, weight: jax.Array) -> Slots:
        if jnp.ndim(weight) < 2:
            none = jnp.zeros((), weight.dtype)  # every weight has the same slots
            return {"r": none, "c": jnp.zeros_like(none), "v": jnp.zeros_like(weight)}
        rows, columns = weight.shape[:-1], (*weight.shape[:-2], weight.shape[-1])
        shapes = {"r": rows, "c": columns, "v": ()}
        return {name: jnp.zeros(shape, weight.dtype) for name, shape in shapes.items()}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        time = step.astype(jnp.float32)
        rho = (
            jnp.minimum(learning_rate, 1 / jnp.sqrt(time)) if self.relative_step else learning_rate
        )
        kept = (1.0 - time**self.beta_2_decay).astype(gradient.dtype)
        square = jnp.square(gradient) + self.epsilon_1
        new, mean = _means(slots, square, kept)
        direction = gradient / jnp.sqrt(mean)
        direction = direction / jnp.maximum(1, _rms(direction) / self.clip_threshold)
        scale = jnp.maximum(self.epsilon_2, _rms(weight)) * rho.astype(gradient.dtype)
        return -scale * direction, new


def _means(slots: Slots, square: jax.Array, kept: jax.Array) -> tuple[Slots, jax.Array]:
    """The new slots, and the running mean of `square` that they stand for."""

    def mean(name: str, value: jax.Array) -> jax.Array:
        return kept * slots[name] + (1 - kept) * value

    if square.ndim < 2:
        v = mean("v", square)
        return {**slots, "v": v}, v
    r, c = mean("r", jnp.mean(square, axis=-1)), mean("c", jnp.mean(square, axis=-2))
    rows = r / jnp.mean(r, axis=-1, keepdims=True)
    return {**slots, "r": r, "c": c}, jnp.expand_dims(rows, -1) * jnp.expand_dims(c, -2)


def _rms(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.mean(jnp.square(x)))
