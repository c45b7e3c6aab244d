"""Vocabularies in files beside a config, which layers need before the model can be made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnlib.core.naming import snake_case
from nnlib.layers.preprocessing.vocabulary_layer import VocabularyLayer
from nnlib.saving.h5_files import damaged
from nnlib.saving.keras_layout import places

_LAYERS = ("StringLookup", "IntegerLookup", "TextVectorization")


def fill_in(
    config: Any, assets: Path, idf_at: Callable[[str], Any], path: str = "layers"
) -> list[str]:
    """Put vocabularies into the configs of the layers that they belong to; the paths of these.

    The size of a vocabulary may be the size of an output, on which other layers are built.

    Args:
        config: of a model, as JSON has it; it is changed.
        assets: the folder with the files.
        idf_at: from the path of a layer to its inverse document frequencies, or None.
        path: of the layers of this model.
    """
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers") if isinstance(inner, dict) else None
    found: list[str] = []
    used: dict[str, int] = {}
    for layer in layers if isinstance(layers, list) else ():
        kind = layer.get("class_name") if isinstance(layer, dict) else None
        if not isinstance(kind, str) or not isinstance(layer.get("config"), dict):
            continue
        name = snake_case(kind)
        number = used[name] = used.get(name, -1) + 1
        own = f"{path}/{name}_{number}" if number else f"{path}/{name}"
        file = assets / own / "vocabulary.txt"
        if kind in _LAYERS and layer["config"].get("vocabulary") is None and file.is_file():
            layer["config"] |= {"vocabulary": _terms(file, kind), "idf_weights": None}
            if layer["config"].get("output_mode") == "tf_idf":
                layer["config"] |= _with_idf(layer["config"]["vocabulary"], idf_at(own), file)
            found.append(own)
        else:
            found += fill_in(layer, assets, idf_at, f"{own}/layers")
    return found


def _terms(file: Path, kind: str) -> list[Any]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
        while lines and not lines[-1]:
            lines.pop()
        return [int(line) for line in lines] if kind == "IntegerLookup" else lines
    except ValueError as error:
        raise damaged(str(file), str(error)) from error


def _with_idf(terms: list[Any], idf: Any, file: Path) -> dict[str, Any]:
    if idf is None or len(idf) < len(terms):
        raise damaged(str(file), f"there are idf_weights for fewer than {len(terms)} terms")
    return {"idf_weights": idf[: len(terms)].tolist()}


def forget_given(model: Any, paths: list[str]) -> None:
    """Let the layers at these paths be as if `adapt` had found their vocabularies."""
    for place in places(model):
        if place.path in paths and isinstance(place.layer, VocabularyLayer):
            place.layer.forget_given()
