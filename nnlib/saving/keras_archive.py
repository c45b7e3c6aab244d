"""`.keras` files: an archive of metadata.json, config.json, model.weights.h5 and assets."""

import contextlib
import datetime
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlib.saving import keras_weights, training_state
from nnlib.saving.atomic import scratch, writing
from nnlib.saving.h5_files import Reader, created, damaged, group_at, opened
from nnlib.saving.json_text import parsed
from nnlib.saving.keras_config import model_config, model_from_config
from nnlib.saving.keras_layout import places
from nnlib.saving.safe_zip import SafeZip
from nnlib.saving.vocabularies import fill_in, forget_given

if TYPE_CHECKING:
    from nnlib.models.model import Model

CONFIG, METADATA, WEIGHTS, ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets"
_PIECE = 1 << 20
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
            large = (folder / WEIGHTS).stat().st_size >= 2**31
            with (
                (folder / WEIGHTS).open("rb") as source,
                archive.open(WEIGHTS, "w", force_zip64=large) as entry,
            ):
                shutil.copyfileobj(source, entry, _PIECE)
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
    with contextlib.ExitStack() as stack:
        if path.is_dir():
            text, assets = (path / CONFIG).read_bytes(), path / ASSETS
            file = stack.enter_context(opened(path / WEIGHTS, source))
        else:
            archive = SafeZip(stack.enter_context(path.open("rb")), source)
            text = archive.text(CONFIG).encode()
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            archive.extract(f"{ASSETS}/", folder)
            assets, file = folder / ASSETS, stack.enter_context(_weights_in(archive, source))
        config = parsed(text, f"{source}: {CONFIG}")
        if not compile:
            config.pop("compile_config", None)
        found = fill_in(config, assets, lambda layer: _idf_at(file, layer, source))
        model = model_from_config(config, custom_objects, safe_mode)
        forget_given(model, found)
        keras_weights.load_weights(model, file, source)
        if compile:
            training_state.load_optimizer(model, file, source)
        training_state.load_own(model, file, source, compile)
        load_assets(model, assets)
    return model


def _idf_at(file: Any, path: str, source: str) -> Any:
    store = Reader(group_at(file, f"{path}/vars", source), source)
    return store["idf_weights"] if len(store) else None


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
