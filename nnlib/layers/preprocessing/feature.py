"""Feature and Cross: what a FeatureSpace is made of."""

from typing import Any

from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.layers.checks import one_of, positive_int


class Feature(Configurable):
    """A column of a table and the layer that prepares it.

    Args:
        dtype: of the column: "float32", "int32", "string", ...
        preprocessor: a layer over (batch, 1).
        output_mode: "float" for its output as it is, "int" for its integers, "one_hot" for vectors
            of them.
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str):
        self.dtype, self.preprocessor = dtype, preprocessor
        self.output_mode = one_of(
            "Feature", "output_mode", output_mode, ("int", "one_hot", "float")
        )
        if not isinstance(preprocessor, Layer):
            raise ArgumentError(
                f"Feature: expected preprocessor to be a layer, got {preprocessor!r}."
            )


class Cross(Configurable):
    """A combination of features.

    Args:
        feature_names: of the features.
        crossing_dim: the number of bins that combinations are hashed to.
        output_mode: "int" or "one_hot".
    """

    def __init__(self, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot"):
        if isinstance(feature_names, str) or len(feature_names) < 2:
            raise ArgumentError(
                f"Cross: expected the names of at least two features, got {feature_names!r}."
            )
        self.feature_names = tuple(feature_names)
        self.crossing_dim = positive_int("Cross", "crossing_dim", crossing_dim)
        self.output_mode = one_of("Cross", "output_mode", output_mode, ("int", "one_hot"))

    @property
    def name(self) -> str:
        """The names of the features, joined."""
        return "_X_".join(self.feature_names)
