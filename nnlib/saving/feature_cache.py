"""What a frozen network makes of data, computed once and kept."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from nnlib.core.errors import ArgumentError, CorruptFileError
from nnlib.core.tree import flatten
from nnlib.saving.array_files import read_arrays, write_arrays
from nnlib.saving.atomic import writing
from nnlib.saving.keras_config import model_config

if TYPE_CHECKING:
    from nnlib.models.model import Model


def cached_features(
    model: "Model", x: Any, cache_dir: Any, batch_size: int = 32, verbose: Any = 0
) -> np.ndarray:
    """`model.predict(x)`, from a file in `cache_dir` where it was computed before.

    For transfer learning: the base of a network runs once over the data, and the new top is trained
    on what came out. The file is found by what goes in: other weights, another network or other
    data make a new one.

    Args:
        model: with one output; in inference mode.
        x: as for `predict`: an array, or a list or dict of arrays.
        cache_dir: a folder; made if it is not there.
        batch_size: rows at a time.
        verbose: as for `predict`.

    Returns:
        The output for all rows.

    Raises:
        ArgumentError: for several outputs, and for functions without a name in the model.
        SavingError: if the disk refuses.

    >>> import tempfile, numpy as np, nnlib as nn
    >>> base = nn.Sequential([nn.Input((2,)), nn.layers.Rescaling(3.0)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for _ in range(2):  # the second time it is read
    ...         features = nn.saving.cached_features(base, np.ones((1, 2)), folder)
    >>> features.tolist()
    [[3.0, 3.0]]
    """
    path = Path(cache_dir) / f"{model.name}-{_fingerprint(model, x)}.safetensors"
    if path.exists():
        try:
            return read_arrays(path)["features"]
        except (CorruptFileError, KeyError):
            pass  # it is made again
    features = model.predict(x, batch_size=batch_size, verbose=verbose)
    if not isinstance(features, np.ndarray):
        raise ArgumentError(
            f"cached_features: expected a model with one output, got {model.name} with "
            f"{len(jax.tree.leaves(features))}. Make one of it: nnlib.Model(inputs, output)."
        )
    with writing(path) as new:
        write_arrays(new, {"features": features})
    return features


def _fingerprint(model: "Model", x: Any) -> str:
    """The same for the same network, weights and data."""
    config = {**model_config(model), "compile_config": None}
    params, state = model.variables
    arrays = {**flatten({"params": params, "state": state})}
    for path, leaf in jax.tree_util.tree_flatten_with_path(x)[0]:
        arrays[f"data{jax.tree_util.keystr(path)}"] = leaf
    found = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for name, given in arrays.items():
        array = np.asarray(given)
        found.update(f"{name} {array.dtype.name} {array.shape}".encode())
        bytes_: Any = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        found.update(bytes_)
    return found.hexdigest()[:32]
