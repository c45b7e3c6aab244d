"""Learning rates that change with the step."""

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.optimizers.arguments import check_number, check_positive

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


class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps in which the rate is multiplied by decay_rate once.
        decay_rate: a factor above 0.
        staircase: whether the exponent is rounded down, so that the rate falls in steps.
        name: for logs.

    Raises:
        ArgumentError: for values out of range.

    >>> schedule = ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    >>> [round(float(schedule(step)), 4) for step in (0, 10, 20)]
    [0.1, 0.05, 0.025]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        place = type(self).__name__
        self.initial_learning_rate = _rate(place, initial_learning_rate)
        self.decay_steps = check_positive(place, "decay_steps", decay_steps)
        self.decay_rate = check_positive(place, "decay_rate", decay_rate)
        self.staircase = bool(staircase)
        self.name = name

    def __call__(self, step: Step) -> jax.Array:
        periods = _periods(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate * jnp.power(jnp.float32(self.decay_rate), periods)


class InverseTimeDecay(ExponentialDecay):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: the unit that steps are counted in.
        decay_rate: a factor above 0.
        staircase: whether `step / decay_steps` is rounded down.
        name: for logs.

    Raises:
        ArgumentError: for values out of range.

    >>> schedule = InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)
    >>> [round(float(schedule(step)), 4) for step in (0, 10, 30)]
    [0.1, 0.05, 0.025]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: Step) -> jax.Array:
        periods = _periods(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate / (1.0 + self.decay_rate * periods)


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` up to and including step `boundaries[i]`, the last value beyond.

    Args:
        boundaries: steps, in growing order.
        values: one learning rate more than there are boundaries.
        name: for logs.

    Raises:
        ArgumentError: for lengths or an order that do not fit.

    >>> schedule = PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
    >>> [round(float(schedule(step)), 4) for step in (100, 101, 500)]
    [0.1, 0.01, 0.001]
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ):
        place = type(self).__name__
        if len(values) != len(boundaries) + 1:
            raise ArgumentError(
                f"{place}: expected one value more than boundaries, got {len(boundaries)} "
                f"boundaries and {len(values)} values."
            )
        if list(boundaries) != sorted(boundaries):
            raise ArgumentError(
                f"{place}: expected boundaries in growing order, got {list(boundaries)}."
            )
        self.boundaries = list(boundaries)
        self.values = [_rate(place, value) for value in values]
        self.name = name

    def __call__(self, step: Step) -> jax.Array:
        if not self.boundaries:
            return jnp.float32(self.values[0])
        passed = jnp.asarray(step) > jnp.asarray(self.boundaries)
        return jnp.asarray(self.values, jnp.float32)[jnp.sum(passed)]


class PolynomialDecay(LearningRateSchedule):
    """From one rate to another along `(1 - step / decay_steps) ** power`.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps until the end.
        end_learning_rate: from there on.
        power: 1 for a straight line.
        cycle: whether to begin again, over twice, three times ... decay_steps.
        name: for logs.

    Raises:
        ArgumentError: for values out of range.

    >>> schedule = PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 20)]
    [0.1, 0.05, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        place = type(self).__name__
        self.initial_learning_rate = _rate(place, initial_learning_rate)
        self.decay_steps = check_positive(place, "decay_steps", decay_steps)
        self.end_learning_rate = _rate(place, end_learning_rate)
        self.power, self.cycle, self.name = power, bool(cycle), name

    def __call__(self, step: Step) -> jax.Array:
        steps, span = _as_float(step), jnp.float32(self.decay_steps)
        if self.cycle:
            span = span * jnp.maximum(1.0, -_periods(-jnp.asarray(step), self.decay_steps, True))
        left = 1.0 - jnp.minimum(steps, span) / span
        fall = self.initial_learning_rate - self.end_learning_rate
        return fall * jnp.power(left, self.power) + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    r"""Half a cosine wave down to `alpha`, after an optional straight way up.

    `rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha)`

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps of the way down.
        alpha: the share of the highest rate that remains in the end.
        name: for logs.
        warmup_target: the highest rate, reached after warmup_steps; None for no way up.
        warmup_steps: steps of the way up; the way down begins after them.

    Raises:
        ArgumentError: for values out of range.

    >>> schedule = CosineDecay(0.0, decay_steps=10, warmup_target=0.1, warmup_steps=10)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 15, 20)]
    [0.0, 0.05, 0.1, 0.05, 0.0]

    Source: Loshchilov & Hutter, "SGDR", ICLR 2017.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ):
        place = type(self).__name__
        self.initial_learning_rate = _rate(place, initial_learning_rate)
        self.decay_steps = check_positive(place, "decay_steps", decay_steps)
        self.alpha = check_number(place, "alpha", alpha)
        self.warmup_target = check_number(place, "warmup_target", warmup_target)
        self.warmup_steps = check_number(place, "warmup_steps", warmup_steps)
        self.name = name

    def __call__(self, step: Step) -> jax.Array:
        steps = _as_float(step)
        if self.warmup_target is None:
            return self._decayed(steps, self.initial_learning_rate)
        warm = self.warmup_steps or 0.0
        way_up = (self.warmup_target - self.initial_learning_rate) * steps / max(warm, 1.0)
        rising = self.initial_learning_rate + way_up
        return jnp.where(steps < warm, rising, self._decayed(steps - warm, self.warmup_target))

    def _decayed(self, steps: jax.Array, top: float) -> jax.Array:
        done = jnp.clip(steps / self.decay_steps, 0.0, 1.0)
        wave = 0.5 * (1.0 + jnp.cos(math.pi * done))
        alpha = self.alpha or 0.0
        return top * ((1.0 - alpha) * wave + alpha)


def _rate(place: str, value: Any) -> float:
    number = check_number(place, "the learning rate", value)
    if number is None:
        raise ArgumentError(f"{place}: expected the learning rate to be a number, got None.")
    return number


def _periods(step: Step, length: float, whole: bool) -> jax.Array:
    """`step / length`, rounded down if `whole`: in integers, as XLA may make 14 / 7 a 1.99."""
    if not whole:
        return _as_float(step) / length
    return _as_float(jnp.asarray(step) // (int(length) if length.is_integer() else length))


def _as_float(step: Step) -> jax.Array:
    return jnp.asarray(step).astype(jnp.float32)


__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]
