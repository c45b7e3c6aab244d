"""What the equation of an EinsumDense says of the shapes of its weights."""

import re
from typing import NamedTuple

from nnlib.core.errors import ArgumentError, ShapeError

Sizes = tuple[int | None, ...]


class Equation(NamedTuple):
    """`...xy,yz->...xz` in its parts, with `...` in front of inputs, behind them, or absent."""

    inputs: str
    kernel: str
    outputs: str
    ellipsis: str | None
    """"front", "back" or None."""


class WeightShapes(NamedTuple):
    """Shapes of kernel and bias; fans are the axes of the kernel that inputs and outputs have."""

    kernel: tuple[int, ...]
    bias: tuple[int, ...] | None
    fan_in: tuple[int, ...]
    fan_out: tuple[int, ...]


_FORMS = {
    None: r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)",
    "front": r"\.\.\.([a-zA-Z]+),([a-zA-Z]+)->\.\.\.([a-zA-Z]+)",
    "back": r"([a-zA-Z]{2,})\.\.\.,([a-zA-Z]+)->([a-zA-Z]+)\.\.\.",
}


def parse(equation: str, bias_axes: str | None) -> Equation:
    """The parts of an equation; raises ArgumentError if it is not one for a dense layer."""
    matches = {kind: re.fullmatch(form, equation) for kind, form in _FORMS.items()}
    found = [(kind, match) for kind, match in matches.items() if match]
    if not found:
        raise ArgumentError(
            "EinsumDense: expected an equation such as 'ab,bc->ac', '...b,bc->...c' or "
            f"'ab...,bc->ac...', got {equation!r}."
        )
    kind, match = found[0]
    parts = Equation(match[1], match[2], match[3], kind)
    _refuse(equation, set(parts.outputs) - set(parts.inputs + parts.kernel), "output")
    _refuse(equation, set(parts.kernel) - set(parts.inputs + parts.outputs), "kernel")
    for letter in bias_axes or "":
        if letter not in parts.outputs:
            raise ArgumentError(
                f"EinsumDense: expected bias_axes among {parts.outputs!r}, got {bias_axes!r}."
            )
    return parts


def _refuse(equation: str, strangers: set[str], where: str) -> None:
    if strangers:
        raise ArgumentError(
            f"EinsumDense: expected every axis of the {where} in another part of {equation!r}, "
            f"got {', '.join(sorted(strangers))} there alone."
        )


def weight_shapes(
    parts: Equation, bias_axes: str | None, x: Sizes, output_shape: Sizes, place: str
) -> WeightShapes:
    """Shapes of the weights for inputs of shape `x`.

    Args:
        parts: of the equation.
        bias_axes: letters of the output that the bias has; None for no bias.
        x: the shape of the inputs, with None where unknown.
        output_shape: sizes of the named axes of the output behind the batch; None where the
            input's are taken.
        place: for errors.
    """
    sizes = _sizes(parts, x, output_shape, place)
    if any(sizes[c] is None for c in parts.kernel + (bias_axes or "")):
        raise ShapeError(
            f"{place}: expected known sizes of the axes of the kernel {parts.kernel!r} and of the "
            f"bias, got inputs of shape {x} and output_shape {output_shape}."
        )
    known = {letter: size or 0 for letter, size in sizes.items()}
    bias = None
    if bias_axes:
        first = min(map(parts.outputs.find, bias_axes))
        bias = tuple(known[c] if c in bias_axes else 1 for c in parts.outputs[first:])
        if parts.ellipsis == "back":
            bias += (1,) * (len(x) - len(parts.inputs))
    return WeightShapes(
        tuple(known[c] for c in parts.kernel),
        bias,
        tuple(i for i, c in enumerate(parts.kernel) if c not in parts.outputs),
        tuple(i for i, c in enumerate(parts.kernel) if c in parts.outputs),
    )


def logical_axes(parts: Equation, bias_axes: str | None) -> tuple[tuple[str | None, ...], ...]:
    """Names of the axes of kernel and bias, for sharding rules.

    "in" is the first axis of the kernel that is summed over, "out" the first that only the output
    has: of the projections of attention the heads.

    >>> logical_axes(parse("abc,cde->abde", "de"), "de")
    (('in', 'out', None), ('out', None))
    """
    summed = [c for c in parts.kernel if c not in parts.outputs]
    made = [c for c in parts.kernel if c not in parts.inputs]
    names = {c: name for name, found in (("in", summed), ("out", made)) for c in found[:1]}
    first = min(map(parts.outputs.find, bias_axes)) if bias_axes else 0
    bias = [names.get(c) if c in (bias_axes or "") else None for c in parts.outputs[first:]]
    return tuple(map(names.get, parts.kernel)), tuple(bias)


def _sizes(parts: Equation, x: Sizes, output_shape: Sizes, place: str) -> dict[str, int | None]:
    """The size of each letter; the output's where both sides say one."""
    elided = len(x) - len(parts.inputs)
    if elided < 0 or (elided and parts.ellipsis is None):
        raise ShapeError(
            f"{place}: expected inputs with the axes {parts.inputs!r}, got {len(x)} axes."
        )
    named = x[elided:] if parts.ellipsis == "front" else x[: len(parts.inputs)]
    # Without an ellipsis in front, the first letter of the output is the batch.
    batch: Sizes = () if parts.ellipsis == "front" and elided else (x[0],)
    wanted = (*batch, *output_shape)
    if len(wanted) != len(parts.outputs):
        raise ArgumentError(
            f"{place}: expected output_shape to have {len(parts.outputs) - len(batch)} sizes, "
            f"those of {parts.outputs[len(batch) :]!r}, got {output_shape}."
        )
    inputs = dict(zip(parts.inputs, named, strict=True))
    outputs: dict[str, int | None] = {}
    for letter, size in zip(parts.outputs, wanted, strict=True):
        have = inputs.get(letter)
        if letter in inputs and size not in (None, have):
            raise ShapeError(
                f"{place}: expected {size} elements on axis {letter!r}, as output_shape says, "
                f"got {have}."
            )
        outputs[letter] = have if size is None else size
    return inputs | outputs
