"""Hashing: strings and integers to a fixed number of bins."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import DTypeError
from nnlib.core.specs import ShapeSpec
from nnlib.layers.checks import positive_int
from nnlib.layers.preprocessing.hash_key import checked_salt
from nnlib.layers.preprocessing.host_encoding import encode, encoded_shape
from nnlib.layers.preprocessing.host_hashing import buckets
from nnlib.layers.preprocessing.host_layer import HostLayer
from nnlib.layers.preprocessing.host_values import holds_strings, host_array
from nnlib.ops.categorical import encode_categories
from nnlib.ops.integer_hashing import integer_buckets


class Hashing(HostLayer):
    """`bin = hash(value) % num_bins`, by FarmHash's fingerprint64, or by SipHash with a salt.

    The bins are those of Keras and TensorFlow. Integers are hashed as the strings of their decimal
    digits. Strings are hashed on the host; integers also inside compiled models.

    Args:
        num_bins: the number of bins, that of masked values included.
        mask_value: the value that goes to bin 0, which then holds no other; None for none.
        salt: one or two integers, the key of SipHash; None for FarmHash.
        output_mode: "int" for bins; "one_hot" for a vector of each value; "multi_hot" and "count"
            for a vector of each sample, the last axis: whether and how often each bin occurs.
        sparse: only False.

    Input shape:
        Strings or integers of any shape; floats are cut to integers.

    Output shape:
        The input's for "int"; else (..., num_bins).

    >>> import nnlib as nn
    >>> nn.layers.Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).ravel().tolist()
    [1, 0, 1, 1, 2]

    Sources: Pike, "FarmHash"; Aumasson & Bernstein, INDOCRYPT 2012.
    """

    output_modes = ("int", "one_hot", "multi_hot", "count")

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ):
        super().__init__(output_mode, sparse, **kwargs)
        self.num_bins = positive_int("Hashing", "num_bins", num_bins)
        self.mask_value = mask_value
        self.salt = checked_salt("Hashing", salt)

    @property
    def _masks(self) -> bool:
        """Whether bin 0 is kept for masked values; not where it is the only one."""
        return self.mask_value is not None and self.num_bins > 1

    def call_on_host(self, inputs: Any) -> jax.Array:
        """Bins of values that are known."""
        values = host_array(inputs, self.place)
        if not holds_strings(values):
            self._check_number(values.dtype)
            values = values.astype(np.int64)
        bins = buckets(values, self.num_bins - self._masks, self.salt)
        if self._masks:
            bins = np.where(values == self.mask_value, 0, bins + 1)
        if self.output_mode == "int":
            return jnp.asarray(bins.astype(self.output_dtype))
        return jnp.asarray(encode(bins, self.num_bins, self.output_mode, self.output_dtype.name))

    def call(self, x: jax.Array) -> jax.Array:
        self._check_number(x.dtype)
        x = x.astype(int) if jnp.issubdtype(x.dtype, jnp.floating) else x
        bins = integer_buckets(x, self.num_bins - self._masks, self.salt)
        if self._masks:
            bins = jnp.where(x == self.mask_value, 0, bins + 1)
        if self.output_mode == "int":
            return bins.astype(self.output_dtype)
        return encode_categories(bins, self.num_bins, self.output_mode, self.output_dtype.name)

    def _check_number(self, dtype: Any) -> None:
        if not jnp.issubdtype(dtype, jnp.number):
            raise DTypeError(
                f"{self.place}: expected strings or integers, got dtype {dtype}. Cast it first."
            )
        if isinstance(self.mask_value, str):
            raise DTypeError(
                f"{self.place}: expected strings, as mask_value={self.mask_value!r} is one, got "
                f"dtype {dtype}."
            )

    def host_output_spec(self, spec: ShapeSpec) -> ShapeSpec:
        """The output for symbols of strings."""
        shape = encoded_shape(spec.shape, self.output_mode, self.num_bins)
        return ShapeSpec(shape, self.output_dtype)
