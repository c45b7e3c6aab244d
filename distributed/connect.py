"""connect_to_cluster: make this process one of several."""

from dataclasses import dataclass
from typing import Any

from nnlib.core.errors import ArgumentError

from .cluster_spec import ClusterSpec
from .runtime import join, membership_of

PROTOCOL = "grpc"
"""By which the processes find each other."""


@dataclass(frozen=True)
class Task:
    """A task of a cluster, told as a resolver does."""

    spec: ClusterSpec
    task_type: str | None
    task_id: int | None

    def cluster_spec(self) -> ClusterSpec:
        """The cluster."""
        return self.spec


def connect_to_cluster(
    cluster_spec_or_resolver: Any,
    job_name: str | None = None,
    task_index: int | None = None,
    protocol: str | None = None,
    *,
    heartbeat_seconds: float | None = None,
    collective_seconds: float | None = None,
    start_seconds: float | None = None,
    bind_address: str | None = None,
) -> None:
    """Connect this process with the others of its cluster; strategies do it by themselves.

    Nothing happens where it is the only one, or connected already.

    Args:
        cluster_spec_or_resolver: a ClusterResolver, a ClusterSpec or a dict for one.
        job_name: the job of this process; None for what the resolver says.
        task_index: its number within the job, likewise.
        protocol: "grpc", which is the default, is the only one.
        heartbeat_seconds: a process that is silent for longer ends all others; 30 if None.
        collective_seconds: how long a collective waits for a process; 300 if None.
        start_seconds: how long to wait until all are there; 300 if None.
        bind_address: where the first process listens, `"host:port"`; at its address in the cluster
            alone if None. `"[::]:port"` is at all interfaces of the machine.

    Raises:
        StrategyError: if the processes cannot be connected.
        ArgumentError: for a task that is not in the cluster.

    >>> connect_to_cluster({"worker": ["localhost:8476"]}, "worker", 0)
    """
    place = "connect_to_cluster"
    check_protocol(place, protocol)
    join(
        place,
        membership_of(task_of(place, cluster_spec_or_resolver, job_name, task_index)),
        heartbeat_seconds=heartbeat_seconds,
        collective_seconds=collective_seconds,
        start_seconds=start_seconds,
        bind_address=bind_address,
    )


def task_of(place: str, given: Any, job_name: str | None, task_index: int | None) -> Task:
    """The task that is meant; what is not named is that of the resolver, or the only one."""
    spec = given.cluster_spec() if hasattr(given, "cluster_spec") else ClusterSpec(given)
    if job_name is None:
        job_name = getattr(given, "task_type", None)
    if task_index is None:
        task_index = getattr(given, "task_id", None)
    if job_name is None and len(spec.jobs) == 1:
        job_name = spec.jobs[0]
    if job_name is None and spec:
        raise ArgumentError(
            f"{place}: expected job_name out of {', '.join(spec.jobs)}, got none. Name the job of "
            "this process."
        )
    if spec and task_index is None:
        numbers = spec.task_indices(str(job_name))
        if len(numbers) != 1:
            raise ArgumentError(
                f"{place}: expected task_index out of {numbers}, got none. Name the number of "
                f"this process within {job_name!r}."
            )
        task_index = numbers[0]
    if spec:
        spec.task_address(str(job_name), int(task_index or 0))  # refuses what is not there
    return Task(spec, job_name, task_index)


def check_protocol(place: str, protocol: str | None) -> None:
    """Refuse what JAX does not speak."""
    if protocol not in (None, PROTOCOL):
        raise ArgumentError(
            f'{place}: expected protocol="{PROTOCOL}", which the processes find each other by, '
            f"got {protocol!r}. Arrays travel by NCCL, gloo or the links of the TPU in any case."
        )
