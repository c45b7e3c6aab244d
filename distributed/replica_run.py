"""`strategy.run`: one program for all replicas, mapped over the devices by `jax.shard_map`.

Replica-checking is off (`check_vma=False`): under it JAX would sum gradients of whole arrays over
the replicas by itself, and a following `all_reduce` would count them twice.
"""

import contextlib
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from nnlib.core.errors import ArgumentError

from .lockstep import in_lockstep
from .program import Program
from .replica_context import (
    LoneContext,
    NeedsOthersError,
    ReplicaContext,
    UnevenContext,
    check_call,
    uneven,
    within,
)
from .replicas import ROWS, as_jax_has_it
from .static import Static, static
from .values import PerReplica, is_per_replica
from .weak_cache import WeakCache

if TYPE_CHECKING:
    from .strategy import Strategy

ALONE = "replica_alone"
"""The axis of a mesh of the one device on which a replica runs by itself."""


@dataclass(eq=False)  # compiled calls find it by identity, trees they would compare each time
class Arguments:
    """What is known of all arguments of one structure.

    Args:
        structure: of args and kwargs.
        cut: of each leaf, whether it is a PerReplica's array; None where a PerReplica is a tuple.
    """

    structure: Any
    cut: list[bool] | None
    shardings: list[Any] | None = None
    """Those of arrays that were where they are needed."""

    def __post_init__(self) -> None:
        self.of_arrays = self, (None,) * self.structure.num_leaves
        """What is compiled for where all leaves are arrays."""


class ReplicaRun:
    """Runs functions on all replicas of a strategy, each compiled once for its kinds of arguments.

    Args:
        strategy: whose replicas they are.
    """

    def __init__(self, strategy: "Strategy"):
        self.strategy, self.replicas = strategy, strategy.replicas
        self._programs, self._alone_programs = WeakCache(), WeakCache()
        self._known: dict[Any, Arguments] = {}
        """By structure."""

    def __call__(self, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """See `Strategy.run`."""
        check_call("run", fn, args, kwargs)
        leaves, structure = jax.tree.flatten((tuple(args), dict(kwargs or {})))
        known = self._known.get(structure)
        if known is None:
            known = self._known[structure] = Arguments(structure, _cut_leaves(structure))
        if known.cut is None:
            return self._from_tuples(fn, args, kwargs)
        program = self._programs.get(fn, self._program)
        shardings = _shardings(leaves)
        # As in a step that takes its own results: one comparison of pointers, since Python's time
        # here is the overhead of `run`.
        if shardings is not None and shardings == known.shardings:
            return program(known.of_arrays, leaves)
        given = [self._argument(*pair) for pair in zip(leaves, known.cut, strict=True)]
        kinds = tuple([leaf if type(leaf) is Static else None for leaf in given])
        arrays = [leaf for leaf in given if type(leaf) is not Static]
        if shardings is not None and all(map(operator.is_, given, leaves)):
            known.shardings = shardings
        return program((known, kinds), arrays)

    def _argument(self, leaf: Any, is_cut: bool = False) -> Any:
        """A leaf where the replicas need it, or Static."""
        replicas = self.replicas
        wanted = replicas.by_replica if is_cut else replicas.everywhere
        if getattr(leaf, "sharding", None) == wanted:  # first, as the rest takes its time
            return leaf
        if is_cut:
            return self.placed(PerReplica.of_array(leaf)).stacked
        if isinstance(leaf, jax.Array | np.ndarray | np.generic):
            return replicas.broadcast(leaf)
        if hasattr(leaf, "__array__"):
            return replicas.broadcast(np.asarray(leaf))
        return static("run", leaf)

    def _from_tuples(self, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """The same of values that are not one array yet, or never can be."""
        both = (tuple(args), dict(kwargs or {}))
        leaves, structure = jax.tree.flatten(both, is_leaf=is_per_replica)
        placed = [self.placed(leaf) if is_per_replica(leaf) else leaf for leaf in leaves]
        if not any(is_per_replica(leaf) and leaf.stacked is None for leaf in placed):
            return self(fn, *jax.tree.unflatten(structure, placed))
        given = [leaf if is_per_replica(leaf) else self._argument(leaf) for leaf in placed]
        return self._uneven(fn, structure, given)

    def placed(self, value: PerReplica) -> PerReplica:
        """The value as one array over the devices, where its parts have one shape.

        Raises:
            ArgumentError: if it is that of another number of replicas.
        """
        replicas = self.replicas
        if value.stacked is None:
            check_count(len(value.values), len(replicas.local))
            return replicas.stack(value.values) or value
        check_count(value.stacked.shape[0], replicas.count)
        spread = replicas.spread(value.stacked)
        return value if spread is value.stacked else PerReplica.of_array(spread)

    def _program(self, function: Callable[[], Any]) -> Callable[..., Any]:
        strategy, replicas = self.strategy, self.replicas
        several = replicas.count > 1
        context = (ReplicaContext if several else LoneContext)(strategy)

        def outgoing(leaf: Any) -> Any:
            return PerReplica.of_array(leaf[None]) if several else leaf

        def program(kind: tuple[Arguments, tuple[Any, ...]], arrays: Sequence[Any]) -> Any:
            known, kinds = kind
            leaves = zip(known.cut or (), kinds, strict=True)
            cut = [is_cut for is_cut, constant in leaves if constant is None]
            for array in itertools.compress(arrays, cut):
                check_count(array.shape[0], replicas.count)

            def replica(arrays: Sequence[Any]) -> Any:
                own = iter([a[0] if is_cut else a for a, is_cut in zip(arrays, cut, strict=True)])
                given = [next(own) if kind is None else kind.value for kind in kinds]
                tree = jax.tree.unflatten(known.structure, given)
                with within(context):
                    return called(function, _without_nodes(tree), outgoing)

            mapped = partial(jax.shard_map, mesh=replicas.mesh, check_vma=False)
            specs = [P(ROWS) if is_cut else P() for is_cut in cut]
            out = P(ROWS) if several else P()
            return mapped(replica, in_specs=(specs,), out_specs=out)(arrays)

        return Program(program)

    # Arguments of different shapes -----------------------------------------------------------

    def _uneven(self, fn: Callable[..., Any], structure: Any, given: Sequence[Any]) -> Any:
        """Each replica by itself; as Python runs it where they need something of each other."""
        with _of_one_shape():
            with contextlib.suppress(NeedsOthersError):
                return self.regroup(self._one_by_one(fn, structure, given))
            return self.regroup(self._together(fn, structure, given))

    def _together(
        self, fn: Callable[..., Any], structure: Any, given: Sequence[Any]
    ) -> Sequence[Any]:
        """All on one device, as weights that the function knows are on one."""
        replicas = self.replicas
        devices = [replicas.devices[number] for number in replicas.local]

        def of(place: int) -> Any:
            own = [_own(leaf, place) for leaf in given]
            plain = [leaf.value if isinstance(leaf, Static) else leaf for leaf in own]
            return jax.tree.unflatten(structure, [_put(devices[0], leaf) for leaf in plain])

        results = in_lockstep(self.strategy, fn, [of(place) for place in range(len(devices))])
        pairs = zip(devices, results, strict=True)
        return [jax.tree.map(partial(_put, device), result) for device, result in pairs]

    def _one_by_one(
        self, fn: Callable[..., Any], structure: Any, given: Sequence[Any]
    ) -> Sequence[Any]:
        """Each on its own device, compiled."""
        replicas = self.replicas
        results = []
        for place, number in enumerate(replicas.local):
            device = replicas.devices[number]
            own = [jax.device_put(_own(leaf, place), device) for leaf in given]
            program = self._alone_programs.get(fn, self._alone)
            results.append(program((structure, device), own, np.int32(number)))
        return results

    def _alone(self, function: Callable[[], Any]) -> Callable[..., Any]:
        strategy = self.strategy

        def program(kind: tuple[Any, jax.Device], given: Sequence[Any], number: Any) -> Any:
            structure, device = kind

            def replica(given: Sequence[Any], number: jax.Array) -> Any:
                with within(UnevenContext(strategy, number)):
                    plain = [leaf.value if isinstance(leaf, Static) else leaf for leaf in given]
                    both = jax.tree.unflatten(structure, plain)
                    return called(function, both, lambda leaf: leaf)

            # A function that is compiled by itself must not meet what it was compiled to elsewhere.
            mesh = Mesh(np.array([device]), (ALONE,))
            mapped = partial(jax.shard_map, mesh=mesh, check_vma=False)
            return mapped(replica, in_specs=(P(), P()), out_specs=P())(given, number)

        return Program(program)

    def regroup(self, results: Sequence[Any]) -> Any:
        """Trees of the replicas of this process as one tree of PerReplica.

        Raises:
            ArgumentError: if they have different structures.
        """
        flat = [jax.tree.flatten(result, is_leaf=lambda leaf: leaf is None) for result in results]
        structures: list[Any] = [structure for _, structure in flat]
        if odd := [other for other in structures[1:] if other != structures[0]]:
            raise ArgumentError(
                "run: expected results of one structure from all replicas, got "
                f"{structures[0]} and {odd[0]}."
            )
        columns = zip(*(leaves for leaves, _ in flat), strict=True)
        return jax.tree.unflatten(structures[0], [self._grouped(column) for column in columns])

    def _grouped(self, values: Sequence[Any]) -> Any:
        first = values[0]
        if not any(isinstance(value, jax.Array | np.ndarray) for value in values) and all(
            Static(value) == Static(first) for value in values
        ):
            return first
        return self.replicas.group(values)


@contextlib.contextmanager
def _of_one_shape() -> Iterator[None]:
    """Collectives of JAX, which find no other replica within, say what they need."""
    try:
        yield
    except NameError as error:
        if "unbound axis name" not in str(error):
            raise
        raise uneven("a collective of JAX") from error


def _cut_leaves(structure: Any) -> list[bool] | None:
    """See `Arguments`."""
    tree = jax.tree.unflatten(structure, range(structure.num_leaves))
    nodes = jax.tree.leaves(tree, is_leaf=is_per_replica)
    if any(is_per_replica(node) and node.stacked is None for node in nodes):
        return None
    return [is_per_replica(node) for node in nodes]


def _without_nodes(tree: Any) -> Any:
    """The tree with what a PerReplica holds in its place."""
    return jax.tree.map(
        lambda node: node.stacked if is_per_replica(node) else node, tree, is_leaf=is_per_replica
    )


def called(function: Callable[[], Any], given: tuple[Any, Any], outgoing: Any) -> Any:
    """The function's result: arrays as `outgoing` makes them, anything else Static."""
    args, kwargs = given
    return jax.tree.map(
        lambda leaf: outgoing(jnp.asarray(leaf)) if _is_array(leaf) else Static(leaf),
        function()(*args, **kwargs),
    )


def _put(device: jax.Device, leaf: Any) -> Any:
    """An array on a device; anything else as it is."""
    return jax.device_put(leaf, device) if _is_array(leaf) else leaf


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | np.generic)


def _own(leaf: Any, place: int) -> Any:
    """The argument of one replica of this process; other arrays as one copy of theirs."""
    if isinstance(leaf, PerReplica):
        return as_jax_has_it(leaf.values[place])
    return leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf


_sharding_of = operator.attrgetter("sharding")


def _shardings(leaves: list[Any]) -> list[Any] | None:
    """Those of arrays; None if not all of them are arrays on devices."""
    try:
        return list(map(_sharding_of, leaves))
    except AttributeError:
        return None


def check_count(count: int, expected: int) -> None:
    """Raises ArgumentError for values of another number of replicas."""
    if count != expected:
        raise ArgumentError(
            f"PerReplica: expected a value for each of {expected} replicas, got {count}. Values of "
            "one strategy are of no use to another."
        )
