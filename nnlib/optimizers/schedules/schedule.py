"""LearningRateSchedule: a learning rate as a pure function of the step."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.core.registry import Registry
from nnlib.optimizers.arguments import check_number

schedules = Registry("learning rate schedule", "nnlib.optimizers.schedules")

Step = Any  # an integer, or a traced int32 scalar


class LearningRateSchedule(Configurable):
    """The base of schedules: a pure `__call__(step)`, of an integer or traced step, from 0.

    >>> import nnlib as nn
    >>> class Halving(nn.optimizers.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5 ** step
    >>> nn.optimizers.SGD(Halving()).learning_rate.item()
    0.10000000149011612
    """

    def __call__(self, step: Step) -> jax.Array:
        raise NotImplementedError(f"{type(self).__name__}: expected __call__(step), got none.")


class FunctionSchedule(LearningRateSchedule):
    """A schedule from a function of the step, such as one of optax.

    >>> float(FunctionSchedule(lambda step: 0.5)(3))
    0.5
    """

    def __init__(self, function: Callable[[Any], Any]):
        self.function = function

    def __call__(self, step: Step) -> jax.Array:
        return jnp.asarray(self.function(step), jnp.float32)


def as_schedule(place: str, value: Any) -> LearningRateSchedule:
    """A schedule, or one made from a function of the step."""
    if isinstance(value, LearningRateSchedule):
        return value
    try:
        inspect.signature(value).bind(0)
    except TypeError:
        raise ArgumentError(
            f"{place}: expected learning_rate to be a number, a schedule or a function of the "
            f"step, got {value!r}. A function without arguments would be read only once: "
            "take the step."
        ) from None
    return FunctionSchedule(value)


def rate_of(place: str, value: Any) -> float:
    """`value` as a float of at least 0."""
    number = check_number(place, "the learning rate", value)
    if number is None:
        raise ArgumentError(f"{place}: expected the learning rate to be a number, got None.")
    return number


def periods_done(step: Step, length: float, whole: bool) -> jax.Array:
    """`step / length`, rounded down if `whole`: in integers, as XLA may make 14 / 7 a 1.99."""
    if not whole:
        return as_float(step) / length
    return as_float(jnp.asarray(step) // (int(length) if length.is_integer() else length))


def as_float(step: Step) -> jax.Array:
    """The step as float32."""
    return jnp.asarray(step).astype(jnp.float32)
