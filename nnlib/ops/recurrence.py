"""Sequences run step by step: the loop, its masks, and products that gates share."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.ops.partitioning import is_cut

Function = Callable[[jax.Array], jax.Array]


def scan_steps(
    step: Callable[[Any, Any], tuple[jax.Array, Any]],
    states: Any,
    xs: Any,
    mask: jax.Array | None = None,
    *,
    output: jax.Array | None = None,
    go_backwards: bool = False,
    unroll: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[jax.Array, jax.Array, Any]:
    """A loop over time: `output, states = step(states, x)`.

    A masked step leaves the states as they are and repeats the output before it.

    Args:
        step: of one time step.
        states: the first ones, any pytree of (batch, ...).
        xs: any pytree of (time, ...), one slice for each step.
        mask: (batch, time) of booleans, True where a step is real; None if all are.
        output: what masked steps at the beginning show, of the shape of every output; None where
            the output is the first of the states.
        go_backwards: whether the last step comes first; outputs are in the order they are made.
        unroll: whether the loop is written out, for short sequences.
        zero_output_for_mask: whether masked steps show zeros instead; the states do not.

    Returns:
        (last output, (batch, time, ...) of all outputs, last states).

    >>> import jax.numpy as jnp
    >>> add = lambda total, x: (total + x, total + x)
    >>> mask = jnp.array([[True, False, True]])
    >>> last, outputs, total = scan_steps(add, jnp.zeros(1), jnp.ones((3, 1)), mask)
    >>> outputs.tolist()
    [[1.0, 1.0, 2.0]]
    """

    def keeping_nothing(states: Any, x: Any) -> Any:
        return *step(states, x), None

    *shown, _ = scan_keeping(
        keeping_nothing,
        states,
        xs,
        mask,
        output=output,
        go_backwards=go_backwards,
        unroll=unroll,
        zero_output_for_mask=zero_output_for_mask,
    )
    return tuple(shown)


def scan_keeping(
    step: Callable[[Any, Any], tuple[jax.Array, Any, Any]],
    states: Any,
    xs: Any,
    mask: jax.Array | None = None,
    *,
    output: jax.Array | None = None,
    go_backwards: bool = False,
    unroll: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[jax.Array, jax.Array, Any, Any]:
    """`scan_steps` of a step that returns a third thing, which is kept.

    Returns:
        What `scan_steps` returns, and that of all steps, (time, ...) in the order of `xs`.
    """

    def body(carry: Any, now: Any) -> Any:
        (old, previous), (x, real) = carry, now
        shown, new, kept = step(old, x)
        if real is not None:
            before = _first(old) if output is None else previous
            new = jax.tree.map(partial(_choose, real), new, old)
            shown = _choose(real, shown, before)
        carry = new, None if output is None else shown
        return carry, (_choose(real, shown, 0) if zeroed else shown, kept)

    zeroed = zero_output_for_mask and mask is not None and mask.shape[1] != 0
    reals = None if mask is None else jnp.swapaxes(mask, 0, 1)
    loop = partial(jax.lax.scan, reverse=go_backwards, unroll=unroll)
    # Outside of `jax.jit` a call compiles a loop anew, which cells of one step need not wait for.
    once = jax.tree.leaves(xs)[0].shape[0] == 1
    (states, last), (outputs, kept) = (_once if once else loop)(body, (states, output), (xs, reals))
    shown = _first(states) if last is None else last
    if zeroed and mask is not None:
        shown = _choose(mask[:, 0 if go_backwards else -1], shown, 0)
    outputs = jnp.flip(outputs, 0) if go_backwards else outputs
    return shown, jnp.moveaxis(outputs, 0, 1), states, kept


def _once(body: Callable[[Any, Any], Any], carry: Any, xs: Any) -> Any:
    """`jax.lax.scan` of one step."""

    def kinds(tree: Any) -> Any:
        return jax.tree.map(lambda x: (jnp.shape(x), jnp.result_type(x)), tree)

    new, results = body(carry, jax.tree.map(lambda x: x[0], xs))
    if kinds(new) != kinds(carry):
        return jax.lax.scan(body, carry, xs)  # which says what is wrong
    return new, jax.tree.map(lambda y: y[None], results)


def _first(states: Any) -> jax.Array:
    return jax.tree.leaves(states)[0]


def _choose(real: jax.Array, new: jax.Array, old: Any) -> jax.Array:
    """`new` in the rows where `real` is True, else `old`."""
    return jnp.where(jnp.reshape(real, (-1, *[1] * (new.ndim - 1))), new, old)


def each_step(function: Callable[[Any], Any], x: Any) -> Any:
    """`function` on all time steps at once, as on rows of one batch: no loop.

    Args:
        function: of (rows, ...), to any pytree of (rows, ...); each row on its own.
        x: (batch, time, ...), or a pytree of them.

    Returns:
        What `function` returns, as (batch, time, ...).

    >>> import jax.numpy as jnp
    >>> each_step(lambda rows: rows.sum(-1), jnp.ones((2, 5, 3))).shape
    (2, 5)
    """
    batch, time = jax.tree.leaves(x)[0].shape[:2]
    rows = jax.tree.map(lambda part: jnp.reshape(part, (batch * time, *part.shape[2:])), x)
    return jax.tree.map(
        lambda part: jnp.reshape(part, (batch, time, *part.shape[1:])), function(rows)
    )


def each_of_steps(function: Callable[[Any], Any], x: Any) -> Any:
    """`each_step` of x as loops take it, (time, batch, ...), to (time, batch, ...).

    Both axes become one as they lie, which copies nothing. Where several devices have rows the
    batch has to be the outer one: XLA gathers all rows on every device else.
    """

    def turned(tree: Any) -> Any:
        return jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), tree) if is_cut() else tree

    return turned(each_step(function, turned(x)))


def gate_products(
    x: jax.Array,
    kernel: jax.Array,
    masks: jax.Array | None = None,
    product: Callable[[jax.Array, jax.Array], jax.Array] = jnp.matmul,
    axis: int = -1,
) -> jax.Array:
    """`product(x, kernel)`; where masks are given, each gate sees x times a mask of its own.

    Args:
        x: (..., inputs).
        kernel: (inputs, gates * units).
        masks: (gates, ...), each broadcast against x; (1, ...) for one that all gates share.
        product: linear in both; its results are joined on `axis`.
        axis: where the gates lie in the result.

    Returns:
        (..., gates * units).

    >>> import jax.numpy as jnp
    >>> masks = jnp.array([[[0.0]], [[1.0]]])
    >>> gate_products(jnp.ones((1, 3)), jnp.ones((3, 4)), masks).tolist()
    [[0.0, 0.0, 3.0, 3.0]]

    Source: Gal & Ghahramani, "Dropout in recurrent neural networks", NeurIPS 2016.
    """
    return joined_products(masked(x, masks), kernel, product, axis)


def masked(x: jax.Array, masks: jax.Array | None) -> tuple[jax.Array, ...]:
    """What each gate sees of x: x times a mask of its own, or x itself for all of them."""
    return (x,) if masks is None else tuple(x * mask for mask in masks)


def joined_products(
    seen: Sequence[jax.Array],
    kernel: jax.Array,
    product: Callable[[jax.Array, jax.Array], jax.Array] = jnp.matmul,
    axis: int = -1,
) -> jax.Array:
    """`gate_products` of what `masked` returns."""
    if len(seen) == 1:
        return product(seen[0], kernel)
    kernels = jnp.split(kernel, len(seen), axis=-1)
    return jnp.concatenate([product(x, k) for x, k in zip(seen, kernels, strict=True)], axis)


def projected(
    x: jax.Array, kernel: jax.Array, bias: jax.Array | None, masks: jax.Array | None = None
) -> jax.Array:
    """The inputs of all gates in all steps, before the loop: (time, batch, gates * units).

    Args:
        x: (batch, time, inputs).
        kernel: (inputs, gates * units).
        bias: (gates * units,) or None.
        masks: (gates or 1, batch, 1, inputs) or None, as for `gate_products`.
    """

    def product(seen: tuple[jax.Array, ...]) -> jax.Array:
        z = joined_products(seen, kernel)
        return z if bias is None else z + bias[None]

    x = jnp.swapaxes(x, 0, 1)  # before the product: inputs are mostly fewer than gates
    masks = None if masks is None else jnp.swapaxes(masks, 1, 2)
    return each_of_steps(product, masked(x, masks))


def gates_of(z: jax.Array | Sequence[jax.Array], count: int, axis: int = -1) -> Sequence[jax.Array]:
    """`count` gates: z cut along `axis`, or z itself where it is cut already.

    Loops cut the inputs before they begin: on CPUs, steps that read each gate from an array of its
    own take half the time.
    """
    return jnp.split(z, count, axis) if isinstance(z, jax.Array) else z


def zero_states(z: jax.Array, units: int, count: int) -> tuple[jax.Array, ...]:
    """`count` states of zeros for projected inputs `z`."""
    return (jnp.zeros((z.shape[1], units), z.dtype),) * count
