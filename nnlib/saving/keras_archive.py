"""`.keras` files: an archive of metadata.json, config.json, model.weights.h5 and assets."""

import contextlib
import datetime
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlib.saving import keras_weights, training_state
from nnlib.saving.atomic import scratch, writing
from nnlib.saving.h5_files import created, damaged, opened
from nnlib.saving.json_text import parsed
from nnlib.saving.keras_config import model_config, model_from_config
from nnlib.saving.keras_layout import places
from nnlib.saving.safe_zip import SafeZip

if TYPE_CHECKING:
    from nnlib.models.model import Model

CONFIG, METADATA, WEIGHTS, ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets"
KERAS_VERSION = "3.15.0"
"""The version of Keras whose files are written."""


def save(
    model: "Model", path: Path, overwrite: bool = True, include_optimizer: bool = True
) -> None:
    """Write a model to `path`; see `Model.save`."""
    config = model_config(model)
    if not include_optimizer:
        config.pop("compile_config", None)
    saved = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": saved, "writer": "nnlib"}
    with writing(path, overwrite) as new, scratch(path) as folder:
        with created(folder / WEIGHTS, checksums=False) as file:  # the archive has checksums
            keras_weights.save_weights(model, file)
            if include_optimizer:
                training_state.save_optimizer(model, file)
            training_state.save_own(model, file, include_optimizer)
        (folder / ASSETS).mkdir()
        save_assets(model, folder / ASSETS)
        with zipfile.ZipFile(new, "w") as archive:
            archive.writestr(METADATA, json.dumps(metadata))
            archive.writestr(CONFIG, json.dumps(config))
            archive.write(folder / WEIGHTS, WEIGHTS)
            for asset in sorted((folder / ASSETS).rglob("*")):
                if asset.is_file():
                    archive.write(asset, asset.relative_to(folder).as_posix())


def save_assets(model: "Model", folder: Path) -> None:
    """Let layers write files of their own: vocabularies."""
    for place in places(model):
        if hasattr(place.layer, "save_assets") and not place.empty:
            own = folder / place.path
            own.mkdir(parents=True, exist_ok=True)
            place.layer.save_assets(str(own))


def load_assets(model: "Model", folder: Path) -> None:
    """Let layers read their files."""
    for place in places(model):
        if hasattr(place.layer, "load_assets") and (folder / place.path).is_dir():
            place.layer.load_assets(str(folder / place.path))


def load(
    path: Path, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """The model of a `.keras` file, or of the folder that such a file was unpacked to."""
    source = str(path)
    if path.is_dir():
        if not (path / WEIGHTS).is_file():
            raise damaged(source, f"it has no {WEIGHTS}")
        model = _made((path / CONFIG).read_bytes(), source, custom_objects, compile, safe_mode)
        with opened(path / WEIGHTS, source) as file:
            _load_state(model, file, source, compile)
        load_assets(model, path / ASSETS)
        return model
    with path.open("rb") as stream:
        archive = SafeZip(stream, source)
        model = _made(archive.text(CONFIG), source, custom_objects, compile, safe_mode)
        with _weights_in(archive, source) as file:
            _load_state(model, file, source, compile)
        if any(name.startswith(f"{ASSETS}/") for name in archive.infos):
            with tempfile.TemporaryDirectory() as folder:
                archive.extract(f"{ASSETS}/", Path(folder))
                load_assets(model, Path(folder) / ASSETS)
    return model


def _made(text: Any, source: str, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    config = parsed(text, f"{source}: {CONFIG}")
    if not compile:
        config.pop("compile_config", None)
    return model_from_config(config, custom_objects, safe_mode)


def _load_state(model: Any, file: Any, source: str, compile: bool) -> None:
    keras_weights.load_weights(model, file, source)
    if compile:
        training_state.load_optimizer(model, file, source)
    training_state.load_own(model, file, source, compile)


@contextlib.contextmanager
def _weights_in(archive: SafeZip, source: str) -> Iterator[Any]:
    if WEIGHTS not in archive:
        raise damaged(source, f"it has no {WEIGHTS}")
    with archive.seekable(WEIGHTS) as part, opened(part, f"{source}: {WEIGHTS}") as file:
        yield file


def load_weights(model: "Model", path: Path, skip_mismatch: bool = False) -> None:
    """Read the weights of a `.keras` file into a model that is there."""
    with path.open("rb") as stream, _weights_in(SafeZip(stream, str(path)), str(path)) as file:
        keras_weights.load_weights(model, file, str(path), skip_mismatch)
        training_state.load_optimizer(model, file, str(path))
