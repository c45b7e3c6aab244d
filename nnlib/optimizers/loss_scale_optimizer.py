"""Dynamic loss scaling: small gradients of 16-bit floats do not vanish, large ones do no harm."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, UnexpectedArgumentError
from nnlib.core.registries import optimizers
from nnlib.optimizers.arguments import check_count, check_positive
from nnlib.optimizers.optimizer import CommonArguments, Optimizer, State

OWN = ("loss_scale", "finite_steps")


@optimizers.register("loss_scale_optimizer", "LossScaleOptimizer")
class LossScaleOptimizer(Optimizer):
    """Another optimizer, for gradients of `scale_loss(loss, state)`, divided by that scale again.

    Where a gradient is not finite, nothing moves and the scale is halved; after
    `dynamic_growth_steps` steps without such it is doubled. The state is the inner optimizer's
    with {"loss_scale": float32, "finite_steps": int32} besides.

    Args:
        inner_optimizer: the Optimizer that moves the weights.
        initial_scale: what the loss is multiplied by at first; rather too large than too small.
        dynamic_growth_steps: after how many steps the scale is doubled.
        name: for logs.

    Raises:
        ArgumentError: for values out of range, and for an inner optimizer that scales by itself.
        UnexpectedArgumentError: for what belongs to the inner optimizer: clipnorm and so on.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer = nn.optimizers.LossScaleOptimizer(nn.optimizers.SGD(0.5), initial_scale=8.0)
    >>> params = {"w": jnp.array(1.0)}
    >>> state = optimizer.init(params)
    >>> float(optimizer.scale_loss(jnp.array(3.0), state))
    24.0
    >>> updates, state = optimizer.update({"w": jnp.array(8.0)}, state, params)
    >>> float(updates["w"])
    -0.5
    >>> updates, state = optimizer.update({"w": jnp.array(jnp.inf)}, state, params)
    >>> float(updates["w"]), float(state["loss_scale"]), int(state["step"])
    (0.0, 4.0, 1)

    Source: Micikevicius et al., "Mixed Precision Training", ICLR 2018.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **unknown: Any,
    ):
        if not isinstance(inner_optimizer, Optimizer) or hasattr(inner_optimizer, "initial_scale"):
            raise ArgumentError(
                "LossScaleOptimizer: expected inner_optimizer to be an Optimizer without dynamic "
                f"loss scaling, got {inner_optimizer!r}."
            )
        if inner_optimizer.loss_scale_factor is not None:
            raise ArgumentError(
                "LossScaleOptimizer: expected an inner optimizer without loss_scale_factor, got "
                f"{inner_optimizer.loss_scale_factor:g}: gradients would be divided twice."
            )
        self.inner_optimizer = inner_optimizer
        _refuse_for_inner(unknown)
        super().__init__(0.0, name=name, **unknown)
        self.initial_scale = check_positive("LossScaleOptimizer", "initial_scale", initial_scale)
        self.dynamic_growth_steps = (
            check_count("LossScaleOptimizer", "dynamic_growth_steps", dynamic_growth_steps) or 2000
        )

    def init(self, params: Any) -> State:
        own = {"loss_scale": jnp.float32(self.initial_scale), "finite_steps": jnp.int32(0)}
        return self.inner_optimizer.init(params) | own

    def update(self, grads: Any, state: State, params: Any = None) -> tuple[Any, State]:
        inner = {name: value for name, value in state.items() if name not in OWN}
        scale, steps = state["loss_scale"], state["finite_steps"]
        finite = jnp.array([jnp.all(jnp.isfinite(g)) for g in jax.tree.leaves(grads)], bool).all()

        def move() -> tuple[Any, State]:
            unscaled = jax.tree.map(lambda gradient: gradient / scale, grads)
            return self.inner_optimizer.update(unscaled, inner, params)

        def rest() -> tuple[Any, State]:
            return jax.tree.map(jnp.zeros_like, params), inner

        changes, inner = jax.lax.cond(finite, move, rest)
        grown = finite & (steps == self.dynamic_growth_steps - 1)
        factor = jnp.where(finite, jnp.where(grown, 2.0, 1.0), 0.5)
        counted = jnp.where(finite & ~grown, steps + 1, 0)
        return changes, inner | {"loss_scale": scale * factor, "finite_steps": counted}

    def scale_loss(self, loss: Any, state: State | None = None) -> Any:
        """The loss times the scale of `state`; of the state shown last, or the first, without."""
        shown = (self.state if state is None else state) or {}
        return loss * shown.get("loss_scale", jnp.float32(self.initial_scale))

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """As the inner optimizer's."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    # The inner optimizer keeps the state that is shown, and so tells learning rate and step.

    @property
    def state(self) -> State | None:
        """What is known of the state at present."""
        return self.inner_optimizer.state

    @state.setter
    def state(self, value: State | None) -> None:
        self.inner_optimizer.state = value

    @property
    def learning_rate(self) -> jax.Array:
        """The inner optimizer's."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> int:
        """The inner optimizer's: how often the weights were moved."""
        return self.inner_optimizer.iterations


def _refuse_for_inner(arguments: dict[str, Any]) -> None:
    for name in arguments:
        if name in CommonArguments.__annotations__:
            raise UnexpectedArgumentError(
                "LossScaleOptimizer: expected inner_optimizer, initial_scale, "
                f"dynamic_growth_steps and name, got {name!r}. Give {name}= to the inner optimizer."
            )
