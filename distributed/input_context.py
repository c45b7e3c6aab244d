"""What input functions are told, and how input is brought to the devices."""

from dataclasses import dataclass
from enum import Enum

from nnlib.core.errors import ArgumentError


@dataclass(frozen=True)
class InputContext:
    """What a function of `distribute_datasets_from_function` is told.

    Args:
        num_input_pipelines: how many datasets there are: one for each process.
        input_pipeline_id: which of them this is, from 0.
        num_replicas_in_sync: among how many replicas a global batch is shared.

    >>> import nnlib as nn
    >>> nn.distributed.InputContext(1, 0, 2).get_per_replica_batch_size(64)
    32
    """

    num_input_pipelines: int = 1
    input_pipeline_id: int = 0
    num_replicas_in_sync: int = 1

    def get_per_replica_batch_size(self, global_batch_size: int) -> int:
        """The rows of each replica.

        Raises:
            ArgumentError: if the replicas do not divide it.
        """
        if global_batch_size % self.num_replicas_in_sync:
            raise ArgumentError(
                "get_per_replica_batch_size: expected a global_batch_size that "
                f"{self.num_replicas_in_sync} replicas divide, got {global_batch_size}."
            )
        return global_batch_size // self.num_replicas_in_sync


@dataclass(frozen=True)
class ValueContext:
    """What a function of `experimental_distribute_values_from_function` is told.

    Args:
        replica_id_in_sync_group: for which replica a value is wanted, from 0.
        num_replicas_in_sync: how many there are.
    """

    replica_id_in_sync_group: int = 0
    num_replicas_in_sync: int = 1


class InputReplicationMode(Enum):
    """How often an input function is called.

    >>> import nnlib as nn
    >>> nn.distributed.InputReplicationMode.PER_WORKER.value
    'PER_WORKER'
    """

    PER_WORKER = "PER_WORKER"
    """Once a process, whose replicas take turns."""
    PER_REPLICA = "PER_REPLICA"
    """Once for each replica, which has its dataset for itself."""


@dataclass(frozen=True)
class InputOptions:
    """How the elements of a distributed dataset are brought to the devices.

    Args:
        experimental_fetch_to_device: whether they are put on the devices; else they stay NumPy
            arrays of the host.
        experimental_replication_mode: how often the function of
            `distribute_datasets_from_function` is called.
        experimental_place_dataset_on_device: whether datasets run on the device: False, since
            theirs is the host.
        experimental_per_replica_buffer_size: how many elements are made ready ahead of time.

    Raises:
        ArgumentError: for a value that is none of these.
    """

    experimental_fetch_to_device: bool = True
    experimental_replication_mode: InputReplicationMode = InputReplicationMode.PER_WORKER
    experimental_place_dataset_on_device: bool = False
    experimental_per_replica_buffer_size: int = 1

    def __post_init__(self) -> None:
        mode, size = self.experimental_replication_mode, self.experimental_per_replica_buffer_size
        if not isinstance(mode, InputReplicationMode):
            raise ArgumentError(
                "InputOptions: expected experimental_replication_mode to be one of "
                f"InputReplicationMode, got {mode!r}."
            )
        if self.experimental_place_dataset_on_device:
            raise ArgumentError(
                "InputOptions: expected experimental_place_dataset_on_device=False, got True: "
                "datasets run on the host, and their elements are ready on the devices ahead of "
                "time."
            )
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ArgumentError(
                "InputOptions: expected experimental_per_replica_buffer_size of at least 1, got "
                f"{size!r}."
            )


@dataclass(frozen=True)
class RunOptions:
    """How `strategy.run` compiles: as XLA does it, which is what the defaults say.

    Args:
        experimental_enable_dynamic_batch_size: each size of a batch is compiled by itself in any
            case, so that both are the same.
        experimental_bucketizing_dynamic_shape: False, since shapes are not filled up.
        experimental_xla_options: None; XLA's are the flags of JAX.

    Raises:
        ArgumentError: for another value.

    >>> import nnlib as nn
    >>> nn.distributed.RunOptions().experimental_bucketizing_dynamic_shape
    False

    Source: the names and defaults of `tf.distribute.RunOptions`.
    """

    experimental_enable_dynamic_batch_size: bool = True
    experimental_bucketizing_dynamic_shape: bool = False
    experimental_xla_options: None = None

    def __post_init__(self) -> None:
        if self.experimental_bucketizing_dynamic_shape or self.experimental_xla_options is not None:
            raise ArgumentError(
                "RunOptions: expected experimental_bucketizing_dynamic_shape=False and "
                f"experimental_xla_options=None, got {self!r}. Each shape is compiled once; set "
                "XLA_FLAGS for options of XLA."
            )


def check_run_options(options: RunOptions | None) -> None:
    """Raises ArgumentError for what are no options of `run`."""
    if options is not None and not isinstance(options, RunOptions):
        raise ArgumentError(f"run: expected nn.distributed.RunOptions(), got {options!r}.")
