"""Arrays on fewer bits, and back: the functions behind quantizers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, DTypeError, ShapeError
from nnlib.ops import fake_quant


def abs_max_quantize(
    inputs: Any,
    axis: Any,
    value_range: tuple[int, int] = (-127, 127),
    dtype: Any = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """Integers `round(inputs * scale)` with `scale = value_range[1] / (max|inputs| + epsilon)`.

    Args:
        inputs: floats.
        axis: the axis or axes over which the maximum is taken: one scale for what they hold.
        value_range: the least and the largest integer.
        dtype: of the integers.
        epsilon: what keeps the scale of zeros finite.
        to_numpy: whether NumPy computes, on the host, which spares the memory of the device.

    Returns:
        (integers of the shape of `inputs`, scale with a size of 1 at `axis`). Divide to go back.

    Raises:
        DTypeError: for inputs that are not floats.
        ArgumentError: for a range that `dtype` cannot hold.

    >>> import jax.numpy as jnp
    >>> integers, scale = abs_max_quantize(jnp.array([[0.5, -1.0], [2.0, 4.0]]), axis=-1)
    >>> integers.tolist(), scale.round(2).tolist()
    ([[63, -127], [64, 127]], [[127.0], [31.75]])

    Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018.
    """
    low, high = check_range("abs_max_quantize", value_range, dtype)
    library: Any = np if to_numpy else jnp
    x = library.asarray(inputs)
    _check_floats("abs_max_quantize", x)
    axis = tuple(axis) if isinstance(axis, list | tuple) else axis
    scale = (high / (library.max(library.abs(x), axis=axis, keepdims=True) + epsilon)).astype(
        x.dtype
    )
    integers = library.clip(library.round(x * scale), low, high).astype(dtype)
    return jnp.asarray(integers), jnp.asarray(scale)


def quantize_and_dequantize(
    inputs: Any, scale: Any, quantized_dtype: Any, compute_dtype: Any
) -> jax.Array:
    """`inputs / scale` rounded to a small float type, times `scale`.

    Args:
        inputs: floats.
        scale: what `inputs` are divided by, a number or an array that broadcasts.
        quantized_dtype: "float8_e4m3fn" or "float8_e5m2"; values beyond its range are clipped.
        compute_dtype: of the result.

    Raises:
        DTypeError: for a `quantized_dtype` that is not a float type.

    >>> quantize_and_dequantize([0.11, 0.7], 1.0, "float8_e4m3fn", "float32").tolist()
    [0.109375, 0.6875]

    Source: Micikevicius et al., "FP8 Formats for Deep Learning", 2022.
    """
    if not jnp.issubdtype(jnp.dtype(quantized_dtype), jnp.floating):
        raise DTypeError(
            "quantize_and_dequantize: expected quantized_dtype to be a float type such as "
            f"'float8_e4m3fn', got {quantized_dtype!r}."
        )
    largest = float(jnp.finfo(quantized_dtype).max)
    scale = jnp.asarray(scale, compute_dtype)
    x = jnp.clip(jnp.asarray(inputs) / scale, -largest, largest).astype(quantized_dtype)
    return x.astype(compute_dtype) * scale


def fake_quant_with_min_max_vars(
    inputs: Any,
    min_vals: Any,
    max_vals: Any,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> jax.Array:
    """`inputs` clipped to a range and rounded to `2**num_bits` levels, still as floats.

    The range is first moved a little, so that 0 is a level. Gradients go straight through within
    the range; outside of it they go to the end of the range that is nearer, so that both ends can
    be trained.

    Args:
        inputs: floats.
        min_vals: the lower end: a number, or one for each place on `axis`.
        max_vals: the upper end, likewise.
        num_bits: from 2 to 16.
        narrow_range: whether the lowest level is left out.
        axis: where each place has a range of its own; None for one range.

    Raises:
        ShapeError: if the ends do not fit `axis`.
        ArgumentError: for `num_bits` out of range.
        DTypeError: for inputs that are not floats.

    >>> fake_quant_with_min_max_vars([-1.0, 0.3, 9.0], 0.0, 3.0, num_bits=2).tolist()
    [0.0, 0.0, 3.0]

    Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018.
    """
    place = "fake_quant_with_min_max_vars"
    x = jnp.asarray(inputs)
    _check_floats(place, x)
    if isinstance(num_bits, bool) or int(num_bits) != num_bits or not 2 <= num_bits <= 16:
        raise ArgumentError(
            f"{place}: expected num_bits to be an integer from 2 to 16, got {num_bits!r}."
        )
    low = _end(place, "min_vals", min_vals, x, axis)
    high = _end(place, "max_vals", max_vals, x, axis)
    return fake_quant(x, low, high, int(num_bits), bool(narrow_range))


def check_range(place: str, value_range: Any, dtype: Any) -> tuple[int, int]:
    """A range that an integer type can hold."""
    pair = isinstance(value_range, list | tuple) and len(value_range) == 2
    info = jnp.iinfo(dtype) if jnp.issubdtype(jnp.dtype(dtype), jnp.integer) else None
    if pair and info is None and value_range[0] < value_range[1]:
        return value_range[0], value_range[1]
    if not pair or not info or not info.min <= value_range[0] < value_range[1] <= info.max:
        limits = f"from {info.min} to {info.max}" if info else "in ascending order"
        raise ArgumentError(
            f"{place}: expected value_range to be two numbers {limits}, got {value_range!r} for "
            f"dtype {jnp.dtype(dtype).name}."
        )
    return value_range[0], value_range[1]


def _check_floats(place: str, x: Any) -> None:
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise DTypeError(
            f"{place}: expected floats, got {x.dtype}. Convert them first: x.astype('float32')."
        )


def _end(place: str, name: str, values: Any, x: jax.Array, axis: int | None) -> jax.Array:
    """One end of the range in the rank of `x`."""
    values = jnp.asarray(values)
    if not jnp.issubdtype(values.dtype, jnp.floating):
        values = values.astype(jnp.float32)
    if axis is None or values.size == 1:
        if values.size != 1:
            raise ShapeError(
                f"{place}: expected {name} to be one number, got shape {values.shape}. Say where "
                "each place has its own: axis=-1."
            )
        return values.reshape((1,) * x.ndim)
    if not -x.ndim <= axis < x.ndim:
        raise ArgumentError(
            f"{place}: expected axis to be one of the {x.ndim} axes of the inputs, got {axis!r}."
        )
    if values.shape != (x.shape[axis],):
        raise ShapeError(
            f"{place}: expected {name} to be one number or {x.shape[axis]} of them, one for each "
            f"place on axis {axis}, got shape {values.shape}."
        )
    shape = [1] * x.ndim
    shape[axis] = -1
    return values.reshape(shape)
