"""Quantizers: objects that turn floats into integers of few bits."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.config_capture import Configurable
from nnlib.core.registry import Registry
from nnlib.quantizers.functions import abs_max_quantize, check_range

quantizers = Registry("quantizer", "nnlib.quantizers")


@quantizers.register()
class Quantizer(Configurable):
    """The base of quantizers; by itself it leaves arrays as they are.

    Args:
        output_dtype: of what it returns.

    >>> Quantizer()(3.0)
    3.0
    """

    def __init__(self, output_dtype: Any = "int8"):
        self.output_dtype = jnp.dtype(output_dtype).name

    def __call__(self, x: Any) -> Any:
        """The quantized array."""
        return x


@quantizers.register()
class AbsMaxQuantizer(Quantizer):
    """Integers by the largest absolute value; see `abs_max_quantize`.

    Args:
        axis: the axis or axes over which the maximum is taken, unless the call says so; None for
            the last one.
        value_range: the least and the largest integer.
        epsilon: what keeps the scale of zeros finite.
        output_dtype: of the integers.

    Raises:
        ArgumentError: for a range that `output_dtype` cannot hold.

    >>> import jax.numpy as jnp
    >>> integers, scale = AbsMaxQuantizer(axis=0)(jnp.array([[1.0, 2.0], [-4.0, 1.0]]))
    >>> integers.tolist(), scale.shape
    ([[32, 127], [-127, 64]], (1, 2))
    """

    def __init__(
        self,
        axis: Any = None,
        value_range: tuple[int, int] = (-127, 127),
        epsilon: float = 1e-7,
        output_dtype: Any = "int8",
    ):
        super().__init__(output_dtype)
        self.axis = (
            None if axis is None else tuple(axis if isinstance(axis, list | tuple) else [axis])
        )
        self.value_range = check_range("AbsMaxQuantizer", value_range, self.output_dtype)
        self.epsilon = epsilon

    def __call__(
        self, x: Any, axis: Any = None, to_numpy: bool = False
    ) -> tuple[jax.Array, jax.Array]:
        """(integers, scale).

        Args:
            x: floats.
            axis: in place of that of the quantizer.
            to_numpy: whether NumPy computes, on the host.
        """
        axis = self.axis if axis is None else axis
        return abs_max_quantize(
            x,
            -1 if axis is None else axis,
            self.value_range,
            self.output_dtype,
            self.epsilon,
            to_numpy,
        )
