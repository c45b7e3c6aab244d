"""Connections between the processes of a broken cluster, cut so that nobody waits at their ends."""

import contextlib
import os
import re
import socket
from collections.abc import Collection, Iterator
from pathlib import Path

_SOCKET = re.compile(r"socket:\[(\d+)\]")


def cut_links(pids: Collection[int], kept_port: int) -> None:
    """Close the TCP connections that this process has with others of this machine (Linux).

    Collectives of CPUs (gloo) do not end when one process gives up: those that wait for it would
    do so until the collective timeout, as long as anything of JAX keeps its connections alive.

    Args:
        pids: of the others.
        kept_port: connections of this port, at either end, stay: the coordinator's.
    """
    theirs = {inode for pid in pids for inode, _ in _sockets(str(pid))}
    ends = {(local, remote): inode for local, remote, inode in _connections()}
    mine = dict(_sockets("self"))
    for (local, remote), inode in ends.items():
        if inode not in mine or ends.get((remote, local)) not in theirs:
            continue
        if kept_port not in (_port(local), _port(remote)):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(mine[inode])) as found:
                found.shutdown(socket.SHUT_RDWR)


def _sockets(process: str) -> Iterator[tuple[str, int]]:
    """(inode, descriptor) of the sockets of a process."""
    with contextlib.suppress(OSError):
        for entry in Path("/proc", process, "fd").iterdir():
            with contextlib.suppress(OSError):
                if found := _SOCKET.fullmatch(os.readlink(entry)):
                    yield found[1], int(entry.name)


def _connections() -> Iterator[tuple[str, str, str]]:
    """(local address, remote address, inode) of all TCP connections."""
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/self/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                yield fields[1], fields[2], fields[9]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
