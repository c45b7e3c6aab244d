"""Loops over time whose weights get their gradients of all steps at once, behind the loop."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from nnlib.ops.recurrence import each_step, scan_keeping


def scan_weighted(
    step: Callable[[Any, Any, Any], tuple[jax.Array, Any, Any]],
    product: Callable[[Any, Any], Any],
    weights: Any,
    states: Any,
    xs: Any,
    mask: jax.Array | None = None,
    **loop: Any,
) -> tuple[jax.Array, jax.Array, Any]:
    """`scan_steps` of a step that adds `product(weights, operand)` to its slice of `xs`.

    A gradient that a loop adds up, step by step, costs a product and a sum in each of them; where
    several devices have rows, all of them also wait for each other in each step. Since a step sees
    its weights only through that sum, their gradient is one product of all operands with the
    gradients of `xs`.

    Args:
        step: `(weights, states, x) -> (output, states, operand)`. What it returns depends on the
            weights by `x + product(weights, operand)` alone.
        product: `(weights, operand)` -> a pytree like a slice of `xs`; for any number of rows, and
            linear in the weights.
        weights: any pytree of arrays.
        states: the first ones, any pytree of (batch, ...).
        xs: any pytree of (time, batch, ...).
        mask: (batch, time) of booleans, or None, as for `scan_steps`.
        loop: further arguments of `scan_steps`.

    Returns:
        (last output, (batch, time, ...) of all outputs, last states).

    >>> import jax, jax.numpy as jnp
    >>> def step(w, states, x):
    ...     return x + w * states, x + w * states, states
    >>> def last(w):
    ...     return scan_weighted(step, jnp.multiply, w, jnp.ones(1), jnp.ones((2, 1)))[0].sum()
    >>> float(jax.grad(last)(3.0))  # of 1 + w * (1 + w)
    7.0
    """
    # What the functions take from around them (masks, weights of activations) may have gradients.
    slices = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), xs)
    step, constants = jax.closure_convert(step, weights, states, slices)

    def run(weights: Any, xs: Any, others: Any) -> Any:
        states, mask, constants = others

        def with_weights(states: Any, x: Any) -> Any:
            return step(weights, states, x, *constants)

        return scan_keeping(with_weights, states, xs, mask, **loop)

    others = states, mask, constants

    @jax.custom_jvp
    def scanned(weights: Any, xs: Any, others: Any) -> Any:
        return run(weights, xs, others)[:-1]

    def tangents_of(primals: Any, tangents: Any) -> Any:
        weights, xs, others = primals
        leaves, structure = jax.tree.flatten(others)
        moves = structure.flatten_up_to(tangents[2])
        moving = [i for i, move in enumerate(moves) if not isinstance(move, SymbolicZero)]

        def of_moving(xs: Any, *arrays: Any) -> Any:
            given = dict(zip(moving, arrays, strict=True))
            all_of_them = [given.get(i, leaf) for i, leaf in enumerate(leaves)]
            *results, kept = run(weights, xs, jax.tree.unflatten(structure, all_of_them))
            return tuple(results), kept

        arrays = [leaves[i] for i in moving]
        results, linear, kept = jax.linearize(of_moving, xs, *arrays, has_aux=True)
        shift = _of_all_steps(product, _instantiated(tangents[0]), kept)
        shift = jax.tree.map(jnp.add, shift, _instantiated(tangents[1]))
        return results, linear(shift, *[moves[i] for i in moving])

    scanned.defjvp(tangents_of, symbolic_zeros=True)
    return scanned(weights, xs, others)


def _of_all_steps(product: Callable[[Any, Any], Any], weights: Any, operands: Any) -> Any:
    """Products with operands of (time, batch, ...)."""
    rows = jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), operands)
    out = each_step(lambda rows: product(weights, rows), rows)
    return jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), out)


def _instantiated(tangents: Any) -> Any:
    def array(tangent: Any) -> Any:
        is_zero = isinstance(tangent, SymbolicZero)
        return jnp.zeros(tangent.shape, tangent.dtype) if is_zero else tangent

    return jax.tree.map(array, tangents, is_leaf=lambda t: isinstance(t, SymbolicZero))
