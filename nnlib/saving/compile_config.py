"""What a model was compiled with, as Keras writes it, and back."""

from collections.abc import Mapping
from typing import Any

from nnlib import losses, metrics, optimizers
from nnlib.core.errors import CorruptFileError
from nnlib.core.object_data import is_object, made, reading
from nnlib.models.model import Model
from nnlib.saving.keras_form import written
from nnlib.saving.legacy_compile import modern_arguments

_PLACE = "compile_from_config"
_ARGUMENTS = (
    "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly",
    "steps_per_execution", "jit_compile", "auto_scale_loss",
)  # fmt: skip


def compile_config(model: Model) -> dict[str, Any]:
    """The arguments of `compile` as plain data; {} for a model that is not compiled.

    `steps_per_execution` is 1 where `fit` may choose, which is what Keras writes by default.

    Raises:
        ArgumentError: for a loss or a metric without a name that leads to it: a lambda.
    """
    compiled = model.trainer.compiled
    if compiled is None:
        return {}
    given = {name: getattr(compiled, name) for name in _ARGUMENTS if name != "auto_scale_loss"}
    return {name: written(value) for name, value in given.items()} | {
        "steps_per_execution": compiled.steps_per_execution or 1
    }


def compile_from_config(model: Model, config: Mapping[str, Any]) -> None:
    """Compile a model as `compile_config`, Keras 3 or Keras 2's `training_config` says.

    Raises:
        CorruptFileError: for what no arguments of `compile` can be made from.
        UnknownNameError: for a loss, a metric or an optimizer that is not known.
    """
    with reading(_PLACE):
        if not isinstance(config, Mapping):
            raise CorruptFileError(f"{_PLACE}: expected a dict, got {config!r:.80}.")
        if not config:
            return
        arguments = {name: config[name] for name in _ARGUMENTS if name in config}
        if "optimizer_config" in config:
            arguments |= modern_arguments(config)
        read = {name: _READERS.get(name, made)(value) for name, value in arguments.items()}
        if read.get("steps_per_execution") == 1:  # Keras' default: nobody chose
            read.pop("steps_per_execution")
        if read.get("run_eagerly"):
            read.pop("jit_compile", None)
        model.compile(**read)


def _each(read: Any, data: Any) -> Any:
    """`read` for every object or name in lists and dicts."""
    if data is None or isinstance(data, str) or is_object(data):
        return None if data is None else read(data)
    if isinstance(data, Mapping):
        return {key: _each(read, value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_each(read, value) for value in data]
    raise CorruptFileError(f"{_PLACE}: expected names and configs, got {data!r:.80}.")


def _by_name(registry: Any) -> Any:
    """Names stay names: which function "accuracy" is depends on the shapes."""

    def read(data: Any) -> Any:
        if isinstance(data, str):
            return data
        return made(data) if "module" in data else registry.deserialize(data)

    return read


_READERS = {
    "optimizer": lambda data: _each(_by_name(optimizers), data),
    "loss": lambda data: _each(_by_name(losses), data),
    "metrics": lambda data: _each(_by_name(metrics), data),
    "weighted_metrics": lambda data: _each(_by_name(metrics), data),
}
