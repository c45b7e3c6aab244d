"""The start of `jax.distributed` in a process of a cluster, and its end."""

import contextlib
import functools
import os
import socket
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import jax

from nnlib.core.errors import ArgumentError

from .cluster_members import TASK_TYPES, id_in_cluster, members_of
from .cluster_spec import ClusterSpec
from .cpu_threads import enough_threads
from .errors import StrategyError
from .failed_exit import watch
from .own_generation import own

HEARTBEAT_SECONDS = 30.0
"""A process that is not heard of for so long counts as dead: the others end, too."""
COLLECTIVE_SECONDS = 300.0
"""How long processes wait for each other in a collective before they raise."""
START_SECONDS = 300.0
"""How long a process waits until all others are there."""
_LATE_SECONDS = 3600.0
"""JAX aborts a process that waits for longer than it is told to: this one has raised long before,
so that whoever catches that has time to end it as it should end."""
SHUTDOWN_SECONDS = 120.0
"""How long a process that is done waits for the others."""
NAME_SECONDS = 30.0
"""How long the name of a machine that has just started may not be known yet."""
_TRAIN = ("chief", "worker")
"""The jobs whose processes train together."""
_MOST_PORT = 2**16 - 1

_FLAGS = (
    "--xla_cpu_collective_timeout_seconds={}",
    "--xla_gpu_nccl_termination_timeout_seconds={}",
)


@dataclass(frozen=True)
class Membership:
    """What this process is in its cluster."""

    coordinator: str
    """The address where the processes meet: that of process 0."""
    index: int
    """The number of this process."""
    count: int
    """How many processes there are."""


_joined: Membership | None = None


def membership_of(resolver: Any) -> Membership | None:
    """What a resolver says about this process; None where it trains alone, as an evaluator does.

    Raises:
        ArgumentError: if the task does not train with others, or is not in the cluster.
    """
    spec = resolver.cluster_spec()
    members = members_of(spec)
    alone = len(members) < 2 and resolver.task_type in (None, *_TRAIN)
    if sum(map(spec.num_tasks, spec.jobs)) > 1:
        _check_jobs(spec)
    else:  # there is nobody else, whatever its name is
        alone |= resolver.task_type not in TASK_TYPES
    if alone or resolver.task_type == "evaluator":
        return None
    if resolver.task_type is None or resolver.task_id is None:
        raise ArgumentError(
            f"cluster: expected the task of this process among {spec!r}, got none. Set "
            '"task": {"type": "worker", "index": 0} in TF_CONFIG, or task_type= and task_id=.'
        )
    if resolver.task_type not in _TRAIN:
        raise ArgumentError(
            "cluster: expected a chief or a worker, which train together, got the "
            f"{resolver.task_type}. Start other programs in its place."
        )
    index = id_in_cluster(spec, resolver.task_type, resolver.task_id)
    return Membership(members[0], index, len(members))


def _check_jobs(spec: ClusterSpec) -> None:
    """Nobody trains alone for having written a name in another way."""
    if strange := set(spec.jobs).difference(TASK_TYPES):
        raise ArgumentError(
            f"cluster: expected jobs out of {', '.join(TASK_TYPES)}, got {min(strange)!r}. Call "
            'those that train together "worker".'
        )


def join(
    place: str,
    member: Membership | None,
    *,
    heartbeat_seconds: float | None = None,
    collective_seconds: float | None = None,
    start_seconds: float | None = None,
    bind_address: str | None = None,
) -> None:
    """Connect this process with the others; nothing where it is the only one, or connected.

    Args:
        place: who asks, for errors.
        member: what this process is; see `membership_of`.
        heartbeat_seconds: 30 if None. A process that is silent for longer ends all others.
        collective_seconds: 300 if None. How long a collective waits for a process.
        start_seconds: 300 if None. How long this process waits until all are there.
        bind_address: where process 0 listens, `"host:port"`; at the address of the cluster alone
            if None. `"[::]:port"` is at all interfaces of the machine.

    Raises:
        StrategyError: if the process is connected as something else, if JAX was in use before, or
            if others do not come in time.
    """
    global _joined  # noqa: PLW0603  # as jax.distributed, once a process
    if member is None:
        return
    if jax.distributed.is_initialized():
        _check_same(place, member)
        return
    bind = bind_address or os.environ.get("JAX_COORDINATOR_BIND_ADDRESS")
    if member.index == 0:
        bind = bind or _own_interface(member.coordinator)
        _check_free(place, bind)
    _limit_collectives(collective_seconds or COLLECTIVE_SECONDS)
    generation = own()
    if generation is not None:
        jax.config.update("jax_enable_recoverability", True)
    seconds = start_seconds or START_SECONDS
    start = functools.partial(
        jax.distributed.initialize,
        member.coordinator,
        member.count,
        member.index,
        cluster_detection_method="deactivate",
        initialization_timeout=_whole(seconds + _LATE_SECONDS),
        heartbeat_timeout_seconds=_whole(heartbeat_seconds or HEARTBEAT_SECONDS),
        shutdown_timeout_seconds=_whole(SHUTDOWN_SECONDS),
        coordinator_bind_address=bind,
    )
    try:
        _call_within(seconds, start)
        with enough_threads(several=True):
            jax.process_count()  # connects the devices
    except (RuntimeError, TimeoutError) as error:
        raise StrategyError(
            f"{place}: expected to join {member.count} processes at {member.coordinator} as "
            f"number {member.index}, got: {error}. Make the strategy before JAX computes anything "
            "or is asked for devices, and see that all processes start and reach that address. "
            "This process cannot join another cluster any more: end it."
        ) from error
    watch()
    _joined = member
    _check_same(place, member)
    if generation is not None:
        generation.note("joined")
    _warn_of_name(place, member)


def _call_within(seconds: float, function: Callable[[], None]) -> None:
    """Call a function that cannot be interrupted; raises what it raises.

    Raises:
        TimeoutError: if it takes longer.
    """
    raised: list[Exception] = []

    def call() -> None:
        try:
            function()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=call, name="nnlib-join", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"they were not all there within {seconds:.0f} s")
    if raised:
        raise raised[0]


def leave() -> None:
    """Wait for the other processes, and disconnect; nothing where this one is not connected.

    Where processes may outlive others, `shutdown` waits for none of them, and those that are still
    connected would end with the first.
    """
    global _joined  # noqa: PLW0603
    generation = own()
    if generation is not None and _joined is not None and _joined.index == 0:
        generation.others_left(SHUTDOWN_SECONDS)
    _joined = None
    jax.distributed.shutdown()
    if generation is not None:
        generation.note("left")


def _check_same(place: str, member: Membership) -> None:
    """No process may train on its own while it believes to be one of several."""
    found = jax.process_index(), jax.process_count()
    other = _joined is not None and _joined != member
    if other or found != (member.index, member.count):
        raise StrategyError(
            f"{place}: expected this process to be number {member.index} of {member.count} at "
            f"{member.coordinator}, got number {found[0]} of {found[1]}"
            f"{f' at {_joined.coordinator}' if _joined else ''}. One process belongs to one "
            "cluster: start another for another."
        )


def _warn_of_name(place: str, member: Membership) -> None:
    """On CPUs processes reach each other by the names of their machines."""
    own = _addresses(socket.gethostname())
    here, local = _addresses(split_address(member.coordinator)[0]), _are_loopback(own)
    if jax.default_backend() == "cpu" and local and not _are_loopback(here):
        warnings.warn(
            f"{place}: expected the name of this machine ({socket.gethostname()}) to stand for an "
            f"address that the others reach, got {', '.join(sorted(own))}: collectives of CPUs on "
            "other machines will fail. Put its address into /etc/hosts.",
            stacklevel=4,
        )


def _addresses(host: str) -> set[str]:
    with contextlib.suppress(OSError):
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    return set()


def _are_loopback(addresses: set[str]) -> bool:
    return bool(addresses) and all(ip_address(text).is_loopback for text in addresses)


def _limit_collectives(seconds: float) -> None:
    """XLA reads its flags when it is first used."""
    flags = os.environ.get("XLA_FLAGS", "")
    for flag in _FLAGS:
        if flag.split("=")[0] not in flags:
            flags += f" {flag.format(_whole(seconds))}"
    os.environ["XLA_FLAGS"] = flags.strip()


def _whole(seconds: float) -> int:
    return max(1, round(seconds))


def split_address(address: str) -> tuple[str, int]:
    """("host", port) of "host:port".

    Raises:
        ArgumentError: if there is no port.

    >>> split_address("[::1]:80")
    ('::1', 80)
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > _MOST_PORT:
        raise ArgumentError(
            f'cluster: expected addresses as "host:port", with a port up to {_MOST_PORT}, got '
            f"{address!r}."
        )
    return host.strip("[]"), int(port)


def _own_interface(address: str) -> str:
    """The number that a name stands for, so that no other interface is listened at."""
    host, port = split_address(address)
    end = time.monotonic() + NAME_SECONDS
    while True:
        with contextlib.suppress(OSError):
            host = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
            break
        if time.monotonic() > end:
            break
        time.sleep(1.0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_free(place: str, bind: str) -> None:
    """Say what is wrong with the address before the service, which says it less clearly."""
    host, port = split_address(bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise StrategyError(
                f"{place}: expected process 0 to listen at {bind}, got: {error.strerror}. The "
                "first address of the cluster has to be one of this machine, with a free port; "
                "behind address translation set JAX_COORDINATOR_BIND_ADDRESS to "
                f'"[::]:{port}", which is at all interfaces.'
            ) from error
