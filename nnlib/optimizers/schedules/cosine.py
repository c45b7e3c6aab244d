"""Learning rates along cosine waves: once down, or down again and again."""

import math

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.optimizers.arguments import check_level, check_number, check_positive
from nnlib.optimizers.schedules.schedule import (
    LearningRateSchedule,
    Step,
    as_float,
    periods_done,
    rate_of,
    schedules,
)


@schedules.register()
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
        self.initial_learning_rate = rate_of(place, initial_learning_rate)
        self.decay_steps = check_positive(place, "decay_steps", decay_steps)
        self.alpha = check_number(place, "alpha", alpha)
        self.warmup_target = check_number(place, "warmup_target", warmup_target)
        self.warmup_steps = check_number(place, "warmup_steps", warmup_steps)
        self.name = name

    def __call__(self, step: Step) -> jax.Array:
        steps = as_float(step)
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


@schedules.register()
class CosineDecayRestarts(LearningRateSchedule):
    r"""Half a cosine wave down to `alpha`, then again from the top, each time longer and lower.

    `rate * ((1 - alpha) * m_mul^i * (1 + cos(pi * done)) / 2 + alpha)` in the i-th period, of which
    the share `done` is over; it lasts `first_decay_steps * t_mul^i` steps.

    Args:
        initial_learning_rate: at step 0.
        first_decay_steps: steps of the first period.
        t_mul: at least 1, how much longer each period is than the last.
        m_mul: at least 0, how much higher each period begins than the last.
        alpha: the share of the rate that remains at the end of a period.
        name: for logs.

    Raises:
        ArgumentError: for values out of range.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10, m_mul=0.5)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20, 30)]
    [0.1, 0.05, 0.05, 0.025, 0.025]

    Source: Loshchilov & Hutter, "SGDR", ICLR 2017.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        place = type(self).__name__
        self.initial_learning_rate = rate_of(place, initial_learning_rate)
        self.first_decay_steps = check_positive(place, "first_decay_steps", first_decay_steps)
        self.t_mul = check_level(place, "t_mul", t_mul)
        if self.t_mul < 1:
            raise ArgumentError(
                f"{place}: expected t_mul to be at least 1, got {t_mul!r}: the periods would end."
            )
        self.m_mul = check_level(place, "m_mul", m_mul)
        self.alpha = check_level(place, "alpha", alpha)
        self.name = name

    def __call__(self, step: Step) -> jax.Array:
        number, done = self._period(step)
        wave = 0.5 * jnp.power(jnp.float32(self.m_mul), number) * (1.0 + jnp.cos(math.pi * done))
        return self.initial_learning_rate * ((1.0 - self.alpha) * wave + self.alpha)

    def _period(self, step: Step) -> tuple[jax.Array, jax.Array]:
        """The number of the period, and which share of it is over."""
        length = self.first_decay_steps
        if self.t_mul == 1:
            number = periods_done(step, length, True)
            return number, (as_float(step) - number * length) / length
        steps, growth = as_float(step), jnp.float32(self.t_mul)
        exact = jnp.log1p(steps / length * (growth - 1.0)) / jnp.log(growth)
        number = jnp.floor(exact)
        # The logarithm may fall just below a whole number where a period begins.
        number = number + (self._begin(number + 1.0) <= steps)
        return number, (steps - self._begin(number)) / (length * growth**number)

    def _begin(self, number: jax.Array) -> jax.Array:
        """The step at which a period begins."""
        growth = jnp.float32(self.t_mul)
        return self.first_decay_steps * (growth**number - 1.0) / (growth - 1.0)
