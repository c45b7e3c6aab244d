"""Any optax transformation as an optimizer."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import optimizers
from nnlib.optimizers.optimizer import Optimizer, State, placed_like


@optimizers.register("OptaxOptimizer")
class OptaxOptimizer(Optimizer):
    """An optax transformation behind `compile(optimizer=...)`; its own learning rate counts.

    Made by `optax.inject_hyperparams`, its learning rate can be read and set; otherwise the state
    has no "learning_rate".

    Args:
        tx: an `optax.GradientTransformation`.
        name: for logs.

    Raises:
        ArgumentError: for anything else.

    >>> import jax.numpy as jnp, nnlib as nn, optax
    >>> optimizer, params = nn.optimizers.OptaxOptimizer(optax.sgd(0.5)), {"w": jnp.array(1.0)}
    >>> updates, _ = optimizer.update({"w": jnp.array(3.0)}, optimizer.init(params), params)
    >>> float(updates["w"])
    -1.5
    """

    def __init__(self, tx: optax.GradientTransformation, name: str | None = None):
        if not (hasattr(tx, "init") and hasattr(tx, "update")):
            raise ArgumentError(
                f"OptaxOptimizer: expected an optax.GradientTransformation, got {tx!r}. "
                "Call the factory: optax.adam(1e-3)."
            )
        super().__init__(0.0, name=name)
        self.tx = optax.with_extra_args_support(tx)

    def init(self, params: Any) -> State:
        slots = self.tx.init(params)
        return {**_rate_in(slots), "step": jnp.int32(0), "slots": slots}

    def update(self, grads: Any, state: State, params: Any = None) -> tuple[Any, State]:
        slots = state["slots"]
        if "learning_rate" in state:
            slots = _with_rate(slots, state["learning_rate"])
        updates, slots = self.tx.update(grads, slots, params)
        return updates, {**_rate_in(slots), "step": state["step"] + 1, "slots": slots}

    @property
    def learning_rate(self) -> jax.Array:
        """The transformation's learning rate, if `optax.inject_hyperparams` made it."""
        return self._state_with_rate()["learning_rate"]

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        state = self._state_with_rate()
        rate = placed_like(state["learning_rate"], self._checked_rate(value))
        self.state = state | {"learning_rate": rate}

    def _state_with_rate(self) -> State:
        if self.state is None or "learning_rate" not in self.state:
            raise ArgumentError(
                f"{self.name}: expected a transformation with a learning rate to read or set, once "
                "training began. Make it with optax.inject_hyperparams(optax.adam)(1e-3)."
            )
        return self.state


def _rate_in(slots: Any) -> dict[str, jax.Array]:
    """{"learning_rate": ...} of a state of inject_hyperparams, else {}."""
    hyperparams = getattr(slots, "hyperparams", {})
    return {k: hyperparams[k] for k in ("learning_rate",) if k in hyperparams}


def _with_rate(slots: Any, rate: jax.Array) -> Any:
    return slots._replace(hyperparams={**slots.hyperparams, "learning_rate": rate})
