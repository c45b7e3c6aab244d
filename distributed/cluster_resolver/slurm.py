"""SlurmClusterResolver: the cluster that Slurm made for this step."""

import os
import subprocess
from typing import Any

from ..cluster_spec import ClusterSpec
from ..errors import StrategyError
from .base import ClusterResolver
from .hostlists import expand_hostlist, expand_tasks_per_node


class SlurmClusterResolver(ClusterResolver):
    """Reads the variables that `srun` sets: SLURM_PROCID, SLURM_STEP_NUM_TASKS, ..._NODELIST.

    Args:
        jobs: how many tasks each job has; all of them are workers if None.
        port_base: the port of the first task on a node; those behind it count up.
        gpus_per_node: asked of CUDA_VISIBLE_DEVICES or nvidia-smi if None; 0 without either.
        gpus_per_task: an equal part of those if None.
        tasks_per_node: a number, or one for each host; as Slurm says if None.
        auto_set_gpu: whether `cluster_spec()` sets CUDA_VISIBLE_DEVICES for this task.
        rpc_layer: what stands before "://" in addresses.

    Raises:
        StrategyError: outside of a Slurm step, or if Slurm gave less than was asked for.
    """

    def __init__(
        self,
        jobs: dict[str, int] | None = None,
        port_base: int = 8888,
        gpus_per_node: int | None = None,
        gpus_per_task: int | None = None,
        tasks_per_node: int | dict[str, int] | None = None,
        auto_set_gpu: bool = True,
        rpc_layer: str | None = "grpc",
    ):
        self._rank = int(_variable("PROCID"))
        self._jobs = {"worker": int(_variable("STEP_NUM_TASKS"))} if jobs is None else jobs
        self._port_base, self._auto_set_gpu, self.rpc_layer = port_base, auto_set_gpu, rpc_layer
        self._tasks = _tasks_by_host(tasks_per_node)
        most = max(self._tasks.values())
        self._gpus = _gpus_of_node() if gpus_per_node is None else gpus_per_node
        self._gpus_per_task = self._gpus // most if gpus_per_task is None else gpus_per_task
        if most * self._gpus_per_task > self._gpus:
            raise StrategyError(
                f"SlurmClusterResolver: expected {most * self._gpus_per_task} GPUs on a node, got "
                f"{self._gpus}. Ask Slurm for more, or lower gpus_per_task."
            )
        wanted, given = sum(self._jobs.values()), sum(self._tasks.values())
        if wanted != given:
            raise StrategyError(
                f"SlurmClusterResolver: expected {wanted} tasks, got {given} of Slurm. Start as "
                "many by srun --ntasks."
            )

    def cluster_spec(self) -> ClusterSpec:
        """See `ClusterResolver`; tasks are numbered over the sorted hosts, jobs by name."""
        places = [
            (f"{host}:{self._port_base + number}", number)
            for host, count in sorted(self._tasks.items())
            for number in range(count)
        ]
        cluster, start = {}, 0
        for job, count in sorted(self._jobs.items()):
            cluster[job] = [address for address, _ in places[start : start + count]]
            if start <= self._rank < start + count:
                self._task_type, self._task_id = job, self._rank - start
            start += count
        if self._auto_set_gpu and self._gpus_per_task:
            first = places[self._rank][1] * self._gpus_per_task
            own = range(first, first + self._gpus_per_task)
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, own))
        return ClusterSpec(cluster)

    def get_task_info(self) -> tuple[str | None, int | None]:
        """(job, number) of this process, once `cluster_spec()` was asked for."""
        return self.task_type, self.task_id

    def num_accelerators(
        self, task_type: str | None = None, task_id: int | None = None, config_proto: Any = None
    ) -> dict[str, int]:
        """The GPUs of each task."""
        del task_type, task_id, config_proto
        return {"GPU": self._gpus_per_task}


def _variable(name: str) -> str:
    name = f"SLURM_{name}"
    if name not in os.environ:
        raise StrategyError(
            f"SlurmClusterResolver: expected the variable {name}, got none. It is set within a "
            "step: start the program by srun."
        )
    return os.environ[name]


def _tasks_by_host(given: int | dict[str, int] | None) -> dict[str, int]:
    if isinstance(given, dict):
        return given
    hosts = expand_hostlist(_variable("STEP_NODELIST"))
    if given is not None:
        return dict.fromkeys(hosts, int(given))
    counts = expand_tasks_per_node(_variable("STEP_TASKS_PER_NODE"))
    return dict(zip(hosts, counts, strict=False))


def _gpus_of_node() -> int:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name])
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
