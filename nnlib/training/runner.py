"""Many steps in one dispatch, over data that stays on the device."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr

from nnlib.core.compat import jaxpr_as_fun
from nnlib.core.errors import ShapeError
from nnlib.training.batch import Batch, row_count
from nnlib.training.placement import ONE_DEVICE, Placement

Step = Callable[[Any, Any, Batch], tuple[Any, Any]]
"""`(carry, constants, batch) -> (carry, logs)`"""


class Runner:
    """Runs `step` over consecutive batches of arrays on the device.

    The step is traced once. On accelerators, and on CPUs unless it convolves, all steps of a call
    are one loop on the device: its length is an argument, so no other length compiles again and
    the numbers do not depend on the grouping. XLA's CPU backend runs convolutions inside a loop
    several times slower, so there every step is a dispatch of its own.

    Args:
        step: a Step.
        batch_size: rows per step.
        masked: whether the last batch may be short: it is filled up and masked.
        placement: where carry, constants and data are.
    """

    def __init__(
        self, step: Step, batch_size: int, masked: bool, placement: Placement = ONE_DEVICE
    ):
        self.step, self.batch_size, self.masked = step, batch_size, masked
        self.placement = placement
        self._compiled: dict[Any, Callable[..., Any]] = {}
        self.seconds_per_step: float | None = None
        """How long a step took last time; None before the first fit."""

    def run(
        self, carry: Any, constants: Any, data: Batch, order: Any, start: int, count: int
    ) -> tuple[Any, Any]:
        """`count` steps from batch number `start` on: the new carry and the last logs.

        Args:
            carry: what the steps pass on.
            constants: what all of them read.
            data: arrays of all rows.
            order: (rows,) the order of the rows, or None as they are.
            start: the number of the first batch.
            count: how many batches, at least 1.
        """
        key = _signature(carry, constants, data, order)
        if key not in self._compiled:
            self._compiled[key] = self._compile(carry, constants, data, order)
        return self._compiled[key](carry, constants, data, order, start, count)

    def _compile(self, carry: Any, constants: Any, data: Batch, order: Any) -> Callable[..., Any]:
        batch = jax.eval_shape(lambda d, o: self.batch_at(d, o, 0), data, order)
        step, logs, jaxpr = _traced(self.step, carry, constants, batch)

        def one(carry: Any, constants: Any, data: Batch, order: Any, index: Any) -> Any:
            return self.one(step, carry, constants, data, order, index)

        def loop(
            carry: Any, constants: Any, data: Batch, order: Any, start: Any, count: Any
        ) -> Any:
            zeros = self.placement.logs(jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), logs))
            carry, last = jax.lax.fori_loop(
                start,
                start + count,
                lambda index, now: one(now[0], constants, data, order, index),
                (carry, zeros),
            )
            return self.placement.kept(carry), last  # XLA chooses for the loop, not for its steps

        if jax.default_backend() == "cpu" and _convolves(jaxpr.jaxpr):
            dispatch = jax.jit(one, donate_argnums=0)

            def steps(
                carry: Any, constants: Any, data: Batch, order: Any, start: int, count: int
            ) -> Any:
                last = None
                for index in range(start, start + count):
                    carry, last = dispatch(carry, constants, data, order, index)
                return carry, last

            return steps
        return jax.jit(loop, donate_argnums=0)

    def one(
        self, step: Step, carry: Any, constants: Any, data: Batch, order: Any, index: Any
    ) -> tuple[Any, Any]:
        """Step number `index`, with its arrays where they belong."""
        batch = self.placement.spread(self.batch_at(data, order, index))
        new, logs = step(carry, constants, batch)
        return self.placement.kept(new), self.placement.logs(logs)

    def batch_at(self, data: Batch, order: Any, index: Any) -> Batch:
        """Batch number `index`; a short last one is filled up with rows from the front."""
        size, rows = self.batch_size, row_count(data.x)
        start = index * size
        if not self.masked:
            if order is None:
                cut = lambda a: jax.lax.dynamic_slice_in_dim(a, start, size)  # noqa: E731
                return jax.tree.map(cut, data)
            chosen = jax.lax.dynamic_slice_in_dim(order, start, size)
            return _take(data, chosen)
        positions = start + jnp.arange(size)
        inside = positions % rows
        batch = _take(data, inside if order is None else order[inside])
        return batch._replace(row_mask=(positions < rows).astype(jnp.float32))


class EagerRunner(Runner):
    """The same without compiling: print, breakpoints and Python conditions work in the step."""

    def run(
        self, carry: Any, constants: Any, data: Batch, order: Any, start: int, count: int
    ) -> tuple[Any, Any]:
        """See `Runner.run`."""
        logs: Any = None
        for index in range(start, start + count):
            carry, logs = self.one(self.step, carry, constants, data, order, index)
        return carry, logs


def _take(data: Batch, rows: Any) -> Batch:
    return jax.tree.map(lambda a: a.at[rows].get(mode="promise_in_bounds"), data)


def _signature(*trees: Any) -> Any:
    leaves, structure = jax.tree.flatten(trees)
    return structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)


def _traced(step: Step, carry: Any, constants: Any, batch: Batch) -> tuple[Step, Any, ClosedJaxpr]:
    """`step` traced once, as a function that can be used anywhere; the shapes of its logs."""
    jaxpr, (out, logs) = jax.make_jaxpr(step, return_shape=True)(carry, constants, batch)
    _check_carry(carry, out)
    structure = jax.tree.structure((out, logs))
    flat = jaxpr_as_fun(jaxpr)
    dtypes = [leaf.dtype for leaf in jax.tree.leaves(carry)]
    count = len(dtypes)

    def again(carry: Any, constants: Any, batch: Batch) -> tuple[Any, Any]:
        leaves = flat(*jax.tree.leaves((carry, constants, batch)))
        same = [jax.lax.convert_element_type(a, d) for a, d in zip(leaves, dtypes, strict=False)]
        return jax.tree.unflatten(structure, [*same, *leaves[count:]])

    return again, logs, jaxpr


def _check_carry(before: Any, after: Any) -> None:
    """A step written by a user must hand back what it was given, in shape and structure."""
    given: Any = jax.tree.structure(before)
    returned: Any = jax.tree.structure(after)
    if given != returned:
        raise ShapeError(
            "train_step: expected the returned state to have the structure of the given one, got "
            f"{returned} for {given}. Change arrays by "
            "state._replace(...)."
        )
    shapes = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    if wrong := [(a.shape, b.shape) for a, b in shapes if a.shape != b.shape]:
        raise ShapeError(
            f"train_step: expected every array of the state to keep its shape, got {wrong[0][1]} "
            f"for one of {wrong[0][0]}."
        )


def _convolves(jaxpr: Jaxpr) -> bool:
    return any(
        eqn.primitive.name == "conv_general_dilated" or any(map(_convolves, _inner(eqn)))
        for eqn in jaxpr.eqns
    )


def _inner(eqn: Any) -> Iterator[Jaxpr]:
    for value in jax.tree.leaves(
        list(eqn.params.values()), is_leaf=lambda v: isinstance(v, Jaxpr | ClosedJaxpr)
    ):
        if isinstance(value, ClosedJaxpr):
            yield value.jaxpr
        elif isinstance(value, Jaxpr):
            yield value
