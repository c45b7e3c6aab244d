"""FeatureSpace: a table of numbers and strings as one vector a row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from nnlib.core.config_capture import Configurable, serialize
from nnlib.core.errors import ArgumentError, DataError, DTypeError, NotBuiltError
from nnlib.core.symbol import has_symbols
from nnlib.layers.checks import one_of
from nnlib.layers.input_layer import Input
from nnlib.layers.merge import concatenate
from nnlib.layers.preprocessing.category_encoding import CategoryEncoding
from nnlib.layers.preprocessing.discretization import Discretization
from nnlib.layers.preprocessing.feature import Cross, Feature
from nnlib.layers.preprocessing.feature_kinds import FeatureKinds
from nnlib.layers.preprocessing.hashed_crossing import HashedCrossing
from nnlib.layers.preprocessing.hashing import Hashing
from nnlib.layers.preprocessing.host_values import host_array
from nnlib.layers.preprocessing.index_lookup import IndexLookup
from nnlib.layers.preprocessing.normalization import Normalization
from nnlib.layers.preprocessing.vocabulary_layer import VocabularyLayer

_BATCH = 32
"""Rows at a time in which `adapt` looks at a dict of columns."""


class FeatureSpace(FeatureKinds, Configurable):
    """Prepares each column of a table by a layer of its own, and joins the results.

    Args:
        features: from the names of columns to features: a string such as "float",
            "float_normalized", "float_rescaled", "float_discretized", "integer_categorical",
            "string_categorical", "integer_hashed" or "string_hashed"; what the method of this name
            returns, with arguments; or `FeatureSpace.feature(...)` for a layer of your own.
        output_mode: "concat" for one vector a row, "dict" for each feature by its name.
        crosses: tuples of names, or `FeatureSpace.cross(...)`, for combinations of features.
        crossing_dim: bins of combinations that are given as tuples.
        hashing_dim: bins of "integer_hashed" and "string_hashed".
        num_discretization_bins: bins of "float_discretized".
        name: kept for its user.

    Call arguments:
        data: a dict from names to columns, (batch,) or (batch, 1), or to the values of one row.

    Raises:
        NotBuiltError: if it must be adapted first.
        DTypeError: for "concat" with features that are integers.

    >>> import numpy as np, nnlib as nn
    >>> table = {"size": np.array([1.0, 3.0]), "color": np.array(["red", "blue"])}
    >>> space = nn.utils.FeatureSpace({"size": "float_normalized", "color": "string_categorical"})
    >>> space.adapt(table)
    >>> space(table).tolist()
    [[0.0, 1.0, 0.0, -1.0], [0.0, 0.0, 1.0, 1.0]]
    """

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ):
        if not features:
            raise ArgumentError("FeatureSpace: expected at least one feature, got none.")
        self.name = name
        self.output_mode = one_of("FeatureSpace", "output_mode", output_mode, ("dict", "concat"))
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {key: self._as_feature(key, value) for key, value in features.items()}
        self.crosses = [self._as_cross(cross) for cross in crosses or ()]
        self.preprocessors = {key: value.preprocessor for key, value in self.features.items()}
        self.crossers = {
            cross.name: HashedCrossing(cross.crossing_dim, name=cross.name)
            for cross in self.crosses
        }
        self._inputs = {
            key: Input((1,), dtype=feature.dtype, name=key)
            for key, feature in self.features.items()
        }
        self._encoders: dict[str, CategoryEncoding] = {}
        self._encoded: Any = None

    def _as_feature(self, name: str, value: Any) -> Feature:
        if isinstance(value, Feature):
            return value
        arguments: dict[str, Any] = {
            "float_discretized": {"num_bins": self.num_discretization_bins},
            "integer_hashed": {"num_bins": self.hashing_dim},
            "string_hashed": {"num_bins": self.hashing_dim},
        }
        kinds = tuple(n for n in vars(FeatureKinds) if n.startswith(("float", "integer", "string")))
        kind = one_of("FeatureSpace", f"features[{name!r}]", value, kinds)
        return getattr(self, kind)(name=name, **arguments.get(kind, {}))

    def _as_cross(self, value: Any) -> Cross:
        cross = value if isinstance(value, Cross) else Cross(value, self.crossing_dim)
        if unknown := [name for name in cross.feature_names if name not in self.features]:
            raise ArgumentError(
                f"FeatureSpace: expected crosses of features, got the unknown {unknown}. Features: "
                f"{', '.join(self.features)}."
            )
        return cross

    # adapt -------------------------------------------------------------------------------------

    def adapt(self, dataset: Any) -> None:
        """Adapt the layer of each feature that needs it.

        Args:
            dataset: a dict from names to columns, or an iterable of such dicts, of batches or
                single rows; of tuples `(x, y)` the first part counts.
        """
        if not isinstance(dataset, dict) and iter(dataset) is dataset:
            dataset = list(dataset)  # every feature goes through it
        for name in self._adaptable():
            if isinstance(dataset, dict):
                self.preprocessors[name].adapt(_column(dataset[name]), batch_size=_BATCH)
            else:
                self.preprocessors[name].adapt(_batches(dataset, name))
        self._encoded = None
        self.get_encoded_features()

    def _adaptable(self) -> list[str]:
        return [name for name, layer in self.preprocessors.items() if _adapts(layer)]

    def _require_adapted(self) -> None:
        waiting = [name for name in self._adaptable() if not _is_adapted(self.preprocessors[name])]
        if waiting:
            raise NotBuiltError(
                f"FeatureSpace: expected adapt(dataset) before it is used, got none: "
                f"{', '.join(waiting)} must see data first."
            )

    # Encoding ----------------------------------------------------------------------------------

    def get_inputs(self) -> dict[str, Any]:
        """An Input for each feature, to begin a model with."""
        return self._inputs

    def get_encoded_features(self) -> Any:
        """What becomes of these inputs, to go on with in a model."""
        self._require_adapted()
        if self._encoded is None:
            self._encoders = {}
            self._encoded = self._encode(self._inputs)
        return self._encoded

    def __call__(self, data: Any) -> Any:
        """The features of a table, or of one row."""
        if not isinstance(data, dict):
            raise ArgumentError(
                f"FeatureSpace: expected a dict of columns, got {type(data).__name__}."
            )
        if data.keys() != self.features.keys():
            raise DataError(
                f"FeatureSpace: expected the columns {', '.join(self.features)}, got "
                f"{', '.join(map(str, data))}."
            )
        self.get_encoded_features()
        if has_symbols(data):
            return self._encode(data)
        columns = {name: self._read(name, value) for name, value in data.items()}
        single = all(column.ndim == 0 for column in columns.values())
        out = self._encode({name: _column(column) for name, column in columns.items()})
        if not single:
            return out
        return {n: x[0] for n, x in out.items()} if isinstance(out, dict) else out[0]

    def _read(self, name: str, value: Any) -> np.ndarray:
        """A column; whole numbers of float features as floats."""
        column = host_array(value, f"FeatureSpace: {name}")
        dtype = self.features[name].dtype
        return column.astype(dtype) if dtype.startswith("float") else column

    def _encode(self, values: dict[str, Any]) -> Any:
        """Arrays or symbols: layers take both."""
        prepared = {name: self.preprocessors[name](values[name]) for name in self.features}
        crossed = {
            cross.name: self.crossers[cross.name]([prepared[name] for name in cross.feature_names])
            for cross in self.crosses
        }
        specs = self.features | {cross.name: cross for cross in self.crosses}
        layers = self.preprocessors | self.crossers
        parts = {
            name: self._one_hot(name, layers[name], value)
            if specs[name].output_mode == "one_hot" else value
            for group in (prepared, crossed) for name, value in sorted(group.items())
        }  # fmt: skip
        if self.output_mode == "dict":
            return parts
        if whole := [name for name, part in parts.items() if not _is_float(part)]:
            raise DTypeError(
                f"FeatureSpace: expected features that are floats to concatenate, got integers for "
                f"{', '.join(whole)}. Use output_mode='dict', or one_hot features."
            )
        if len(parts) == 1:
            return next(iter(parts.values()))
        listed = list(parts.values())
        return concatenate(listed) if has_symbols(listed) else jnp.concatenate(listed, axis=-1)

    def _one_hot(self, name: str, layer: Any, value: Any) -> Any:
        if name not in self._encoders:
            self._encoders[name] = CategoryEncoding(_cardinality(name, layer))
        return self._encoders[name](value)

    # Saving ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The arguments; features with the configuration of their layers as they are now."""
        features = {name: serialize(feature) for name, feature in self.features.items()}
        crosses = [serialize(cross) for cross in self.crosses]
        return super().get_config() | {"features": features, "crosses": crosses}

    def save_assets(self, dir_path: Any) -> None:
        """Write what `adapt` has found into a folder, a folder for each feature."""
        for name, layer in self.preprocessors.items():
            folder = Path(dir_path) / name
            if isinstance(layer, VocabularyLayer):
                layer.save_assets(folder)
            elif layer.built and layer.weights:
                folder.mkdir(parents=True, exist_ok=True)
                np.savez(folder / "weights.npz", *layer.get_weights())

    def load_assets(self, dir_path: Any) -> None:
        """Read what `save_assets` wrote."""
        for name, layer in self.preprocessors.items():
            folder = Path(dir_path) / name
            if isinstance(layer, VocabularyLayer):
                layer.load_assets(folder)
            elif (folder / "weights.npz").is_file():
                layer(self._inputs[name])  # builds it
                with np.load(folder / "weights.npz") as stored:
                    layer.set_weights([stored[key] for key in stored.files])
        self._encoded = None


def _column(values: Any) -> np.ndarray:
    """(batch, ...) with at least two axes."""
    array = host_array(values, "FeatureSpace")
    return array.reshape(-1, 1) if array.ndim < 2 else array


def _batches(dataset: Any, name: str) -> Iterator[np.ndarray]:
    """One column of every batch; single rows in batches of `_BATCH`."""
    rows: list[Any] = []
    for item in dataset:
        value = host_array(
            (item[0] if isinstance(item, tuple) else item)[name], "FeatureSpace adapt"
        )
        if value.ndim:
            yield _column(value)
            continue
        rows.append(value.item())
        if len(rows) == _BATCH:
            yield _column(rows)
            rows = []
    if rows:
        yield _column(rows)


def _adapts(layer: Any) -> bool:
    """Whether a layer has to be adapted: it can be, and was given nothing instead."""
    if isinstance(layer, Normalization):
        return layer.input_mean is None
    if isinstance(layer, Discretization):
        return layer.num_bins is not None
    return layer.is_adaptable if isinstance(layer, VocabularyLayer) else hasattr(layer, "adapt")


def _is_adapted(layer: Any) -> bool:
    if isinstance(layer, Discretization):
        return layer.bin_boundaries is not None
    return layer.has_vocabulary if isinstance(layer, VocabularyLayer) else layer.built


def _cardinality(name: str, layer: Any) -> int:
    """How many integers a layer gives."""
    if isinstance(layer, IndexLookup):
        return layer.vocabulary_size()
    if isinstance(layer, Hashing | HashedCrossing):
        return layer.num_bins
    if isinstance(layer, Discretization):
        # As many as were asked for, though few values may give fewer.
        return max(layer.num_bins or 0, len(layer.bin_boundaries or ()) + 1)
    raise ArgumentError(
        f"FeatureSpace: expected output_mode='int' or 'float' for {name!r}, got 'one_hot': the "
        f"number of categories that {type(layer).__name__} gives is not known."
    )


def _is_float(part: Any) -> bool:
    return jnp.issubdtype(part.dtype, jnp.floating)
