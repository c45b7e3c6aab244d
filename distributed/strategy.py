"""Strategy: on which devices a model is trained, and how its arrays lie there.

There are no variables here, and so no aggregation of them (`ON_READ` and the like): params are
arrays that a step takes and returns, and each replica's copy of them is what the step made of it.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jax
from jax.sharding import Mesh

from nnlib.core.errors import ArgumentError
from nnlib.core.scope import strategy_in_scope, strategy_scope
from nnlib.training.placement import Placement

from .cross_device_ops import XLA_CHOOSES, CrossDeviceOps
from .datasets_from_function import DistributedDatasetFromFunction
from .distributed_dataset import DistributedDataset
from .errors import StrategyError
from .input_context import InputContext, InputOptions, RunOptions, ValueContext, check_run_options
from .mesh_placement import MeshPlacement
from .reduce_op import as_reduce_op
from .reduction import gathered, reduced
from .replica_context import refuse_within_run
from .replica_run import ReplicaRun
from .replicas import ROWS, Replicas
from .values import PerReplica, is_per_replica

__all__ = ["ROWS", "Strategy"]


class Strategy:
    """What all strategies have in common; made by its subclasses.

    Args:
        mesh: of the devices, with an axis "replica".
    """

    cross_device_ops: CrossDeviceOps = XLA_CHOOSES
    """How `all_reduce` and `reduce` sum."""
    cluster_resolver: Any = None
    """Which tells the cluster, where the strategy has one."""

    def __init__(self, mesh: Mesh):
        self.mesh = mesh

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_replicas_in_sync} replicas)"

    @property
    def num_replicas_in_sync(self) -> int:
        """Into how many parts a batch is cut."""
        return int(self.mesh.shape[ROWS])

    @contextlib.contextmanager
    def scope(self) -> Iterator["Strategy"]:
        """Within the block, models that are made or compiled belong to this strategy.

        Raises:
            StrategyError: within the scope of another strategy, or in a function of `run`.

        >>> import nnlib as nn
        >>> strategy = nn.distributed.MirroredStrategy()
        >>> with strategy.scope():
        ...     model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(2)])
        >>> model.distribute_strategy is strategy
        True
        """
        refuse_within_run("scope", "Make models before run().")
        outer = strategy_in_scope()
        if outer is not None and outer is not self:
            raise StrategyError(
                f"scope: expected no other strategy's scope around it, got that of {outer!r}: "
                "Mixing different strategies is not possible. Leave the outer scope first."
            )
        with strategy_scope(self):
            yield self

    if not TYPE_CHECKING:  # type checkers know which attributes there are

        def __getattr__(self, name: str) -> Any:
            if hasattr(type(self), name):  # a property that raised an AttributeError: that one
                return object.__getattribute__(self, name)
            way = f" {_ELSEWHERE[name]}." if name in _ELSEWHERE else ""
            raise AttributeError(
                f"{type(self).__name__}: expected a public attribute, got {name!r}.{way}"
            )

    # Functions on all replicas -----------------------------------------------------------------

    @cached_property
    def replicas(self) -> Replicas:
        """Where the replicas are."""
        return Replicas(self.mesh)

    @cached_property
    def replica_run(self) -> ReplicaRun:
        """The programs that `run` has compiled."""
        return ReplicaRun(self)

    def run(
        self,
        fn: Callable[..., Any],
        args: Any = (),
        kwargs: Mapping[str, Any] | None = None,
        options: RunOptions | None = None,
    ) -> Any:
        """Run a function on all replicas at once, compiled as by `jax.jit`.

        It is traced once for each structure, shape and dtype of its arguments; Python constants and
        None in arguments and results are passed as they are, and other constants compile again.
        What changes from call to call has to be an argument: an array that the function finds
        around it is the one of the first call for ever. (Weights of layers are looked after: with
        other ones `model(x)` is compiled again, `model.apply(params, state, x)` is not.) With the
        same key all replicas draw the same numbers: fold `replica_id_in_sync_group` into it where
        they should differ.

        Arguments of different shapes, as of a short last batch, are run replica by replica; where
        the function has collectives (`all_reduce`, `all_gather`), as Python runs it, which takes
        longer: these have to stand outside of what it compiles itself.

        Args:
            fn: what each replica does; see `get_replica_context`.
            args: its arguments: each replica gets its part of a PerReplica, and anything else
                whole.
            kwargs: more of them, by name.
            options: RunOptions, which change nothing here.

        Returns:
            What the function returned, each array as a PerReplica; as an array with one replica.

        Raises:
            StrategyError: within a function of `run`, and for arguments of different shapes where
                a collective of JAX itself, or one that is compiled, needs one shape.

        >>> import nnlib as nn, jax.numpy as jnp
        >>> strategy = nn.distributed.MirroredStrategy(["cpu:0"])
        >>> float(strategy.run(lambda x: 2 * x, args=(jnp.ones(()),)))
        2.0
        """
        refuse_within_run("run", "Call the function itself.")
        check_run_options(options)
        return self.replica_run(fn, args, kwargs)

    def reduce(self, reduce_op: Any, value: Any, axis: Any) -> Any:
        """The sum or mean of the values of all replicas.

        Args:
            reduce_op: ReduceOp.SUM or MEAN, or its name.
            value: a PerReplica, or a tree of them. Anything else is the same on all replicas: its
                mean is itself.
            axis: None to combine element by element; an axis, or a tuple of them, to combine what
                lies along it as well. A mean then weighs every element the same, however many a
                replica has.

        Returns:
            An array, whole on each device.

        Raises:
            ArgumentError: for another reduction, an axis that is not there, or SUM of a value that
                no replica computed.
            ShapeError: for values that do not fit together.

        >>> import nnlib as nn
        >>> strategy = nn.distributed.MirroredStrategy()
        >>> def number(context):
        ...     return 1.0 + context.replica_id_in_sync_group
        >>> values = strategy.experimental_distribute_values_from_function(number)
        >>> mean = (1 + strategy.num_replicas_in_sync) / 2
        >>> float(strategy.reduce("MEAN", values, axis=None)) == mean
        True
        """
        refuse_within_run("reduce", "Write get_replica_context().all_reduce(...) there.")
        op = as_reduce_op("reduce", reduce_op)
        return jax.tree.map(lambda leaf: reduced(self, op, axis, leaf), value, is_leaf=_is_leaf)

    def gather(self, value: Any, axis: int) -> Any:
        """The values of all replicas, one behind the other.

        Args:
            value: a PerReplica, or a tree of them; anything else is returned as it is.
            axis: along which they are joined; they may differ in length there.

        Returns:
            An array, whole on each device.

        Raises:
            ArgumentError: for an axis that is not there.
            ShapeError: for values that do not fit together.
        """
        refuse_within_run("gather", "Write get_replica_context().all_gather(...) there.")
        return jax.tree.map(lambda leaf: gathered(self, axis, leaf), value, is_leaf=_is_leaf)

    def experimental_local_results(self, value: Any) -> tuple[Any, ...]:
        """What each replica of this process has of a value, as a tuple.

        Args:
            value: a PerReplica, or a tree of them; an array is all there is: (array,).
        """
        if isinstance(value, PerReplica):
            return value.values
        leaves, structure = jax.tree.flatten(value, is_leaf=_is_leaf)
        if self.num_replicas_in_sync == 1 or structure == _LEAF:
            return (value,)
        columns = [
            leaf.values if is_per_replica(leaf) else (leaf,) * len(self.replicas.local)
            for leaf in leaves
        ]
        rows = zip(*columns, strict=True) if columns else [()] * len(self.replicas.local)
        return tuple(jax.tree.unflatten(structure, row) for row in rows)

    # Data --------------------------------------------------------------------------------------

    def experimental_distribute_dataset(
        self, dataset: Any, options: InputOptions | None = None
    ) -> DistributedDataset:
        """A dataset of global batches, each cut over the replicas.

        Args:
            dataset: of batches: an nn.data.Dataset, or any other that can be iterated again and
                again. In several processes the same one everywhere.
            options: how elements come to the devices.

        Raises:
            ArgumentError: for something else.

        >>> import nnlib as nn
        >>> strategy = nn.distributed.MirroredStrategy(["cpu:0"])
        >>> dataset = nn.data.Dataset.range(4).batch(2)
        >>> [x.tolist() for x in strategy.experimental_distribute_dataset(dataset)]
        [[0, 1], [2, 3]]
        """
        refuse_within_run("experimental_distribute_dataset", "Pass batches as arguments.")
        return DistributedDataset(self, dataset, _checked(options))

    def distribute_datasets_from_function(
        self, dataset_fn: Callable[[InputContext], Any], options: InputOptions | None = None
    ) -> DistributedDatasetFromFunction:
        """A dataset of which each process reads its own part.

        Args:
            dataset_fn: InputContext -> a dataset of the batches of single replicas.
            options: how elements come to the devices, and how often the function is called.

        Raises:
            ArgumentError: if the function returns something else.
        """
        refuse_within_run("distribute_datasets_from_function", "Pass batches as arguments.")
        return DistributedDatasetFromFunction(self, dataset_fn, _checked(options))

    experimental_distribute_datasets_from_function = distribute_datasets_from_function

    def experimental_distribute_values_from_function(
        self, value_fn: Callable[[ValueContext], Any]
    ) -> Any:
        """A PerReplica of what a function returns for each replica; a tree of them for trees.

        Args:
            value_fn: ValueContext, with `replica_id_in_sync_group`, -> a value.
        """
        refuse_within_run("experimental_distribute_values_from_function", "Compute them there.")
        count = self.num_replicas_in_sync
        trees = [value_fn(ValueContext(number, count)) for number in self.replicas.local]
        return jax.tree.map(
            lambda *values: self._distributed(values), *trees, is_leaf=lambda leaf: leaf is None
        )

    def _distributed(self, values: Sequence[Any]) -> Any:
        """The values of the replicas of this process as one; numbers of Python stay as they are."""
        arrays = all(hasattr(value, "dtype") for value in values)
        return self.replicas.group(values) if arrays else PerReplica(values)

    # Training ----------------------------------------------------------------------------------

    def on_mesh(self, mesh: Mesh) -> "Strategy":
        """The same strategy on other devices, which need not be here; for `plan`.

        Args:
            mesh: with the axes of its own.
        """
        moved = copy.copy(self)
        moved.mesh = mesh
        for derived in ("replicas", "replica_run"):
            vars(moved).pop(derived, None)
        return moved

    def placement_of(self, model: Any) -> Placement:
        """Where the arrays of the model's training live; asked by the trainer of the model."""
        del model  # its weights are whole on every device
        return MeshPlacement(self.mesh, (ROWS,))

    def keeper_of(self, model: Any) -> Any:
        """Who puts the weights that layers of the model keep; None for the default device."""
        del model


_ELSEWHERE = {
    "extended": "There are no variables here: write get_replica_context().all_reduce(op, value) "
    "for reduce_to within run(), strategy.reduce outside of it, and return new weights in place "
    "of update; strategy.mesh.devices are the devices",
    "experimental_make_numpy_dataset": "Write "
    "experimental_distribute_dataset(nn.data.Dataset.from_tensor_slices(arrays).batch(size))",
    "make_dataset_iterator": "Write iter(strategy.experimental_distribute_dataset(dataset))",
    "make_input_fn_iterator": "Write iter(strategy.distribute_datasets_from_function(fn))",
    "experimental_run": "Write strategy.run(fn, args=(next(iterator),))",
    "unwrap": "Write strategy.experimental_local_results(value)",
    "group": "Write strategy.experimental_local_results(value)",
    "configure": "Connect with nn.distributed.connect_to_cluster(resolver)",
}
"""What takes the place of attributes that TensorFlow's strategies have."""

_LEAF: Any = jax.tree.structure(0)


def _is_leaf(value: Any) -> bool:
    return value is None or is_per_replica(value)


def _checked(options: Any) -> InputOptions:
    if options is None:
        return InputOptions()
    if not isinstance(options, InputOptions):
        raise ArgumentError(f"options: expected nn.distributed.InputOptions(), got {options!r}.")
    return options
