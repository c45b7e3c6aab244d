"""The kinds of features that a FeatureSpace knows by name."""

from typing import Any

from nnlib.layers.identity import Identity
from nnlib.layers.preprocessing.discretization import Discretization
from nnlib.layers.preprocessing.feature import Cross, Feature
from nnlib.layers.preprocessing.hashing import Hashing
from nnlib.layers.preprocessing.integer_lookup import IntegerLookup
from nnlib.layers.preprocessing.normalization import Normalization
from nnlib.layers.preprocessing.rescaling import Rescaling
from nnlib.layers.preprocessing.string_lookup import StringLookup


def _named(name: str | None) -> dict[str, Any]:
    return {} if name is None else {"name": f"{name}_preprocessor"}


class FeatureKinds:
    """Constructors of features; `name` is that of the layer, with `_preprocessor` behind it."""

    @classmethod
    def cross(cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """A combination of features, hashed to `crossing_dim` bins."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A feature with a layer of your own."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Floats as they are."""
        return Feature("float32", Identity(dtype="float32", **_named(name)), "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """`x * scale + offset`."""
        return Feature("float32", Rescaling(scale, offset, **_named(name)), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Floats of mean 0 and variance 1."""
        return Feature("float32", Normalization(axis=-1, **_named(name)), "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int | None,
        bin_boundaries: Any = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """The bins in which floats lie; boundaries take the place of the number of bins."""
        layer = Discretization(bin_boundaries, num_bins, **_named(name))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Integers by a vocabulary."""
        return Feature(
            "int32", IntegerLookup(max_tokens, num_oov_indices, **_named(name)), output_mode
        )

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Strings by a vocabulary."""
        return Feature(
            "string", StringLookup(max_tokens, num_oov_indices, **_named(name)), output_mode
        )

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Strings by their hashes."""
        return Feature("string", Hashing(num_bins, **_named(name)), output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Integers by their hashes."""
        return Feature("int32", Hashing(num_bins, **_named(name)), output_mode)
