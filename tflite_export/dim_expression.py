"""Reads the text of a symbolic dimension, such as `8*b + floordiv(d1, 2)`, into values of any kind.

`jax.export` keeps the structure of its dimensions private; their text is public and parses.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TypeVar

from .symbolic import Dim, is_static

T = TypeVar("T")

_OPERATORS: dict[type, str] = {ast.Add: "ADD", ast.Sub: "SUB", ast.Mult: "MUL"}
_FUNCTIONS = {"floordiv": "FLOOR_DIV", "mod": "FLOOR_MOD", "max": "MAXIMUM", "min": "MINIMUM"}

_ON_INTS: dict[str, Callable[..., int]] = {
    "ADD": lambda a, b: a + b,
    "SUB": lambda a, b: a - b,
    "MUL": lambda a, b: a * b,
    "NEG": lambda a: -a,
    "FLOOR_DIV": lambda a, b: a // b,
    "FLOOR_MOD": lambda a, b: a % b,
    "MAXIMUM": max,
    "MINIMUM": min,
}


def interpret(
    dim: Dim,
    symbol: Callable[[str], T],
    number: Callable[[int], T],
    apply: Callable[..., T],
) -> T:
    """Compute a dimension in terms of what symbols and operations are to the caller.

    Args:
        dim: an int or a symbolic dimension.
        symbol: value of a symbol's name.
        number: value of an integer.
        apply: `apply(kind, *values)` for ADD, SUB, MUL, NEG, FLOOR_DIV,
            FLOOR_MOD, MAXIMUM and MINIMUM.

    Returns:
        The value.

    Raises:
        ValueError: the expression has another operation.
    """

    def visit(node: ast.AST) -> T:
        match node:
            case ast.Name(id=name):
                return symbol(name)
            case ast.Constant(value=int(value)):
                return number(value)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return apply("NEG", visit(operand))
            case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=int(power))):
                return _power(visit(base), power)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                return apply(_OPERATORS[type(operator)], visit(left), visit(right))
            case ast.Call(func=ast.Name(id=name), args=args) if name in _FUNCTIONS:
                return apply(_FUNCTIONS[name], *map(visit, args))
        raise ValueError(f"unknown operation in the size `{dim}`")

    def _power(base: T, exponent: int) -> T:
        result = base
        for _ in range(exponent - 1):
            result = apply("MUL", result, base)
        return result

    if is_static(dim):
        return number(dim)
    # JAX writes powers as b^2; the rest is Python's grammar.
    return visit(ast.parse(str(dim).replace("^", "**"), mode="eval").body)


def evaluate(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The number that a dimension is for given sizes of its symbols.

    Args:
        dim: an int or a symbolic dimension.
        sizes: number for each symbol.

    Returns:
        The size.

    Example:
        >>> import jax
        >>> (rows,) = jax.export.symbolic_shape("2*b + 1")
        >>> evaluate(rows, {"b": 3})
        7
    """
    return interpret(dim, lambda name: sizes[name], int, lambda kind, *v: _ON_INTS[kind](*v))


def symbols_of(dim: Dim) -> set[str]:
    """Names of the symbols in a dimension."""
    if is_static(dim):
        return set()
    tree = ast.parse(str(dim).replace("^", "**"), mode="eval")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names - set(_FUNCTIONS)
