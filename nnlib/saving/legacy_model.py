"""Whole models in one HDF5 file, as Keras 2 wrote them and Keras 3 still reads them."""

import json
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from nnlib.core.errors import ShapeError
from nnlib.core.object_data import reading as reading_config
from nnlib.saving import legacy_weights, training_state
from nnlib.saving.atomic import writing
from nnlib.saving.h5_files import Writer, array_of, created, damaged, dataset_at, group_at, opened
from nnlib.saving.json_text import parsed
from nnlib.saving.keras_archive import KERAS_VERSION
from nnlib.saving.keras_config import (
    compile_config,
    compile_from_config,
    model_config,
    model_from_config,
)
from nnlib.saving.optimizer_variables import entries, is_known, values

if TYPE_CHECKING:
    from nnlib.models.model import Model

_WEIGHTS, _OPTIMIZER = "model_weights", "optimizer_weights"
_LONG = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
}


def save(
    model: "Model", path: Path, overwrite: bool = True, include_optimizer: bool = True
) -> None:
    """Write a model to `path`; see `Model.save`."""
    config = model_config(model)
    config.pop("compile_config", None)
    training = training_config(model) if include_optimizer else None
    with writing(path, overwrite) as new, created(new, checksums=True) as file:
        file.attrs["keras_version"] = KERAS_VERSION.encode()
        file.attrs["backend"] = b"jax"
        _put_json(file, "model_config", config)
        if training:
            _put_json(file, "training_config", training)
        legacy_weights.save_weights(model, file.create_group(_WEIGHTS))
        if include_optimizer:
            _save_optimizer(model, file)
        training_state.save_own(model, file, include_optimizer)


def training_config(model: "Model") -> dict[str, Any] | None:
    """The arguments of `compile` under the names that Keras 2 gave them."""
    if not training_state.has_optimizer(model):
        return None
    config = compile_config(model)
    return {
        "loss": _long_names(config["loss"]),
        "metrics": config["metrics"],
        "weighted_metrics": config["weighted_metrics"],
        "loss_weights": config["loss_weights"],
        "optimizer_config": config["optimizer"],
    }


def _long_names(data: Any) -> Any:
    """Names of losses in full: Keras' reader of these files knows no others."""
    if isinstance(data, str):
        return _LONG.get(data.lower(), data)
    if isinstance(data, list):
        return [_long_names(item) for item in data]
    if isinstance(data, dict) and "class_name" not in data:
        return {name: _long_names(item) for name, item in data.items()}
    return data


def _put_json(file: h5py.File, name: str, data: Any) -> None:
    """Store JSON with its checksum: HDF5 has none for long attributes."""
    text = json.dumps(data).encode()
    file.attrs[name] = text
    file.attrs[f"{name}_crc32"] = zlib.crc32(text)


def _json_of(file: h5py.File, name: str, source: str) -> dict[str, Any] | None:
    text = file.attrs.get(name)
    if text is None:
        return None
    text = text.encode() if isinstance(text, str) else bytes(text)
    checksum = file.attrs.get(f"{name}_crc32")
    if checksum is not None and int(checksum) != zlib.crc32(text):
        raise damaged(source, f"the checksum of {name} is wrong")
    return parsed(text, f"{source}: {name}")


def load(
    path: Path, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """The model of a file that nnlib, Keras or tf.keras wrote."""
    source = str(path)
    with opened(path, source) as file:
        config = _json_of(file, "model_config", source)
        if config is None:
            raise damaged(source, "it has no model_config: it may be a file of weights alone")
        model = model_from_config(config, custom_objects, safe_mode)
        weights = group_at(file, _WEIGHTS, source)
        if weights is None:
            raise damaged(source, f"it has no {_WEIGHTS}")
        legacy_weights.load_weights(model, weights, source)
        training = _json_of(file, "training_config", source) if compile else None
        if training is not None:
            with reading_config(source, custom_objects, safe_mode):
                compile_from_config(model, training)
            _load_optimizer(model, file, source)
        training_state.load_own(model, file, source, training is not None)
    return model


def _save_optimizer(model: "Model", file: h5py.File) -> None:
    if not training_state.has_optimizer(model) or not is_known(model.optimizer):
        return
    state = training_state.current_state(model)
    listed = entries(model.optimizer, state, training_state.trained_paths(model))
    group = file.create_group(_OPTIMIZER)
    names = [
        f"{model.optimizer.name}/{number}_{'_'.join(keys[1:] + keys[:1]) or 'unused'}"
        for number, (keys, _, _) in enumerate(listed)
    ]
    legacy_weights.put_names(group, "weight_names", names)
    writer = Writer(group)
    for name, array in zip(names, values(listed, state), strict=True):
        writer[name] = array


def _load_optimizer(model: "Model", file: h5py.File, source: str) -> None:
    group = group_at(file, _OPTIMIZER, source)
    if group is None or not is_known(model.optimizer):
        return
    names = legacy_weights.names_in(group, "weight_names", source)
    stored = [dataset_at(group, name, source) for name in names]
    version = file.attrs.get("keras_version", b"2")
    version = version.decode() if isinstance(version, bytes) else str(version)
    try:
        if not version.startswith("3"):
            raise ShapeError(f"Keras {version} had them in another order")
        state = training_state.filled_state(
            model,
            len(stored),
            lambda number: (stored[number].shape, stored[number].dtype),
            lambda number: array_of(stored[number]),
        )
    except ShapeError as error:
        warnings.warn(
            f"{source}: expected the state of {model.optimizer!r}, got that of another one "
            f"({error}). The optimizer begins anew.",
            stacklevel=4,
        )
        return
    training_state.set_state(model, state)
