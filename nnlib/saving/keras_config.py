"""Models as configs of Keras: written so that Keras reads them, read as Keras wrote them."""

from collections.abc import Mapping
from typing import Any

from nnlib.core.errors import ArgumentError, CorruptFileError
from nnlib.core.object_data import made, reading
from nnlib.core.shared_objects import marking_shared, only_shared
from nnlib.models.model import Model
from nnlib.saving.compile_config import compile_config, compile_from_config
from nnlib.saving.json_text import parsed
from nnlib.saving.keras_form import written

__all__ = [
    "compile_config",
    "compile_from_config",
    "model_config",
    "model_from_config",
    "model_from_json",
]


def model_config(model: Model) -> dict[str, Any]:
    """What `config.json` in a `.keras` file holds, and what `model.to_json()` returns.

    Raises:
        ArgumentError: for a model with a function in it that has no name: a lambda.

    >>> import nnlib as nn
    >>> config = model_config(nn.Sequential([nn.Input((3,)), nn.layers.Dense(2)]))
    >>> config["module"], config["class_name"], config["config"]["layers"][1]["config"]["units"]
    ('keras', 'Sequential', 2)
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"model_config: expected a model, got {model!r}.")
    with marking_shared():
        config: dict[str, Any] = only_shared(written(model))
    return config


def model_from_config(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """The model of a config that nnlib, Keras 3 or Keras 2 wrote; compiled if that says how.

    Args:
        config: a dict with "class_name" and "config".
        custom_objects: classes and functions that it names and that nnlib does not know.
        safe_mode: only True: nnlib never runs code from a config.

    Raises:
        CorruptFileError: for what no model can be made from.
        UnknownNameError: for a class or function that is not known; the text names the remedy.

    >>> import nnlib as nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.layers.Dense(2, "relu")])
    >>> model_from_config(model_config(model)).layers[0].units
    2
    """
    with reading("model_from_config", custom_objects, safe_mode):
        model = made(config)
    if not isinstance(model, Model):
        raise CorruptFileError(
            f"model_from_config: expected the config of a model, got that of {model!r:.80}."
        )
    return model


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model of what `model.to_json()` returned, in nnlib, Keras 3 or Keras 2; new weights.

    Args:
        json_string: the text.
        custom_objects: classes and functions that it names and that nnlib does not know.

    Raises:
        CorruptFileError: for what no model can be made from.
        UnknownNameError: for a class or function that is not known; the text names the remedy.

    >>> import nnlib as nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.layers.Dense(2)])
    >>> nn.models.model_from_json(model.to_json()).count_params()
    8
    """
    return model_from_config(parsed(json_string, "model_from_json"), custom_objects)
