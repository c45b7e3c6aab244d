"""Names of layers: counted inside a model, never in the process."""

import re
from collections.abc import Iterable
from typing import Any

from nnlib.core.errors import NamingError

_WORD_STARTS = re.compile(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")


def snake_case(name: str) -> str:
    """The name of a class as Keras spells it in weights files.

    >>> [snake_case(n) for n in ("Dense", "MaxPooling2D", "ReLU", "LSTM", "Conv2DTranspose")]
    ['dense', 'max_pooling2d', 're_lu', 'lstm', 'conv2d_transpose']
    """
    return _WORD_STARTS.sub("_", re.sub(r"\W+", "", name)).lower().strip("_")


def unique_names(layers: Iterable[Any], where: str) -> list[tuple[str, Any]]:
    """[(name, layer)], each layer once; layers without a name are numbered: dense, dense_1, ...

    A name that the user chose is kept as it is, so two layers that share one are refused.
    """
    layers = list(dict.fromkeys(layers))
    chosen: dict[str, Any] = {}
    for layer in layers:
        name = layer.explicit_name
        if name is not None and chosen.setdefault(name, layer) is not layer:
            raise NamingError(
                f"{where}: expected layers of different names, got two named {name!r} "
                f"({chosen[name]!r} and {layer!r}). Pass another name= to one of them."
            )
    taken, named = set(chosen), []
    for layer in layers:
        name = layer.explicit_name or _free_name(layer.name, taken)
        taken.add(name)
        named.append((name, layer))
    return named


def _free_name(base: str, taken: set[str]) -> str:
    if base not in taken:
        return base
    stem = re.sub(r"_\d+$", "", base)
    number = 1
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"
