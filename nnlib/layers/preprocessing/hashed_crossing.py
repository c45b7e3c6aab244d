"""HashedCrossing: one bin for a combination of features."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, DTypeError, ShapeError
from nnlib.core.specs import ShapeSpec, concrete_dims
from nnlib.layers.checks import positive_int
from nnlib.layers.preprocessing.host_encoding import encode, encoded_shape
from nnlib.layers.preprocessing.host_hashing import crossed_buckets
from nnlib.layers.preprocessing.host_layer import HostLayer
from nnlib.layers.preprocessing.host_values import holds_strings, host_array
from nnlib.ops.categorical import encode_categories
from nnlib.ops.integer_hashing import crossed_integer_buckets


class HashedCrossing(HostLayer):
    """`bin = hash(feature 1, feature 2, ...) % num_bins`: categories that depend on several.

    The bins are those of Keras and TensorFlow. Strings are hashed on the host; integers also inside
    compiled models.

    Args:
        num_bins: the number of bins.
        output_mode: "int" for bins, "one_hot" for vectors.
        sparse: only False.

    Input shape:
        A list of at least two features, strings or integers, each of one shape: (), (batch,) or
        (batch, 1).

    Output shape:
        That of a feature for "int"; (num_bins,) or (batch, num_bins) for "one_hot".

    >>> import nnlib as nn
    >>> layer = nn.layers.HashedCrossing(num_bins=5)
    >>> layer((["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102])).tolist()
    [1, 4, 1, 1, 3]
    """

    output_modes = ("int", "one_hot")

    def __init__(
        self, num_bins: int, output_mode: str = "int", sparse: bool = False, **kwargs: Any
    ):
        super().__init__(output_mode, sparse, **kwargs)
        self.num_bins = positive_int("HashedCrossing", "num_bins", num_bins)

    def call_on_host(self, inputs: Any) -> jax.Array:
        """Bins of features that are known."""
        features = [host_array(feature, self.place) for feature in self._listed(inputs)]
        self._check(features)
        bins = crossed_buckets(features, self.num_bins)
        if self.output_mode == "int":
            return jnp.asarray(bins.astype(self.output_dtype))
        return jnp.asarray(encode(bins, self.num_bins, "one_hot", self.output_dtype.name))

    def call(self, inputs: Any) -> jax.Array:
        features = self._listed(inputs)
        self._check(features)
        bins = crossed_integer_buckets(features, self.num_bins)
        if self.output_mode == "int":
            return bins.astype(self.output_dtype)
        return encode_categories(bins, self.num_bins, "one_hot", self.output_dtype.name)

    def _listed(self, inputs: Any) -> list[Any]:
        if not isinstance(inputs, list | tuple) or isinstance(inputs, ShapeSpec):
            raise ArgumentError(
                f"{self.place}: expected a list of features, got {type(inputs).__name__}."
            )
        if len(inputs) < 2:
            raise ArgumentError(f"{self.place}: expected at least two features, got {len(inputs)}.")
        return list(inputs)

    def _check(self, features: list[Any]) -> None:
        shapes = [concrete_dims(feature.shape) for feature in features]
        if len(shapes[0]) > 2 or (len(shapes[0]) == 2 and shapes[0][1] != 1):
            raise ShapeError(
                f"{self.place}: expected features of shape (), (batch,) or (batch, 1), got "
                f"{shapes[0]}."
            )
        if len(set(shapes)) > 1:
            raise ShapeError(f"{self.place}: expected features of one shape, got {shapes}.")
        for feature in features:
            text = isinstance(feature, np.ndarray) and holds_strings(feature)
            if not text and not jnp.issubdtype(feature.dtype, jnp.integer):
                raise DTypeError(
                    f"{self.place}: expected strings or integers, got dtype {feature.dtype}."
                )

    def host_output_spec(self, specs: list[ShapeSpec]) -> ShapeSpec:
        """The output for symbols of which some are strings."""
        shape = self._listed(specs)[0].shape
        return ShapeSpec(
            encoded_shape(shape, self.output_mode, self.num_bins), self.output_dtype
        )
