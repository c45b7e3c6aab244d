"""Learning rates that fall: by powers, by steps, along polynomials."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.optimizers.arguments import check_positive
from nnlib.optimizers.schedules.schedule import (
    LearningRateSchedule,
    Step,
    as_float,
    periods_done,
    rate_of,
    schedules,
)


@schedules.register()
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
        self.initial_learning_rate = rate_of(place, initial_learning_rate)
        self.decay_steps = check_positive(place, "decay_steps", decay_steps)
        self.decay_rate = check_positive(place, "decay_rate", decay_rate)
        self.staircase = bool(staircase)
        self.name = name

    def __call__(self, step: Step) -> jax.Array:
        periods = periods_done(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate * jnp.power(jnp.float32(self.decay_rate), periods)


@schedules.register()
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
        periods = periods_done(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate / (1.0 + self.decay_rate * periods)


@schedules.register()
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
        self.values = [rate_of(place, value) for value in values]
        self.name = name

    def __call__(self, step: Step) -> jax.Array:
        if not self.boundaries:
            return jnp.float32(self.values[0])
        passed = jnp.asarray(step) > jnp.asarray(self.boundaries)
        return jnp.asarray(self.values, jnp.float32)[jnp.sum(passed)]


@schedules.register()
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
        self.initial_learning_rate = rate_of(place, initial_learning_rate)
        self.decay_steps = check_positive(place, "decay_steps", decay_steps)
        self.end_learning_rate = rate_of(place, end_learning_rate)
        self.power, self.cycle, self.name = power, bool(cycle), name

    def __call__(self, step: Step) -> jax.Array:
        steps, span = as_float(step), jnp.float32(self.decay_steps)
        if self.cycle:
            span = span * jnp.maximum(
                1.0, -periods_done(-jnp.asarray(step), self.decay_steps, True)
            )
        left = 1.0 - jnp.minimum(steps, span) / span
        fall = self.initial_learning_rate - self.end_learning_rate
        return fall * jnp.power(left, self.power) + self.end_learning_rate
