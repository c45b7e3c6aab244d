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
from nnlib.optimizers.arguments import check_clipping, check_number, refuse_unknown
from nnlib.optimizers.clipping import clipping
from nnlib.optimizers.schedules import LearningRateSchedule, as_schedule

State = dict[str, Any]
Slots = dict[str, jax.Array]


class CommonArguments(TypedDict, total=False):
    """What every optimizer accepts; see Optimizer."""

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
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
        name: str | None = None,
        **unknown: Any,
    ):
        place = type(self).__name__
        refuse_unknown(type(self), CommonArguments.__annotations__, unknown)
        self.weight_decay = check_number(place, "weight_decay", weight_decay)
        self.clipnorm, self.clipvalue, self.global_clipnorm = check_clipping(
            place, clipnorm, clipvalue, global_clipnorm
        )
        self.name = name or snake_case(place)
        self.state: State | None = None
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

    def init(self, params: Any) -> State:
        """The state before the first step."""
        rate = self._learning_rate
        first = rate(jnp.int32(0)) if isinstance(rate, LearningRateSchedule) else rate
        return {
            "learning_rate": jnp.asarray(first, jnp.float32),
            "step": jnp.int32(0),
            "slots": self._rule_transformation().init(params),
        }

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
        step = state["step"]
        rate = state["learning_rate"]
        if isinstance(self._learning_rate, LearningRateSchedule):
            rate = jnp.asarray(self._learning_rate(step), jnp.float32)
        grads = jax.tree.map(lambda w, g: jnp.asarray(g, w.dtype), params, grads)
        clip = clipping(self.clipnorm, self.clipvalue, self.global_clipnorm)
        grads, _ = clip.update(grads, clip.init(params))
        updates, slots = self._rule_transformation().update(
            grads, state["slots"], params, learning_rate=rate, step=step + 1
        )
        return updates, {"learning_rate": rate, "step": step + 1, "slots": slots}

    def _rule_transformation(self) -> optax.GradientTransformationExtraArgs:
        """`rule` and weight decay over a whole tree, as optax has it."""

        def init(params: Any) -> dict[str, Any]:
            leaves, tree = jax.tree.flatten(params)
            return _collected(tree, [self.initial_slots(leaf) for leaf in leaves])

        def update(grads: Any, slots: Any, params: Any, **extra: Any) -> tuple[Any, Any]:
            tree: Any = jax.tree.structure(params)
            by_name = {name: tree.flatten_up_to(value) for name, value in slots.items()}
            changes, new_slots = [], []
            paths = jax.tree_util.tree_flatten_with_path(params)[0]
            for i, (gradient, (path, weight)) in enumerate(
                zip(tree.flatten_up_to(grads), paths, strict=True)
            ):
                own = {name: values[i] for name, values in by_name.items()}
                decay = self._decay(path, weight, extra["learning_rate"])
                change, own = self.rule(gradient, own, weight=weight + decay, **extra)
                changes.append((decay + change).astype(weight.dtype))
                new_slots.append({n: v.astype(by_name[n][i].dtype) for n, v in own.items()})
            return tree.unflatten(changes), _collected(tree, new_slots)

        return optax.GradientTransformationExtraArgs(init, update)

    def _decay(self, path: Any, weight: jax.Array, learning_rate: jax.Array) -> Any:
        """The change of `weight` by weight decay."""
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if not self.weight_decay or any(re.search(part, name) for part in self._undecayed):
            return jnp.zeros((), weight.dtype)
        return -weight * (self.weight_decay * learning_rate).astype(weight.dtype)

    def exclude_from_weight_decay(self, var_names: Any) -> None:
        """Leave weights whose path contains one of these (regular expressions) undecayed.

        >>> import nnlib as nn
        >>> nn.optimizers.AdamW().exclude_from_weight_decay(["bias", "gamma"])
        """
        names = [var_names] if isinstance(var_names, str) else list(var_names)
        if self.state is not None:
            raise ArgumentError(
                f"{self.name}: expected exclude_from_weight_decay before training begins, "
                "got it after. Make a new optimizer."
            )
        self._undecayed = tuple(names)

    @property
    def learning_rate(self) -> jax.Array:
        """The current learning rate, a float32 scalar; set it to a number at any time."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return jnp.asarray(rate(jnp.int32(self.iterations)), jnp.float32)
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
        """The number of steps taken."""
        return 0 if self.state is None else int(self.state["step"])

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


def _collected(tree: Any, per_leaf: list[Slots]) -> dict[str, Any]:
    """{name: tree} from one {name: array} per leaf."""
    names = per_leaf[0] if per_leaf else {}
    return {name: tree.unflatten([slots[name] for slots in per_leaf]) for name in names}
