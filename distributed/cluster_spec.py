"""ClusterSpec: the jobs of a cluster, and the addresses of their tasks."""

from collections.abc import Mapping
from typing import Any

from nnlib.core.errors import ArgumentError

from .errors import ClusterTypeError


class ClusterSpec:
    """Which processes make up a cluster.

    Args:
        cluster: a list of addresses `"host:port"` for each job, or a dict from task numbers to
            addresses where some are missing; or another ClusterSpec.

    Raises:
        ClusterTypeError: for anything else; a string of tasks is no list.
        ArgumentError: for a number of a task that is no integer from 0 on.

    >>> spec = ClusterSpec({"worker": ["a:1", "b:1"], "ps": {1: "c:1"}})
    >>> spec.num_tasks("worker"), spec.task_address("ps", 1), spec.job_tasks("ps")
    (2, 'c:1', [None, 'c:1'])
    """

    def __init__(self, cluster: Any):
        given = cluster.as_dict() if isinstance(cluster, ClusterSpec) else cluster
        if not isinstance(given, Mapping):
            raise ClusterTypeError(
                'ClusterSpec: expected a dict as {"worker": ["host:port"]}, got '
                f"{type(given).__name__}."
            )
        self._jobs: dict[str, dict[int, str]] = {
            _job(name): _tasks(name, tasks) for name, tasks in given.items()
        }

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def __eq__(self, other: object) -> bool:
        return self._jobs == (other._jobs if isinstance(other, ClusterSpec) else other)

    __hash__ = None  # type: ignore[assignment]  # as a dict has none

    def __repr__(self) -> str:
        return f"ClusterSpec({dict(sorted(self.as_dict().items()))!r})"

    @property
    def jobs(self) -> list[str]:
        """The names of the jobs."""
        return list(self._jobs)

    def num_tasks(self, job_name: str) -> int:
        """How many tasks a job has."""
        return len(self._job(job_name))

    def task_indices(self, job_name: str) -> list[int]:
        """The numbers of the tasks of a job, in order."""
        return sorted(self._job(job_name))

    def task_address(self, job_name: str, task_index: int) -> str:
        """The address of a task.

        Raises:
            ArgumentError: if there is no such job, or no such task in it.
        """
        tasks = self._job(job_name)
        if task_index not in tasks:
            raise ArgumentError(
                f"ClusterSpec: expected a task of job {job_name!r} "
                f"({', '.join(map(str, sorted(tasks))) or 'it has none'}), got {task_index!r}."
            )
        return tasks[task_index]

    def job_tasks(self, job_name: str) -> list[str | None]:
        """The addresses of a job, with None for the numbers that are missing."""
        tasks = self._job(job_name)
        return [tasks.get(index) for index in range(max(tasks, default=-1) + 1)]

    def as_dict(self) -> dict[str, Any]:
        """A list of addresses for each job; a dict where numbers are missing."""
        return {name: _shown(tasks) for name, tasks in self._jobs.items()}

    def _job(self, name: str) -> dict[int, str]:
        if name not in self._jobs:
            raise ArgumentError(
                f"ClusterSpec: expected one of the jobs {', '.join(self._jobs) or '(none)'}, got "
                f"{name!r}."
            )
        return self._jobs[name]


def _job(name: Any) -> str:
    if not isinstance(name, str):
        raise ClusterTypeError(f"ClusterSpec: expected names of jobs as strings, got {name!r}.")
    return name


def _tasks(job: str, given: Any) -> dict[int, str]:
    if isinstance(given, list | tuple):
        given = dict(enumerate(given))
    if not isinstance(given, Mapping):
        raise ClusterTypeError(
            f"ClusterSpec: expected the tasks of {job!r} as a list of addresses or a dict from "
            f"numbers to addresses, got {given!r}."
        )
    return {_index(job, index): _address(job, address) for index, address in given.items()}


def _index(job: str, index: Any) -> int:
    try:
        number = int(index)
    except (TypeError, ValueError):
        number = -1
    if number < 0 or isinstance(index, float):
        raise ArgumentError(
            f"ClusterSpec: expected the numbers of the tasks of {job!r} as integers from 0 on, "
            f"got {index!r}."
        )
    return number


def _address(job: str, address: Any) -> str:
    if isinstance(address, bytes):
        return address.decode()
    if not isinstance(address, str):
        raise ClusterTypeError(
            f'ClusterSpec: expected the addresses of {job!r} as strings "host:port", got '
            f"{address!r}."
        )
    return address


def _shown(tasks: dict[int, str]) -> list[str] | dict[int, str]:
    dense = bool(tasks) and sorted(tasks) == list(range(len(tasks)))
    ordered = dict(sorted(tasks.items()))
    return list(ordered.values()) if dense else ordered
