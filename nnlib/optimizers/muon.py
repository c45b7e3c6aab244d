"""Muon: matrices move along the nearest orthogonal matrix of their momentum, the rest by Adam."""

import math
import re
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import optimizers
from nnlib.optimizers.adam import Adam
from nnlib.optimizers.arguments import check_count, check_level, check_number, check_share
from nnlib.optimizers.optimizer import Optimizer
from nnlib.optimizers.rules import Rule, Slots


@optimizers.register("muon", "Muon")
class Muon(Optimizer):
    r"""`w - learning_rate * rms_rate * sqrt(max(n, m)) * O` for n x m weights, O orthogonal.

    O comes from the momentum by a few Newton-Schulz iterations. Weights that have not two axes,
    embeddings, and what `exclude_layers` names are trained by Adam.

    Args:
        learning_rate: as in Optimizer.
        adam_beta_1: as beta_1 in Adam.
        adam_beta_2: as beta_2 in Adam.
        adam_weight_decay: of the weights that Adam trains; None for none.
        epsilon: as in Adam.
        weight_decay: of the others; None for none.
        exclude_layers: regular expressions; weights in whose path one is found go to Adam. Name
            the last layer of the network here.
        exclude_embeddings: whether weights with "embedding" in their path go to Adam.
        muon_a: of the iteration `a x + (b s + c s^2) x`, with `s = x x^T`.
        muon_b: as muon_a.
        muon_c: as muon_a.
        adam_lr_ratio: Adam's learning rate as a multiple of the learning rate.
        momentum: from 0 to 1, the share of the momentum that goes on.
        ns_steps: the number of iterations.
        nesterov: whether the gradient is added to the momentum once more.
        rms_rate: the rms of a change at learning rate 1; None for changes of norm 1 in all
            directions, whatever their size.
        common: as in Optimizer.

    Raises:
        ArgumentError: for values out of range.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer = nn.optimizers.Muon(1.0, rms_rate=None, ns_steps=20, weight_decay=None,
    ...                                muon_a=1.5, muon_b=-0.5, muon_c=0.0)
    >>> params = {"dense": {"kernel": jnp.eye(2)}}
    >>> grads = {"dense": {"kernel": jnp.array([[3.0, 0.0], [0.0, -1.0]])}}
    >>> updates, _ = optimizer.update(grads, optimizer.init(params), params)
    >>> (updates["dense"]["kernel"].round(3) + 0.0).tolist()
    [[-1.0, 0.0], [0.0, 1.0]]

    Source: Jordan et al., https://kellerjordan.github.io/posts/muon, 2024; Liu et al.,
    "Muon is Scalable for LLM Training", 2025 (rms_rate).
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        *,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **common: Any,
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, **common)
        self.adam_beta_1 = check_share("Muon", "adam_beta_1", adam_beta_1)
        self.adam_beta_2 = check_share("Muon", "adam_beta_2", adam_beta_2)
        self.epsilon = check_level("Muon", "epsilon", epsilon)
        self.adam_weight_decay = check_number("Muon", "adam_weight_decay", adam_weight_decay)
        self.exclude_layers = _patterns(exclude_layers)
        self.exclude_embeddings = bool(exclude_embeddings)
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.adam_lr_ratio = check_level("Muon", "adam_lr_ratio", adam_lr_ratio)
        self.momentum = check_level("Muon", "momentum", momentum, 1.0)
        self.ns_steps = check_count("Muon", "ns_steps", ns_steps, 0) or 0
        self.nesterov = bool(nesterov)
        self.rms_rate = check_number("Muon", "rms_rate", rms_rate)
        self._adam = Adam(1.0, self.adam_beta_1, self.adam_beta_2, self.epsilon)

    def trained_by_adam(self, path: str, weight: jax.Array) -> bool:
        """Whether a weight is none that Muon is for."""
        embedding = self.exclude_embeddings and "embedding" in path.lower()
        named = any(re.search(pattern, path) for pattern in self.exclude_layers)
        return jnp.ndim(weight) != 2 or embedding or named

    def slots_for(self, path: str, weight: jax.Array) -> Slots:
        adam = self.trained_by_adam(path, weight)
        velocity = jnp.zeros_like(weight) if adam else jnp.zeros((), weight.dtype)
        return {"momentum": jnp.zeros_like(weight), "velocity": velocity}

    def rule_for(self, path: str, weight: jax.Array) -> Rule:
        return self._adam_rule if self.trained_by_adam(path, weight) else self.rule

    def decay_for(self, path: str, weight: jax.Array) -> float | None:
        if self._left_undecayed(path):
            return None
        return self.adam_weight_decay if self.trained_by_adam(path, weight) else self.weight_decay

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        m = self.momentum * slots["momentum"] + gradient
        along = gradient + self.momentum * m if self.nesterov else m
        direction = newton_schulz(along, self.ns_steps, self.muon_a, self.muon_b, self.muon_c)
        size = 1.0 if self.rms_rate is None else self.rms_rate * math.sqrt(max(weight.shape))
        change = -learning_rate.astype(gradient.dtype) * size * direction
        return change, {**slots, "momentum": m}

    def _adam_rule(
        self, gradient: jax.Array, slots: Slots, learning_rate: jax.Array, **rest: Any
    ) -> tuple[jax.Array, Slots]:
        return self._adam.rule(gradient, slots, learning_rate * self.adam_lr_ratio, **rest)


def newton_schulz(x: jax.Array, steps: int, a: float, b: float, c: float) -> jax.Array:
    """Nearly U V^T of a matrix U S V^T, by `steps` times `a x + (b s + c s^2) x`, `s = x x^T`.

    >>> newton_schulz(jnp.array([[2.0, 0.0], [0.0, -3.0]]), 20, 1.5, -0.5, 0.0).round(3).tolist()
    [[1.0, 0.0], [0.0, -1.0]]
    """
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (jnp.sqrt(jnp.sum(jnp.square(x))) + 1e-7)
    for _ in range(steps):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if tall else x


def _patterns(value: Any) -> list[str]:
    values = [value] if isinstance(value, str) else list(value or ())
    if not all(isinstance(pattern, str) for pattern in values):
        raise ArgumentError(
            f"Muon: expected exclude_layers to be a list of regular expressions, got {value!r}."
        )
    return values
