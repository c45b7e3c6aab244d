"""Which weights a loss reads by rows: tables of which a batch looks up a few numbers only."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Var
from jax.lax import GatherScatterMode

from nnlib.core.compat import changed_program

from .layout import Flat, Names, names_of


class Lookup(NamedTuple):
    """An operation that takes rows of a table, and those that cast the table before, in turn."""

    table: Names
    rows: int
    operation: Any
    casts: tuple[Any, ...] = ()


class RowReads:
    """A loss that wants rows in place of the tables that it does nothing with but look up rows.

    They are found in the program that JAX traces. A table is read whole where anything else is
    done with it: a regularizer, a tied output layer, a lookup within a loop, ids that depend on
    weights or on states; or if a batch may look up half of its rows.

    Args:
        loss: `f(trainable, state, rest)`, a scalar and whatever else.
        trainable, state, rest: what it is called with, as ShapeDtypeStructs or arrays.
    """

    def __init__(self, loss: Callable[..., Any], trainable: Any, state: Any, rest: Any):
        self._whole = loss
        made = jax.make_jaxpr(loss, return_shape=True)
        self._program, shapes = made(trainable, state, rest)
        self._structure = jax.tree.structure(shapes)
        leaves, _ = jax.tree.flatten_with_path(trainable)
        self._paths = [names_of(path) for path, _ in leaves]
        self._given = len(leaves) + len(jax.tree.leaves(state))
        self._lookups = self._found()
        self.sizes = {path: sum(map(_count, some)) for path, some in self._by_table()}
        """How many rows a batch looks up at most, by the path of the table."""
        self._ids = self._program_of_ids()
        self._rest = self._program_of_rest()

    def places(self, rest: Any) -> tuple[Flat, list[Any]]:
        """The rows that a batch looks up.

        Returns:
            Their ids, ascending, by the path of the table; and for each lookup, where among these
            its rows are.
        """
        if not self._lookups:
            return {}, []
        found = [np.asarray(ids)[..., 0] for ids in self._ids(*jax.tree.leaves(rest))]
        rows: Flat = {}
        places: list[Any] = [None] * len(found)
        for path, _ in self._by_table():
            mine = [n for n, lookup in enumerate(self._lookups) if lookup.table == path]
            # As the lookup itself has it: an id out of range is that of the first or last row.
            last = self._lookups[mine[0]].rows - 1
            ids = [np.clip(found[n].astype(np.int64), 0, last) for n in mine]
            rows[path], where = np.unique(
                np.concatenate([i.ravel() for i in ids]), return_inverse=True
            )
            ends = np.cumsum([i.size for i in ids])[:-1]
            for n, some in zip(mine, np.split(where.ravel(), ends), strict=True):
                places[n] = some.reshape(found[n].shape).astype(np.int32)
        return rows, places

    def padded(self, weights: Flat) -> Flat:
        """The weights with as many rows as a batch may look up, so that one program fits all."""
        full = dict(weights)
        for path, size in self.sizes.items():
            rows = weights[path]
            full[path] = np.pad(rows, [(0, size - len(rows)), *[(0, 0)] * (rows.ndim - 1)])
        return full

    def loss(self, trainable: Any, places: list[Any], state: Any, rest: Any) -> Any:
        """The loss, of rows in place of tables, and of `places`."""
        if not self._lookups:
            return self._whole(trainable, state, rest)
        leaves = dict(zip(self._paths, jax.tree.leaves(trainable), strict=True))
        others = [array for path, array in leaves.items() if path not in self.sizes]
        rows = [
            _cast(leaves[lookup.table], lookup.casts)
            .at[place]
            .get(mode="clip", wrap_negative_indices=False)
            for lookup, place in zip(self._lookups, places, strict=True)
        ]
        outputs = self._rest(*others, *jax.tree.leaves((state, rest)), *rows)
        return jax.tree.unflatten(self._structure, outputs)

    # The program -------------------------------------------------------------------------------

    def _found(self) -> list[Lookup]:
        program = self._program.jaxpr
        known_late = _dependent(program, program.invars[: self._given])
        found = []
        tables: list[Any] = program.invars
        for path, table in zip(self._paths, tables, strict=False):
            uses, lookups = _uses(program, path, table)
            if (
                lookups
                and len(lookups) == len(uses)
                and not any(_ids_of(lookup) in known_late for lookup in lookups)
                and 2 * sum(map(_count, lookups)) <= table.aval.shape[0]
            ):
                found += lookups
        return found

    def _by_table(self) -> Iterable[tuple[Names, list[Lookup]]]:
        tables: dict[Names, list[Lookup]] = {}
        for lookup in self._lookups:
            tables.setdefault(lookup.table, []).append(lookup)
        return tables.items()

    def _program_of_ids(self) -> Any:
        """From the rest of the arguments to the ids of each lookup."""
        program = self._program.jaxpr
        ids = [_ids_of(lookup) for lookup in self._lookups]
        wanted, kept = set(ids), []
        for eqn in reversed(program.eqns):
            if any(var in wanted for var in eqn.outvars):
                kept.append(eqn)
                wanted |= {var for var in eqn.invars if isinstance(var, Var)}
        arguments = program.invars[self._given :]
        return jax.jit(changed_program(self._program, arguments, kept[::-1], ids))

    def _program_of_rest(self) -> Any:
        """The loss behind the lookups, whose rows are further arguments."""
        program = self._program.jaxpr
        weights = dict(zip(self._paths, program.invars, strict=False))
        tables: set[Any] = {weights.pop(path) for path in self.sizes}
        rows = [lookup.operation.outvars[0] for lookup in self._lookups]
        eqns = []
        for eqn in program.eqns:
            if not any(isinstance(var, Var) and var in tables for var in eqn.invars):
                eqns.append(eqn)
            elif eqn.outvars[0] not in rows:  # a cast, of use to somebody or not
                tables.update(eqn.outvars)
        arguments = [*weights.values(), *program.invars[len(self._paths) :], *rows]
        return changed_program(self._program, arguments, eqns, program.outvars)


def _ids_of(lookup: Lookup) -> Any:
    return lookup.operation.invars[1]


def _count(lookup: Lookup) -> int:
    ids: Any = _ids_of(lookup).aval
    return math.prod(ids.shape[:-1])


def _cast(table: Any, casts: Iterable[Any]) -> Any:
    for eqn in casts:
        table = table.astype(eqn.params["new_dtype"])
    return table


def _uses(program: Any, path: Names, table: Any) -> tuple[list[Any], list[Lookup]]:
    """What is done with a table, or with what it was cast to, and which of it takes rows."""
    casts: dict[Any, tuple[Any, ...]] = {table: ()}
    uses, lookups = [], []
    for eqn in program.eqns:
        found = [var for var in eqn.invars if isinstance(var, Var) and var in casts]
        if found and eqn.primitive.name == "convert_element_type":
            casts[eqn.outvars[0]] = (*casts[found[0]], eqn)
        elif found:
            uses.append(eqn)
            if _takes_rows(eqn, found[0]):
                lookups.append(Lookup(path, table.aval.shape[0], eqn, casts[found[0]]))
    uses += [var for var in program.outvars if isinstance(var, Var) and var in casts]
    return uses, lookups


def _takes_rows(eqn: Any, table: Any) -> bool:
    """Whether an operation takes whole rows of the table, by ids along its first axis."""
    if eqn.primitive.name != "gather" or eqn.invars[0] is not table:
        return False
    ids = eqn.invars[1]
    _, *row = table.aval.shape or (0,)
    dimensions: Mapping[str, Any] = eqn.params["dimension_numbers"]._asdict()
    if not isinstance(ids, Var):  # a constant
        return False
    shape: tuple[int, ...] = ids.aval.shape  # type: ignore[attr-defined]
    behind = len(shape) - 1
    return bool(
        ids is not table
        and shape[-1] == 1
        and tuple(eqn.params["slice_sizes"]) == (1, *row)
        and dimensions["collapsed_slice_dims"] == dimensions["start_index_map"] == (0,)
        and dimensions["offset_dims"] == tuple(range(behind, behind + len(row)))
        and not dimensions["operand_batching_dims"]
        and eqn.params["mode"] in (GatherScatterMode.CLIP, GatherScatterMode.PROMISE_IN_BOUNDS)
    )


def _dependent(program: Any, variables: Iterable[Any]) -> set[Any]:
    """All variables of a program that depend on some of them."""
    found = set(variables)
    for eqn in program.eqns:
        if any(isinstance(var, Var) and var in found for var in eqn.invars):
            found.update(eqn.outvars)
    return found
