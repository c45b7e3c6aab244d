"""Learning rates that change with the step."""

from collections.abc import Mapping
from typing import Any

from nnlib.core.config_capture import serialize
from nnlib.core.errors import ArgumentError
from nnlib.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from nnlib.optimizers.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from nnlib.optimizers.schedules.schedule import LearningRateSchedule, as_schedule, schedules

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "as_schedule",
    "deserialize",
    "serialize",
]


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> LearningRateSchedule:
    """The schedule that `serialize` wrote; `custom_objects` are further classes by name.

    >>> schedule = deserialize(serialize(ExponentialDecay(0.1, 10, 0.5)))
    >>> round(float(schedule(10)), 4)
    0.05
    """
    made = schedules.deserialize(config, custom_objects) if isinstance(config, Mapping) else None
    if not isinstance(made, LearningRateSchedule):
        raise ArgumentError(
            f"schedules.deserialize: expected the config of a schedule, got {config!r}."
        )
    return made
