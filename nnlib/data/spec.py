"""Shapes and dtypes of elements."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlib.core.errors import DataError
from nnlib.data.structure import as_leaf, map_structure


@dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype of one array of an element.

    Args:
        shape: dims; None for one that differs from element to element, or for an unknown rank.
        dtype: anything that `numpy.dtype` takes.
        name: for the reader.

    >>> import nnlib as nn
    >>> nn.data.TensorSpec((None, 2), "float32")
    TensorSpec(shape=(None, 2), dtype=dtype('float32'), name=None)
    """

    shape: tuple[int | None, ...] | None = None
    dtype: Any = np.float32
    name: str | None = None

    def __post_init__(self) -> None:
        shape = self.shape
        if shape is not None:
            shape = (shape,) if isinstance(shape, int) else tuple(shape)
            shape = tuple(None if dim in (None, -1) else int(dim) for dim in shape)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "dtype", as_dtype(self.dtype))

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of `shape` is one of these."""
        if self.shape is None:
            return True
        pairs = zip(self.shape, shape, strict=False)
        return len(shape) == len(self.shape) and all(a is None or a == b for a, b in pairs)


@dataclass(frozen=True)
class DatasetSpec:
    """The specs of the elements of a dataset that is itself part of an element."""

    element_spec: Any


def as_dtype(dtype: Any) -> np.dtype:
    """The numpy dtype; also of "string" and of TensorFlow's dtypes."""
    if dtype in ("string", str):
        return np.dtype(str)
    return np.dtype(getattr(dtype, "as_numpy_dtype", dtype))


def spec_of(element: Any) -> Any:
    """The specs of one element.

    >>> import numpy as np
    >>> spec_of((np.zeros(3, "float32"), np.int64(1)))[1]
    TensorSpec(shape=(), dtype=dtype('int64'), name=None)
    """
    return map_structure(_leaf_spec, element)


def _leaf_spec(leaf: Any) -> Any:
    if leaf is None:
        return None
    if isinstance(leaf, bytes):
        return TensorSpec((), bytes)
    if hasattr(leaf, "element_spec"):
        return DatasetSpec(leaf.element_spec)
    dtype = np.dtype(str) if leaf.dtype.kind == "U" else leaf.dtype
    return TensorSpec(leaf.shape, dtype)


def grow(spec: Any, size: int | None) -> Any:
    """The specs with a new first axis of `size`."""

    def wider(leaf: Any) -> Any:
        if leaf is None or leaf.shape is None:
            return leaf
        return TensorSpec((size, *leaf.shape), leaf.dtype)

    return map_structure(wider, spec)


def shrink(spec: Any) -> Any:
    """The specs without their first axis."""

    def narrower(leaf: Any) -> Any:
        if leaf is None or leaf.shape is None:
            return leaf
        return TensorSpec(leaf.shape[1:], leaf.dtype)

    return map_structure(narrower, spec)


def conform(element: Any, spec: Any) -> Any:
    """`element` in the dtypes of `spec`, for what a generator yields.

    Raises:
        DataError: where shapes or structure differ.
    """
    return map_structure(_conform_leaf, spec, element)


def _conform_leaf(spec: Any, value: Any) -> Any:
    if spec is None:
        return value
    if isinstance(value, bytes) or (spec.dtype.kind in "US" and not isinstance(value, np.ndarray)):
        return as_leaf(value)
    try:
        array = np.asarray(value, dtype=spec.dtype)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"from_generator: expected elements of dtype {spec.dtype}, got {value!r}."
        ) from error
    if not spec.fits(array.shape):
        raise DataError(
            f"from_generator: expected elements of shape {spec.shape}, got {array.shape}. "
            "Use None in output_signature for a dim that changes."
        )
    return array[()]
