"""Loops over time whose weights get their gradients of all steps at once, behind the loop."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from nnlib.ops.recurrence import each_of_steps, gates_of, scan_keeping


def scan_weighted(
    step: Callable[[Any, Any, Any], tuple[jax.Array, Any, Any]],
    product: Callable[[Any, Any], jax.Array],
    weights: Any,
    states: Any,
    z: jax.Array,
    gates: int,
    mask: jax.Array | None = None,
    *,
    axis: int = -1,
    go_backwards: bool = False,
    unroll: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[jax.Array, jax.Array, Any]:
    """`scan_steps` of a step that adds `product(weights, operand)` to its slice of `z`.

    A gradient that a loop adds up, step by step, costs a product and a sum in each of them; where
    several devices have rows, all of them also wait for each other in each step. Since a step sees
    its weights only through that sum, their gradient is one product of all operands with the
    gradients of `z`.

    Args:
        step: `(weights, states, gates of z) -> (output, states, operand)`. A change of the weights
            changes what it returns as `product(change, operand)` does, added to z.
        product: `(weights, operand)` -> a slice of `z`; for any number of rows, and linear in the
            weights.
        weights: any pytree of arrays.
        states: the first ones, any pytree of (batch, ...).
        z: (time, batch, ...), the projected inputs of all gates.
        gates: into how many parts z is cut for the steps.
        mask: (batch, time) of booleans, or None, as for `scan_steps`.
        axis: of z, on which the gates lie.
        go_backwards, unroll, zero_output_for_mask: as for `scan_steps`.

    Returns:
        (last output, (batch, time, ...) of all outputs, last states).

    >>> import jax, jax.numpy as jnp
    >>> def step(w, states, gates):
    ...     return gates[0] + w * states, gates[0] + w * states, states
    >>> def last(w):
    ...     states, z = jnp.ones((1, 1)), jnp.ones((2, 1, 1))
    ...     return scan_weighted(step, jnp.multiply, w, states, z, 1)[0].sum()
    >>> float(jax.grad(last)(3.0))  # of 1 + w * (1 + w)
    7.0
    """
    # What the functions take from around them (masks, weights of activations) may have gradients.
    now = jax.eval_shape(lambda z: gates_of(z, gates, axis), z)
    first = [jax.ShapeDtypeStruct(gate.shape[1:], gate.dtype) for gate in now]
    step, constants = jax.closure_convert(step, weights, states, first)

    def run(weights: Any, z: jax.Array, others: Any) -> Any:
        states, mask, constants = others

        def with_weights(states: Any, now: Any) -> Any:
            return step(weights, states, now, *constants)

        return scan_keeping(
            with_weights,
            states,
            gates_of(z, gates, axis),
            mask,
            go_backwards=go_backwards,
            unroll=unroll,
            zero_output_for_mask=zero_output_for_mask,
        )

    others = states, mask, constants

    @jax.custom_jvp
    def scanned(weights: Any, z: jax.Array, others: Any) -> Any:
        return run(weights, z, others)[:-1]

    def tangents_of(primals: Any, tangents: Any) -> Any:
        weights, z, others = primals
        leaves, structure = jax.tree.flatten(others)
        moves = jax.tree.leaves(tangents[2], is_leaf=lambda t: isinstance(t, SymbolicZero))
        moving = [i for i, move in enumerate(moves) if not isinstance(move, SymbolicZero)]

        def of_moving(z: jax.Array, *arrays: Any) -> Any:
            given = dict(zip(moving, arrays, strict=True))
            all_of_them = [given.get(i, leaf) for i, leaf in enumerate(leaves)]
            *results, kept = run(weights, z, jax.tree.unflatten(structure, all_of_them))
            return tuple(results), kept

        arrays = [leaves[i] for i in moving]
        results, linear, kept = jax.linearize(of_moving, z, *arrays, has_aux=True)
        move = _instantiated(tangents[0])
        shift = each_of_steps(lambda operands: product(move, operands), kept)
        change = (shift + _instantiated(tangents[1])).astype(z.dtype)
        return results, linear(change, *[moves[i] for i in moving])

    scanned.defjvp(tangents_of, symbolic_zeros=True)
    return scanned(weights, z, others)


def _instantiated(tangents: Any) -> Any:
    def array(tangent: Any) -> Any:
        is_zero = isinstance(tangent, SymbolicZero)
        return jnp.zeros(tangent.shape, tangent.dtype) if is_zero else tangent

    return jax.tree.map(array, tangents, is_leaf=lambda t: isinstance(t, SymbolicZero))
