"""What layers share that may be given strings: where they run, and what they return."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, DTypeError
from nnlib.core.layer import Layer
from nnlib.core.settings import floatx
from nnlib.layers.checks import one_of
from nnlib.layers.preprocessing.host_encoding import OLD_NAMES


class HostLayer(Layer):
    """Base of layers that work in NumPy wherever their input is known, strings included.

    A subclass has `call_on_host`, `host_output_spec` for symbols of strings, and `call` where it
    can also be traced on integers.

    Args:
        output_mode: one of `output_modes`; "int" gives integers, all others floats.
        sparse: only False.
        dtype: of the output; "int64" for integers if None (int32 where JAX has 32 bits), else the
            float type of `floatx()`.
    """

    on_host = True
    output_modes: tuple[str, ...] = ()
    output_mode: str

    def __init__(
        self, output_mode: str, sparse: bool = False, dtype: Any = None, **kwargs: Any
    ):
        own = type(self).__name__
        mode = one_of(own, "output_mode", OLD_NAMES.get(output_mode, output_mode), self.output_modes)
        default = "int64" if mode == "int" else floatx()
        kwargs.setdefault("autocast", False)
        super().__init__(dtype=default if dtype is None else dtype, **kwargs)
        integer = np.issubdtype(jnp.dtype(self.compute_dtype), np.integer)
        if integer != (mode == "int"):
            raise ArgumentError(
                f"{own}: expected {'an integer' if mode == 'int' else 'a float'} dtype for "
                f"output_mode={mode!r}, got {self.compute_dtype}."
            )
        if sparse:
            raise ArgumentError(
                f"{own}: expected sparse=False, got True. JAX arrays are dense here."
            )
        self.output_mode, self.sparse = mode, False

    @property
    def place(self) -> str:
        """What errors call it."""
        return f"{self.name} ({type(self).__name__})"

    @property
    def output_dtype(self) -> np.dtype:
        """The dtype of the output: 64 bits only where JAX has them."""
        return jax.dtypes.canonicalize_dtype(self.compute_dtype)

    def call(self, x: Any) -> Any:
        """Refuses traced values: strings cannot be traced, and what gives strings cannot either."""
        raise DTypeError(
            f"{self.place}: expected values that are known, got traced ones. It takes or gives "
            "strings, which compiled code cannot hold: call it on the data, or on predictions."
        )
