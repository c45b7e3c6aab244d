"""Optimizer: how gradients change weights. optax's pure protocol behind Keras' names."""

import re
from collections.abc import Callable
from typing import Any, TypedDict

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.core.naming import snake_case
from nnlib.optimizers.accumulation import accumulated_step
from nnlib.optimizers.arguments import (
    check_averaging,
    check_clipping,
    check_count,
    check_number,
    check_positive,
    refuse_unknown,
)
from nnlib.optimizers.averaging import averaged_step, overwriting
from nnlib.optimizers.clipping import clipping
from nnlib.optimizers.rules import Rule, Slots, over_tree
from nnlib.optimizers.schedules import LearningRateSchedule, as_schedule

State = dict[str, Any]


class CommonArguments(TypedDict, total=False):
    """What every optimizer accepts; see Optimizer."""

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class Optimizer(Configurable):
    """The base of optimizers: `init(params) -> state`, `update(grads, state, params)`.

    This is optax's protocol: `optax.apply_updates(params, updates)` is the step. The state is
    {"learning_rate": float32, "step": int32, "slots": {name: a tree like params}}; since the
    learning rate is in it, a new one needs no new compilation. Subclasses write `rule`, and
    `initial_slots` where they remember something.

    Args:
        learning_rate: a number of at least 0, a LearningRateSchedule, or a function of the step.
        weight_decay: per step, weights shrink by `weight_decay * learning_rate` of themselves.
        clipnorm: the largest norm that the gradient of a single weight may have.
        clipvalue: the largest size of a single element of a gradient.
        global_clipnorm: the largest norm that all gradients together may have. At most one of
            the three.
        use_ema: whether to keep a running mean of the weights, with which `fit` replaces them at
            its end.
        ema_momentum: from 0 to 1, how much of the mean is kept per step.
        ema_overwrite_frequency: after how many steps the weights are replaced by the mean, again
            and again; None for the end alone.
        loss_scale_factor: what the loss was multiplied by; gradients are divided by it.
        gradient_accumulation_steps: weights move once in so many calls, by the mean of their
            gradients; None for each call. A schedule still counts calls.
        name: for logs; None for the class name in snake_case.

    Raises:
        ArgumentError: for values out of range, and for two kinds of clipping.
        UnexpectedArgumentError: for an argument that is not known, such as `lr`.

    >>> import jax.numpy as jnp, nnlib as nn, optax
    >>> class SignSGD(nn.optimizers.Optimizer):
    ...     def rule(self, gradient, slots, learning_rate, step, weight):
    ...         return -learning_rate * jnp.sign(gradient), slots
    >>> optimizer, params = SignSGD(0.5), {"w": jnp.array([1.0, 1.0])}
    >>> state = optimizer.init(params)
    >>> updates, state = optimizer.update({"w": jnp.array([3.0, -3.0])}, state, params)
    >>> optax.apply_updates(params, updates)["w"].tolist()
    [0.5, 1.5]
    """

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **unknown: Any,
    ):
        place = type(self).__name__
        refuse_unknown(type(self), CommonArguments.__annotations__, unknown)
        self.weight_decay = check_number(place, "weight_decay", weight_decay)
        self.clipnorm, self.clipvalue, self.global_clipnorm = check_clipping(
            place, clipnorm, clipvalue, global_clipnorm
        )
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = check_averaging(
            place, use_ema, ema_momentum, ema_overwrite_frequency
        )
        self.loss_scale_factor = (
            None
            if loss_scale_factor is None
            else check_positive(place, "loss_scale_factor", loss_scale_factor)
        )
        self.gradient_accumulation_steps = check_count(
            place, "gradient_accumulation_steps", gradient_accumulation_steps, 2
        )
        self.name = name or snake_case(place)
        self.state: State | None = None
        self._undecayed_paths: tuple[str, ...] = ()
        self._undecayed: tuple[str, ...] = ()
        self._learning_rate = self._checked_rate(learning_rate)

    def initial_slots(self, weight: jax.Array) -> Slots:
        """What to remember of one weight, before the first step."""
        return {}

    def rule(
        self,
        gradient: jax.Array,
        slots: Slots,
        learning_rate: jax.Array,
        step: jax.Array,
        weight: jax.Array,
    ) -> tuple[jax.Array, Slots]:
        """The change of one weight, and its new slots; written by subclasses.

        Args:
            gradient: of the weight's shape and dtype.
            slots: as `initial_slots` or the last `rule` returned them.
            learning_rate: a float32 scalar.
            step: an int32 scalar, 1 at the first step.
            weight: its value, after weight decay.
        """
        raise NotImplementedError(f"{type(self).__name__}: expected a `rule` method, got none.")

    def slots_for(self, path: str, weight: jax.Array) -> Slots:
        """`initial_slots`, for optimizers that treat some weights differently."""
        return self.initial_slots(weight)

    def rule_for(self, path: str, weight: jax.Array) -> Rule:
        """`rule`, for optimizers that treat some weights differently."""
        return self.rule

    def decay_for(self, path: str, weight: jax.Array) -> float | None:
        """`weight_decay` unless the weight was left out; see `exclude_from_weight_decay`."""
        return None if self._left_undecayed(path) else self.weight_decay

    def _left_undecayed(self, path: str) -> bool:
        patterns = self._undecayed
        return path in self._undecayed_paths or any(re.search(part, path) for part in patterns)

    def init(self, params: Any) -> State:
        """The state before the first step."""
        rate = self._learning_rate
        first = rate(jnp.int32(0)) if isinstance(rate, LearningRateSchedule) else rate
        state = {
            "learning_rate": jnp.asarray(first, jnp.float32),
            "step": jnp.int32(0),
            "slots": self._over_tree().init(params),
        }
        if self.gradient_accumulation_steps:
            state["accumulated"] = jax.tree.map(jnp.zeros_like, params)
        if self.use_ema:
            state["average"] = jax.tree.map(jnp.copy, params)
        return state

    def update(self, grads: Any, state: State, params: Any = None) -> tuple[Any, State]:
        """The changes of all weights, and the next state.

        Args:
            grads: a tree like params.
            state: from `init` or the last `update`.
            params: the current weights, a tree of arrays, which may be empty.
        """
        if params is None:
            raise ArgumentError(
                f"{self.name}: expected update(grads, state, params), got no params. "
                "Weight decay and the slots need them."
            )
        step, rate = state["step"], state["learning_rate"]
        if isinstance(self._learning_rate, LearningRateSchedule):
            rate = jnp.asarray(self._learning_rate(step), jnp.float32)
        new = {"learning_rate": rate, "step": step + 1}
        every = self.gradient_accumulation_steps
        iterations = step if every is None else step // every
        grads = jax.tree.map(lambda w, g: self._unscaled(jnp.asarray(g, w.dtype)), params, grads)

        def take(grads: Any) -> tuple[Any, Any]:
            clip = clipping(self.clipnorm, self.clipvalue, self.global_clipnorm)
            grads, _ = clip.update(grads, clip.init(params))
            rules, extra = self._over_tree(), {"learning_rate": rate}
            return rules.update(grads, state["slots"], params, step=iterations + 1, **extra)

        if every is None:
            changes, new["slots"] = take(grads)
        else:
            sums, slots = state["accumulated"], state["slots"]
            changes, new["slots"], new["accumulated"] = accumulated_step(
                take, every, step, grads, sums, slots
            )
        if self.use_ema:
            average = new["average"] = averaged_step(
                state["average"], params, changes, iterations, self.ema_momentum
            )
            if self.ema_overwrite_frequency:
                changes = overwriting(
                    average, params, changes, iterations, self.ema_overwrite_frequency
                )
        return changes, new

    def _unscaled(self, gradient: jax.Array) -> jax.Array:
        return gradient / self.loss_scale_factor if self.loss_scale_factor else gradient

    def _over_tree(self) -> optax.GradientTransformationExtraArgs:
        return over_tree(self.slots_for, self.rule_for, self.decay_for)

    # Around the step -----------------------------------------------------------------------------

    def stateless_apply(
        self, optimizer_variables: State, grads: Any, trainable_variables: Any
    ) -> tuple[Any, State]:
        """One whole step: `(new weights, new state)`, in the order that Keras has.

        Args:
            optimizer_variables: the state, from `init` or the last step.
            grads: a tree like the weights.
            trainable_variables: the weights.

        >>> import jax.numpy as jnp, nnlib as nn
        >>> optimizer, params = nn.optimizers.SGD(0.5), {"w": jnp.array(1.0)}
        >>> state = optimizer.init(params)
        >>> params, state = optimizer.stateless_apply(state, {"w": jnp.array(1.0)}, params)
        >>> float(params["w"])
        0.5
        """
        changes, state = self.update(grads, optimizer_variables, trainable_variables)
        return optax.apply_updates(trainable_variables, changes), state

    def apply_gradients(self, grads_and_vars: Any) -> None:
        """Refused: arrays cannot be written in place; see `stateless_apply`."""
        raise ArgumentError(
            f"{self.name}: expected a pure step, got apply() or apply_gradients(), which would "
            "write arrays in place. Write `params, state = optimizer.stateless_apply(state, grads, "
            "params)` with state = optimizer.init(params)."
        )

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Refused, as `apply_gradients`."""
        self.apply_gradients((grads, trainable_variables))

    def scale_loss(self, loss: Any, state: State | None = None) -> Any:
        """The loss to take gradients of: multiplied by what `update` divides gradients by."""
        return loss * self.loss_scale_factor if self.loss_scale_factor else loss

    def averages(self, state: State) -> Any:
        """The running means of the weights, a tree like params; None without `use_ema`."""
        return state.get("average")

    def finalize_variable_values(self, var_list: Any, state: State) -> Any:
        """The weights to end training with: copies of the means with `use_ema`, else as they are.

        Args:
            var_list: the weights, a tree.
            state: the optimizer's state.
        """
        average = self.averages(state)
        return var_list if average is None else jax.tree.map(jnp.copy, average)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Leave some weights undecayed.

        Args:
            var_list: whole paths of weights, such as "encoder/dense_1/kernel"; arrays themselves
                do not know what they are called.
            var_names: regular expressions; weights in whose path one is found are left out.

        Raises:
            ArgumentError: for arrays instead of paths, and once training began.

        >>> import nnlib as nn
        >>> nn.optimizers.AdamW().exclude_from_weight_decay(var_names=["bias", "gamma"])
        """
        names = {"var_list": _listed(var_list), "var_names": _listed(var_names)}
        for argument, values in names.items():
            if wrong := [value for value in values if not isinstance(value, str)]:
                raise ArgumentError(
                    f"{self.name}: expected {argument} to hold strings, got "
                    f"{type(wrong[0]).__name__}. Write the path of the weight: 'dense/kernel'."
                )
        if self.state is not None:
            raise ArgumentError(
                f"{self.name}: expected exclude_from_weight_decay before training begins, "
                "got it after. Make a new optimizer."
            )
        self._undecayed_paths, self._undecayed = names["var_list"], names["var_names"]

    @property
    def learning_rate(self) -> jax.Array:
        """The current learning rate, a float32 scalar; set it to a number at any time."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            calls = 0 if self.state is None else self.state["step"]
            return jnp.asarray(rate(jnp.int32(calls)), jnp.float32)
        if self.state is not None:
            return self.state["learning_rate"]
        return jnp.asarray(rate, jnp.float32)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(self._learning_rate, LearningRateSchedule):
            raise ArgumentError(
                f"{self.name}: expected a learning rate that is not a schedule, to set it to "
                f"{value!r}: the schedule decides. Make the optimizer with a number."
            )
        rate = self._checked_rate(value)
        if self.state is not None:
            if isinstance(rate, LearningRateSchedule):
                raise ArgumentError(
                    f"{self.name}: expected a number as the new learning rate, got a schedule "
                    "after training began. Compile again with it as learning_rate=."
                )
            old = self.state["learning_rate"]
            self.state = self.state | {"learning_rate": placed_like(old, rate)}
        self._learning_rate = rate

    @property
    def iterations(self) -> int:
        """How often the weights were moved."""
        calls = 0 if self.state is None else int(self.state["step"])
        return calls // (self.gradient_accumulation_steps or 1)

    def _checked_rate(self, value: Any) -> float | LearningRateSchedule:
        if isinstance(value, LearningRateSchedule | Callable):
            return as_schedule(type(self).__name__, value)
        if isinstance(value, jax.Array | np.ndarray) and value.ndim == 0:
            value = value.item()
        number = check_number(type(self).__name__, "learning_rate", value)
        if number is None:
            raise ArgumentError(
                f"{type(self).__name__}: expected learning_rate to be a number, a schedule or a "
                "function of the step, got None."
            )
        return number

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if "learning_rate" in config and isinstance(self._learning_rate, float):
            config["learning_rate"] = self._learning_rate
            if self.learning_rate != self._learning_rate:  # a state restored from elsewhere
                config["learning_rate"] = float(self.learning_rate)
        return config

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def placed_like(old: jax.Array, value: Any) -> jax.Array:
    """`value` with the dtype and on the devices of `old`, so that nothing compiles again."""
    new = np.asarray(value, old.dtype)
    committed = getattr(old, "committed", False)
    return jax.device_put(new, old.sharding) if committed else jnp.asarray(new)


def _listed(value: Any) -> tuple[Any, ...]:
    if value is None or isinstance(value, str):
        return () if value is None else (value,)
    return tuple(value)
