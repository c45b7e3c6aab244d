"""The learning rates of an optimizer, or of those that a MultiOptimizer holds."""

from typing import Any

from nnlib.training.callback import Logs


def optimizers_of(model: Any) -> dict[str, Any]:
    """The optimizers that have a learning rate, by what is put behind `learning_rate` in logs."""
    many = getattr(model.optimizer, "optimizers", None)
    if many is None:
        return {"": model.optimizer}
    return {f"_{optimizer.name}": optimizer for optimizer in many}


def log_rates(model: Any, logs: Logs | None) -> None:
    """Put `learning_rate`, or `learning_rate_<name>` of several, into the logs of the epoch."""
    if logs is not None:
        for suffix, optimizer in optimizers_of(model).items():
            logs[f"learning_rate{suffix}"] = float(optimizer.learning_rate)
