"""Who is who in a cluster: the chief, and the numbers of the processes that train together."""

from typing import Any

from nnlib.core.errors import ArgumentError

from .cluster_spec import ClusterSpec

TASK_TYPES = ("chief", "worker", "evaluator", "ps")


def is_chief(cluster: Any, task_type: str | None, task_id: int | None) -> bool:
    """Whether a task is the one that writes: the chief; worker 0 where there is none.

    An evaluator is its own chief.

    Args:
        cluster: a ClusterSpec, or a dict for one.
        task_type: "chief", "worker", "evaluator", "ps" or None.
        task_id: the number of the task within its job.

    Raises:
        ArgumentError: for a task that is not in the cluster, or for a cluster of several chiefs.

    >>> is_chief({"worker": ["a:1", "b:1"]}, "worker", 0)
    True
    """
    spec = check_task(cluster, task_type, task_id)
    if task_type in ("chief", "evaluator"):
        return True
    return "chief" not in spec.jobs and task_type == "worker" and task_id == 0


def id_in_cluster(cluster: Any, task_type: str | None, task_id: int | None) -> int:
    """The number of a task among those that train together: the chief's is 0.

    Args and Raises: see `is_chief`.

    >>> id_in_cluster({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "worker", 1)
    2
    """
    spec = check_task(cluster, task_type, task_id)
    if task_type not in ("chief", "worker", "evaluator") or task_id is None:
        raise ArgumentError(
            f"id_in_cluster: expected a chief, worker or evaluator, got {task_type!r}, which "
            "does not train with others."
        )
    return task_id + (task_type == "worker") * _count(spec, "chief")


def members_of(cluster: Any) -> list[str]:
    """The addresses of the processes that train together, by their numbers."""
    spec = ClusterSpec(cluster)
    jobs = [job for job in ("chief", "worker") if job in spec.jobs]
    return [spec.task_address(job, task) for job in jobs for task in spec.task_indices(job)]


def check_task(cluster: Any, task_type: str | None, task_id: int | None) -> ClusterSpec:
    """The cluster as a ClusterSpec, once the task is known to be in it."""
    spec = ClusterSpec(cluster)
    known = ", ".join(TASK_TYPES)
    if strange := [job for job in spec.jobs if job not in TASK_TYPES]:
        raise ArgumentError(f"cluster: expected jobs out of {known}, got {strange[0]!r}.")
    if task_type is not None and task_type not in TASK_TYPES:
        raise ArgumentError(f"cluster: expected a task type out of {known}, got {task_type!r}.")
    if task_type is not None and task_type not in (*spec.jobs, "evaluator"):
        raise ArgumentError(
            f"cluster: expected the job of this task among {', '.join(spec.jobs) or 'none'}, got "
            f"{task_type!r}."
        )
    for job in ("chief", "evaluator"):
        if _count(spec, job) > 1:
            raise ArgumentError(f"cluster: expected at most one {job}, got {_count(spec, job)}.")
    if task_type in spec.jobs and not -1 < (-1 if task_id is None else task_id) < _count(
        spec, task_type
    ):
        raise ArgumentError(
            f"cluster: expected the number of a {task_type} below {_count(spec, task_type)}, got "
            f"{task_id!r}."
        )
    return spec


def _count(spec: ClusterSpec, job: str) -> int:
    return spec.num_tasks(job) if job in spec.jobs else 0
