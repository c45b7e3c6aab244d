"""The `training_config` of Keras 2, as arguments of `compile` that Keras 3 would have written."""

from collections.abc import Mapping
from typing import Any

from nnlib.core.object_data import is_object

_NESTED = ("metrics", "weighted_metrics")


def modern_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Those arguments that Keras 2 wrote otherwise."""
    found = {"optimizer": modern_optimizer(config["optimizer_config"])}
    if "loss" in config:
        found["loss"] = _without_auto(config["loss"])
    for name in _NESTED:
        value: Any = config.get(name)
        alone = isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)
        found[name] = value[0] if alone else value  # of the only output
    return found


def modern_optimizer(data: Any) -> Any:
    """An optimizer with a schedule in place of `decay`: rate / (1 + decay * step)."""
    if not is_object(data) or not isinstance(data["config"], Mapping):
        return data
    config = dict(data["config"])
    decay = config.pop("decay", 0)
    key = "lr" if "lr" in config else "learning_rate"
    rate = config.get(key)
    if decay and isinstance(decay, int | float) and isinstance(rate, int | float):
        arguments = {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay}
        config[key] = {"class_name": "InverseTimeDecay", "config": arguments}
    return {**data, "config": config}


def _without_auto(data: Any) -> Any:
    """Losses whose reduction is "auto", which meant the mean over the batch."""
    if isinstance(data, list):
        return [_without_auto(item) for item in data]
    if not isinstance(data, Mapping):
        return data
    new = {key: _without_auto(value) for key, value in data.items()}
    if new.get("reduction") == "auto":
        new["reduction"] = "sum_over_batch_size"
    return new
