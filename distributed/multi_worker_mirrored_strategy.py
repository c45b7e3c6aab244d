"""MultiWorkerMirroredStrategy: the devices of several processes, each with all weights."""

import jax
import numpy as np
from jax.sharding import Mesh

from nnlib.core.errors import ArgumentError

from .cluster_resolver import ClusterResolver, TFConfigClusterResolver
from .communication_options import CommunicationOptions
from .devices import everywhere
from .errors import StrategyError
from .runtime import join, membership_of
from .strategy import ROWS, Strategy


class MultiWorkerMirroredStrategy(Strategy):
    """Synchronous training of several processes, on one machine or on many.

    Every process runs the same program on the same data; it computes on its part of each batch,
    and gradients are summed over all: the numbers are those of one process. `batch_size` is that
    of all processes together. The first process, the chief, writes files and prints.

    Make it before JAX computes anything or is asked for devices: it connects the processes. From
    then on SIGTERM is a notice that the callback PreemptionCheckpoint heeds, and does not end a
    process by itself. A process that is silent for 30 seconds ends the others.

    Args:
        cluster_resolver: tells the cluster; None for TF_CONFIG. Without it this process is the
            only one, unless `jax.distributed.initialize` was called before.
        communication_options: its `timeout_seconds` limits how long a collective waits, 300 if
            None; wishes that XLA cannot grant warn.

    Raises:
        StrategyError: if the processes cannot be connected.

    >>> import nnlib as nn
    >>> nn.distributed.MultiWorkerMirroredStrategy().num_replicas_in_sync >= 1
    True
    """

    def __init__(
        self,
        cluster_resolver: ClusterResolver | None = None,
        communication_options: CommunicationOptions | None = None,
    ):
        place = type(self).__name__
        if cluster_resolver is not None and not isinstance(cluster_resolver, ClusterResolver):
            raise ArgumentError(
                f"{place}: expected a ClusterResolver, got {cluster_resolver!r}. Write "
                "SimpleClusterResolver(ClusterSpec({...}), task_type=..., task_id=...)."
            )
        self.cluster_resolver = cluster_resolver or TFConfigClusterResolver()
        member = membership_of(self.cluster_resolver)
        options = CommunicationOptions() if communication_options is None else communication_options
        if not isinstance(options, CommunicationOptions):
            raise ArgumentError(f"{place}: expected CommunicationOptions, got {options!r}.")
        join(place, member, collective_seconds=options.timeout_seconds)
        options.warn_of_no_effect(place, timed=True)
        devices = everywhere()
        _check_all_there(place, devices)
        super().__init__(Mesh(np.array(devices), (ROWS,)))


def _check_all_there(place: str, devices: list[jax.Device]) -> None:
    """Each process has devices of one kind in the mesh: none of them trains by itself."""
    numbers = {device.process_index for device in devices}
    if numbers != set(range(jax.process_count())):
        raise StrategyError(
            f"{place}: expected devices of all {jax.process_count()} processes, got those of "
            f"{', '.join(map(str, sorted(numbers)))} alone. Give every process a device."
        )
