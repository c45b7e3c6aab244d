"""Ray, which runs the actors of a parameter server strategy; imported when they are needed."""

import contextlib
import importlib
import importlib.util
import io
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from nnlib.core.errors import ArgumentError, MissingExtraError
from nnlib.core.show_line import show_line
from nnlib.training.state import TrainState

from ..errors import StrategyError
from .watch import GROUP

RECOVERY_SECONDS = 60.0
"""So long a process that died may take to come back."""
_CLUSTERS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_READ = "ENABLE_RAY_CLUSTER"
"""What Ray calls the variable's value that it has read."""
_HERE = ("localhost", "127.0.0.1", "[::1]", "::1", "0.0.0.0", "")


@dataclass(frozen=True)
class Tasks:
    """The hosts of workers and parameter servers, one entry a process; "" for any host."""

    workers: Sequence[str] = ("", "")
    servers: Sequence[str] = ("",)


def tasks_of(resolver: Any) -> Tasks:
    """What a cluster resolver says.

    Raises:
        ArgumentError: if there is no worker or no parameter server in its cluster.
        StrategyError: in a process that is itself a worker or a parameter server.
    """
    spec = resolver.cluster_spec()
    jobs = spec.as_dict() if spec else {}
    missing = [job for job in ("worker", "ps") if not jobs.get(job)]
    if missing:
        raise ArgumentError(
            f'ParameterServerStrategy: expected a cluster with jobs "worker" and "ps", got '
            f"{jobs or 'none'}. Name hosts for {' and '.join(missing)}, or leave cluster_resolver "
            "out for processes on this machine."
        )
    if getattr(resolver, "task_type", None) in ("worker", "ps"):
        raise StrategyError(
            "ParameterServerStrategy: expected the script to run on the chief alone, got task "
            f"{resolver.task_type!r}. On other hosts of workers and parameter servers run "
            "`ray start --block --address=CHIEF:6379` instead; Ray starts the processes there."
        )
    workers, servers = (tuple(map(host_of, addresses(jobs[job]))) for job in ("worker", "ps"))
    return Tasks(workers, servers)


def addresses(tasks: Mapping[int, str] | Sequence[str]) -> list[str]:
    """The addresses of a job, which stand in a list, or by their numbers."""
    found = tasks.values() if isinstance(tasks, Mapping) else tasks
    return [address or "" for address in found]


def host_of(address: str) -> str:
    """The host of `"host:port"`; "" for this one."""
    host = address.rpartition(":")[0] or address
    return "" if host in _HERE else host


def check_ray() -> None:
    """Refuse to go on without Ray.

    Raises:
        MissingExtraError: if Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError(
            "ParameterServerStrategy: expected Ray to be installed, got no module ray. "
            "Run: pip install 'nnlib[ray]'."
        )


def import_ray() -> Any:
    """The module; imported such that a Ray that is started here listens here alone."""
    check_ray()
    if "ray" in sys.modules or os.environ.get("RAY_ADDRESS"):
        return importlib.import_module("ray")
    with _listening_here_alone():
        return importlib.import_module("ray")


def start(tasks: Tasks) -> Any:
    """Ray, connected: to the cluster of `ray.init` or RAY_ADDRESS, else one on this machine."""
    ray = import_ray()
    if ray.is_initialized():
        return ray
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False)
        return ray
    if remote := sorted({host for host in (*tasks.workers, *tasks.servers) if host}):
        raise StrategyError(
            f"ParameterServerStrategy: expected a Ray cluster with the hosts {', '.join(remote)}, "
            "got none. Run `ray start --head` here and `ray start --address=...` there, and set "
            "RAY_ADDRESS=auto."
        )
    show_line(
        "ParameterServerStrategy: starting Ray on this machine; workers: "
        f"{len(tasks.workers)}, parameter servers: {len(tasks.servers)}."
    )
    with warnings.catch_warnings(), _listening_here_alone():
        # Ray forks to execute another program at once, which threads of JAX do not disturb.
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        ray.init(
            address="local",  # not what an earlier `ray start` left a note of
            num_cpus=1,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            _node_ip_address="127.0.0.1",
        )
    return ray


@contextlib.contextmanager
def _listening_here_alone() -> Iterator[None]:
    """Ray that is imported and started within listens on the loopback interface alone.

    Ray replaces the address 127.0.0.1 by that of the machine unless this variable forbids clusters
    of machines, which is meant for Windows and macOS but is heeded everywhere. Ray reads it when it
    is imported, which a script may have done before, and its processes when they start.
    """
    if os.environ.get(_CLUSTERS) is not None:  # somebody asked for it
        yield
        return
    os.environ[_CLUSTERS] = "0"
    constants: Any = sys.modules.get("ray._private.ray_constants")
    read = getattr(constants, _READ, None)
    if read is not None:
        setattr(constants, _READ, False)
    try:
        yield
    finally:
        os.environ.pop(_CLUSTERS, None)
        if read is not None:
            setattr(constants, _READ, read)


def make_actor(ray: Any, cls: type, host: str, *args: Any, retries: int = 0) -> Any:
    """An actor that is started again whenever its process dies.

    Args:
        ray: the module.
        cls: its class.
        host: the address of its node in Ray; "" for any.
        args: of the class, small: they are kept for the next process.
        retries: how often a call whose process dies is repeated; -1 for always.
    """
    known = {node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
    options: dict[str, Any] = {
        "num_cpus": int(len(known) > 1),  # on one machine nothing has to be spread
        "max_restarts": -1,
        "max_task_retries": retries,
        "concurrency_groups": {GROUP: 1},
    }
    if host:
        if host not in known:
            raise StrategyError(
                f"ParameterServerStrategy: expected the host {host} in the Ray cluster, got "
                f"{', '.join(sorted(known))}. Run `ray start --address=...` there."
            )
        options["resources"] = {f"node:{host}": 0.001}
    return ray.remote(**options)(cls).remote(_settings(), *args)


def _settings() -> dict[str, Any]:
    return {"jax_enable_x64": jax.config.read("jax_enable_x64")}


def begin_process(settings: Mapping[str, Any]) -> None:
    """In a new process of Ray: JAX on the CPU, with the settings of the script."""
    for name, value in {"jax_platforms": "cpu", **settings}.items():
        jax.config.update(name, value)


def waited(ray: Any, refs: Any, seconds: float, what: str) -> Any:
    """The results of calls to actors.

    Raises:
        StrategyError: if they are not there in time.
    """
    try:
        return ray.get(refs, timeout=seconds)
    except ray.exceptions.GetTimeoutError as error:
        raise StrategyError(
            f"ParameterServerStrategy: expected {what} within {seconds:.0f} s, got no answer. "
            "See whether the Ray cluster has a free CPU for every worker and parameter server: "
            f"it has {ray.available_resources().get('CPU', 0):.0f} left."
        ) from error


def dumped(thing: Any) -> bytes:
    """A function or object for another process, with what its script defines.

    Raises:
        ArgumentError: if it cannot be pickled.
    """
    pickler: Callable[[Any], bytes] = import_ray().cloudpickle.dumps
    try:
        return pickler(thing)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ArgumentError(
            "ParameterServerStrategy: expected functions and arguments that can be pickled, got: "
            f"{error}. Make locks, files and connections within the function; "
            "create_per_worker_resource() keeps them."
        ) from error


def dumped_without(thing: Any, arrays: Any) -> bytes:
    """Likewise, with zeros in place of these arrays, and of those of states of training."""
    blank = {id(array): array for array in arrays}
    pickler: Any = import_ray().cloudpickle.CloudPickler

    class Pickler(pickler):
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, TrainState):
                emptied = jax.tree.map(_Zeros, (value.trainable, value.frozen, value.opt))
                trainable, frozen, opt = emptied
                kept = value._replace(trainable=trainable, frozen=frozen, opt=opt)
                return TrainState, tuple(kept)
            if id(value) in blank:
                return np.zeros, (value.shape, value.dtype)
            return super().reducer_override(value)

    file = io.BytesIO()
    Pickler(file).dump(thing)
    return file.getvalue()


class _Zeros:
    """Pickled in place of an array; read as zeros of its shape."""

    def __init__(self, array: Any):
        self._like = (array.shape, array.dtype)

    def __reduce__(self) -> Any:
        return np.zeros, self._like
