"""Layers that make one array of several: Add, Concatenate and their kin."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import Shape, concrete_dims
from nnlib.layers.checks import axis_number, check_axis, place_of


class Merge(Layer):
    """Base of layers called on a list of arrays, `layer([a, b])`.

    Arrays are broadcast against each other; those with fewer axes get axes of size 1 behind the
    batch. Subclasses write `merge(arrays)`. Where all inputs have masks, an entry of the output
    counts if it does in any of them; else the output has no mask.
    """

    supports_masking = True
    least = 1
    most: int | None = None

    def merge(self, arrays: list[jax.Array]) -> jax.Array:
        """One array of several of equal rank."""
        raise NotImplementedError(f"{type(self).__name__}: expected a `merge` method, got none.")

    def call(self, inputs: Any) -> jax.Array:
        return self.merge(self.aligned(inputs))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        self.check_masks(inputs, mask)
        if mask is None or any(m is None for m in mask):
            return None
        ndim = max(m.ndim for m in mask)
        return functools.reduce(jnp.logical_or, [_with_axes_behind(m, ndim) for m in mask])

    def aligned(self, inputs: Any) -> list[jax.Array]:
        """The arrays, all of as many axes as the largest has."""
        arrays = self.checked_list(inputs)
        ndim = max(array.ndim for array in arrays)
        arrays = [jnp.expand_dims(a, tuple(range(1, 1 + ndim - a.ndim))) for a in arrays]
        self._check_broadcast([concrete_dims(array.shape) for array in arrays])
        return arrays

    def aligned_masks(self, inputs: Any, mask: Any) -> list[Any]:
        """For each array a mask of as many axes, or None; that of an array that had fewer ends."""
        ndim = max(array.ndim for array in inputs)
        return [
            None if m is None or array.ndim < ndim else _with_axes_behind(m, ndim)
            for array, m in zip(inputs, mask or [None] * len(inputs), strict=True)
        ]

    def checked_list(self, inputs: Any) -> list[jax.Array]:
        """The arrays, if they are a list of as many as the layer takes."""
        several = isinstance(inputs, list | tuple)
        count = len(inputs) if several else 0
        if not several or count < self.least or (self.most is not None and count > self.most):
            wanted = f"{self.least}" if self.least == self.most else f"at least {self.least}"
            got = f"{count} of them" if several else f"one of shape {concrete_dims(inputs.shape)}"
            raise ShapeError(
                f"{place_of(self)}: expected a list of {wanted} arrays, got {got}. "
                "Write layer([a, b])."
            )
        return [jnp.asarray(array) for array in inputs]

    def check_masks(self, inputs: Any, mask: Any) -> None:
        """That there is a mask, or None, for each array."""
        if mask is None:
            return
        lists = isinstance(inputs, list | tuple), isinstance(mask, list | tuple)
        if not all(lists) or len(inputs) != len(mask):
            raise ShapeError(
                f"{place_of(self)}: expected a list of inputs and a list of as many masks, got "
                f"{_listed(inputs)} and {_listed(mask)}."
            )

    def _check_broadcast(self, shapes: list[Shape]) -> None:
        for axis, sizes in enumerate(zip(*shapes, strict=True)):
            known = {size for size in sizes if size not in (None, 1)}
            self._refuse_half_open(axis, known, shapes)
            if len(known) > 1:
                raise ShapeError(
                    f"{place_of(self)}: expected shapes that agree on axis {axis} (or are 1 "
                    f"there), got {', '.join(map(str, shapes))}."
                )

    def _refuse_half_open(self, axis: int, known: set[Any], shapes: list[Shape]) -> None:
        """An axis that is free in one input and fixed in another cannot be shown to agree."""
        if known and any(shape[axis] is None for shape in shapes):
            raise ShapeError(
                f"{place_of(self)}: expected axis {axis} to be of known size in all inputs or in "
                f"none, got {', '.join(map(str, shapes))}. Give Input() that size."
            )


class Add(Merge):
    """`a + b + ...`.

    Input shape:
        A list of arrays that broadcast; those with fewer axes get some of size 1 behind the batch.

    Output shape:
        The broadcast shape.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Add()([jnp.ones((1, 2)), jnp.ones((1, 2))]).tolist()
    [[2.0, 2.0]]
    """

    def merge(self, arrays: list[jax.Array]) -> jax.Array:
        return functools.reduce(jnp.add, arrays)


class Subtract(Merge):
    """`a - b`, shapes as for Add."""

    least = most = 2

    def merge(self, arrays: list[jax.Array]) -> jax.Array:
        return arrays[0] - arrays[1]


class Multiply(Merge):
    """`a * b * ...`, shapes as for Add. Masked entries count as 1; 0 where all are masked."""

    def call(self, inputs: Any, mask: Any = None) -> jax.Array:
        arrays = self.aligned(inputs)
        masks = self.aligned_masks(inputs, mask)
        kept = [a if m is None else jnp.where(m, a, 1) for a, m in zip(arrays, masks, strict=True)]
        y = functools.reduce(jnp.multiply, kept)
        if any(m is None for m in masks):
            return y
        return jnp.where(functools.reduce(jnp.logical_or, masks), y, 0)


class Average(Merge):
    """`(a + b + ...) / n`, shapes as for Add."""

    def merge(self, arrays: list[jax.Array]) -> jax.Array:
        return functools.reduce(jnp.add, arrays) / len(arrays)


class MaskedMerge(Merge):
    """Base of layers that let an entry that is masked in one input be that of the others."""

    def merge_two(self, first: jax.Array, second: jax.Array) -> jax.Array:
        """One array of two of equal rank."""
        raise NotImplementedError(f"{type(self).__name__}: expected a `merge_two` method.")

    def call(self, inputs: Any, mask: Any = None) -> jax.Array:
        arrays = self.aligned(inputs)
        (y, *rest), (known, *masks) = arrays, self.aligned_masks(inputs, mask)
        for array, real in zip(rest, masks, strict=True):
            x = array if real is None else jnp.where(real, array, y)
            y = self.merge_two(y if known is None else jnp.where(known, y, x), x)
            known = None if known is None or real is None else known | real
        return y


class Maximum(MaskedMerge):
    """The largest of `a, b, ...` at each place, shapes as for Add; masked entries do not count."""

    def merge_two(self, first: jax.Array, second: jax.Array) -> jax.Array:
        return jnp.maximum(first, second)


class Minimum(MaskedMerge):
    """The smallest of `a, b, ...` at each place, shapes as for Add; masked entries do not count."""

    def merge_two(self, first: jax.Array, second: jax.Array) -> jax.Array:
        return jnp.minimum(first, second)


class Concatenate(Merge):
    """Arrays one behind the other along `axis`.

    Args:
        axis: where they are joined.

    Input shape:
        A list of arrays that agree on all other axes.

    Output shape:
        Theirs, with the sizes of `axis` summed up.

    Raises:
        ShapeError: if they do not agree.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Concatenate()([jnp.ones((2, 3)), jnp.ones((2, 4))]).shape
    (2, 7)
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis_number("Concatenate", "axis", axis)

    def call(self, inputs: Any) -> jax.Array:
        arrays = self.checked_list(inputs)
        axis = check_axis(self, self.axis, arrays[0].ndim)
        shapes = [concrete_dims(array.shape) for array in arrays]
        rests = [shape[:axis] + shape[axis + 1 :] for shape in shapes]
        # None differs from a number, too: nothing says that a free axis will have that size.
        if len(set(rests)) > 1:
            raise ShapeError(
                f"{place_of(self)}: expected shapes that agree on every axis but {self.axis}, "
                f"got {', '.join(map(str, shapes))}."
            )
        return jnp.concatenate(arrays, axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks joined like the arrays; an array without one counts throughout."""
        self.check_masks(inputs, mask)
        if mask is None or all(m is None for m in mask):
            return None
        full = [
            jnp.ones(x.shape, bool)
            if m is None
            else jnp.broadcast_to(_with_axes_behind(m, x.ndim), x.shape)
            for x, m in zip(inputs, mask, strict=True)
        ]
        return jnp.any(jnp.concatenate(full, self.axis), -1)


def _listed(given: Any) -> str:
    return f"a list of {len(given)}" if isinstance(given, list | tuple) else "one alone"


def _with_axes_behind(mask: jax.Array, ndim: int) -> jax.Array:
    return jnp.expand_dims(mask, tuple(range(mask.ndim, ndim)))


def add(inputs: Any, **kwargs: Any) -> Any:
    """`Add(**kwargs)(inputs)`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """`Subtract(**kwargs)(inputs)`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """`Multiply(**kwargs)(inputs)`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """`Average(**kwargs)(inputs)`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """`Maximum(**kwargs)(inputs)`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """`Minimum(**kwargs)(inputs)`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate(axis, **kwargs)(inputs)`."""
    return Concatenate(axis, **kwargs)(inputs)
