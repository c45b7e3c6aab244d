"""Where the arrays of a sharded training live: every weight cut, and gathered where it is read."""

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax.ad_checkpoint import checkpoint_name
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from nnlib.core.arguments import cast_float
from nnlib.core.compat import trace_state
from nnlib.core.masks import same_mask
from nnlib.core.scope import step_placed_by

from .mesh_placement import MeshPlacement
from .put import put
from .ring_attention import ring_attention
from .weight_cuts import Cut, WeightCuts

LAYER_OUTPUT = "nnlib_layer_output"
_CHEAP = ("name", "sharding_constraint", "convert_element_type", "transpose", "reshape")
"""Primitives whose results are made again: a gathered weight, and its copies in other forms."""


class ShardedPlacement(MeshPlacement):
    """Arrays of a training whose weights are cut over a mesh.

    Args:
        model: whose weights they are.
        cuts: how they are cut.
        row_axes: the axes of the mesh over which the rows of a batch are cut.
        remat: what the backward pass makes again: None, "weights" or "layers".
        sequence: the axis of the mesh over which attention cuts sequences; None for none.
    """

    def __init__(
        self,
        model: Any,
        cuts: WeightCuts,
        row_axes: Sequence[str],
        remat: str | None,
        sequence: str | None = None,
    ):
        super().__init__(cuts.mesh, row_axes, self._specs)
        self._sequence, self._attended = sequence, False
        self._model, self._cuts, self._remat = model, cuts, remat
        self._used: dict[int, dict[str, Cut]] = {}
        self._gathers: dict[int, tuple[Any, Cut, Any, dict[Any, Any], Any]] = {}
        """(a gathered weight, how it was cut, its part, what was read, the trace) by identity of
        the first; what was read is the part by the dtype that it was cast to, None for its own."""

    @property
    def _rows_alone(self) -> bool:
        return set(self.mesh.axis_names) == set(self.row_axes) == set(self._cuts.gathered)

    def _specs(self) -> dict[Any, Any]:
        return {cut.path: (cut.weight.shape, cut.kept.spec) for cut in self._cuts.of(self._model)}

    @property
    def attention(self) -> Callable[..., Any] | None:
        """What layers attend with, if not as on one device."""
        if self._sequence is None:
            return None
        self._attended = True
        return functools.partial(ring_attention, mesh=self.mesh, axis=self._sequence)

    @property
    def working_axes(self) -> tuple[str, ...]:
        """See `MeshPlacement`: gathered weights are used whole, sequences may be cut."""
        cuts = [cut.used.spec for cut in self._cuts.of(self._model)]
        return self._with_axes_of([*cuts, P(self._sequence)])

    def local(self, tree: Any) -> Any:
        """See `Placement`: layers keep cut arrays."""
        return jax.tree.map(put, tree, self.shardings(tree))

    def made(self, function: Callable[[Any], Any], tree: Any) -> Any:
        """See `Placement`: slots are made cut as their weights are."""
        shardings = self.shardings(jax.eval_shape(function, tree))
        return jax.jit(function, out_shardings=shardings)(self.local(tree))

    # Within the trace of a step ------------------------------------------------------------------

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """See `Placement`."""
        self._used = {}
        for cut in self._cuts.of(self._model):
            self._used.setdefault(id(cut.layer), {})[cut.name] = cut
        try:
            with step_placed_by(self), super().step():
                yield
        finally:
            self._gathers = {}
        axis = self._sequence
        if axis is not None and self.mesh.shape[axis] > 1 and not self._attended:
            self._warn_of_whole_sequences(axis)

    def _warn_of_whole_sequences(self, axis: str) -> None:
        warnings.warn(
            f"ShardedStrategy: expected a layer that attends over sequence={axis!r}, got none in "
            f"{type(self._model).__name__} {self._model.name!r}: nothing cuts sequences, and the "
            f"{self.mesh.shape[axis]} devices of that axis repeat work unless rules give them "
            "parts of weights. Use MultiHeadAttention or GroupQueryAttention, or leave sequence= "
            "out and give the axis to rows=.",
            stacklevel=2,
        )

    def at_use(self, values: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """The arrays of layers by identity, gathered as layers read them.

        A constraint for each weight leaves XLA free to gather one while another is computed with.
        """
        return {
            layer: {
                name: self._gathered(self._used.get(layer, {}).get(name), array)
                for name, array in own.items()
            }
            for layer, own in values.items()
        }

    def _gathered(self, cut: Cut | None, array: Any) -> Any:
        if cut is None or cut.kept.spec == cut.used.spec:
            return array
        whole = jax.lax.with_sharding_constraint(array, cut.used)
        self._gathers[id(whole)] = whole, cut, array, {}, trace_state()
        return whole

    def read(self, array: Any, dtype: str | None) -> Any:
        """A weight as a layer reads it, in the dtype it computes in (None: its own).

        Cast first and gathered then: half of the bytes move with 16-bit floats, and the gradient,
        whose sum is to be cut as the weight is, is cut before it is cast back.

        Each read has a constraint of its own, and so has its part of the gradient. XLA gathers
        once and sums over devices once all the same; without them it makes a lookup's gradient
        begin with that of another use of the table, and sums that over all devices before.
        """
        found = self._gathers.get(id(array))
        if found is None or found[0] is not array or found[-1] != trace_state():
            # In a loop: gathered once, before it.
            return array if dtype is None else cast_float(array, dtype)
        whole, cut, part, read, _ = found
        if dtype is None and None not in read:
            read[None] = part
            return whole
        if dtype is not None and dtype not in read:
            cast = cast_float(part, dtype)
            read[dtype] = jax.lax.with_sharding_constraint(cast, cut.kept)
        return jax.lax.with_sharding_constraint(read[dtype], cut.used)

    def by_rows(self, convolve: Any, x: jax.Array, kernel: jax.Array) -> jax.Array:
        """See `MeshPlacement`; where all axes cut rows XLA scatters the sum of gradients."""
        return convolve(x, kernel) if self._rows_alone else super().by_rows(convolve, x, kernel)

    def looked_up(self, look_up: Any, ids: jax.Array, table: jax.Array) -> jax.Array:
        """See `nnlib.ops.partitioning`; where all axes cut rows, sums over devices are in 16 bits.

        Each device has summed its own in 32 by then.
        """
        if not self._rows_alone or not ids.ndim:
            return super().looked_up(look_up, ids, table)
        return super().by_rows(look_up, ids, table)

    def with_whole_axes(self, array: jax.Array, axes: Sequence[int]) -> jax.Array:
        """See `nnlib.ops.partitioning`: other axes lie as XLA likes."""
        if self._rows_alone:
            return array
        spec = P(*[None if axis in axes else P.UNCONSTRAINED for axis in range(array.ndim)])
        return jax.lax.with_sharding_constraint(array, NamedSharding(self.mesh, spec))

    def gradients(self, tree: Any) -> Any:
        """Gradients, cut as their weights are."""
        return self.kept(tree)

    def output(self, path: str, out: Any) -> Any:
        """What a layer puts out, marked to be kept if it stands in the model itself."""
        if self._remat != "layers" or not path or "/" in path:
            return out
        return jax.tree.map(_marked, out)

    def loss(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The loss, with what its backward pass makes again."""
        if self._remat is None:
            return function
        policies = jax.checkpoint_policies
        kept = policies.save_only_these_names(LAYER_OUTPUT)
        return jax.checkpoint(function, policy=kept if self._remat == "layers" else _costly)


def _marked(leaf: Any) -> Any:
    if not isinstance(leaf, jax.Array):
        return leaf
    return same_mask(checkpoint_name(leaf, LAYER_OUTPUT), leaf)


def _costly(primitive: Any, *_: Any, **__: Any) -> bool:
    return primitive.name not in _CHEAP
