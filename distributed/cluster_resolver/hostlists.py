"""The short forms in which Slurm writes nodes and tasks."""

import re

from nnlib.core.errors import ArgumentError

_PART = re.compile(r"(?P<name>[^,\[\]]+)(?:\[(?P<ranges>[^\[\]]+)\])?(?:,|$)")
_TASKS = re.compile(r"(\d+)(?:\(x(\d+)\))?")


def expand_hostlist(hostlist: str) -> list[str]:
    """The names of nodes, written out.

    >>> expand_hostlist("n[08-10,12],m")
    ['n08', 'n09', 'n10', 'n12', 'm']
    """
    hosts: list[str] = []
    at = 0
    while at < len(hostlist):
        match = _PART.match(hostlist, at)
        if match is None:
            raise _error("nodes as n[01-04],m", hostlist)
        name, ranges = match["name"], match["ranges"]
        hosts += [name] if ranges is None else [name + n for n in _numbers(ranges, hostlist)]
        at = match.end()
    return hosts


def _numbers(ranges: str, hostlist: str) -> list[str]:
    numbers: list[str] = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        if not (first.isdigit() and (last or first).isdigit()):
            raise _error("nodes as n[01-04],m", hostlist)
        numbers += [str(n).zfill(len(first)) for n in range(int(first), int(last or first) + 1)]
    return numbers


def expand_tasks_per_node(text: str) -> list[int]:
    """How many tasks each node runs.

    >>> expand_tasks_per_node("3(x2),1")
    [3, 3, 1]
    """
    counts: list[int] = []
    for part in text.split(","):
        match = _TASKS.fullmatch(part)
        if match is None:
            raise _error("tasks per node as 3(x2),1", text)
        counts += [int(match[1])] * int(match[2] or 1)
    return counts


def _error(expected: str, got: str) -> ArgumentError:
    return ArgumentError(f"SlurmClusterResolver: expected {expected}, got {got!r}.")
