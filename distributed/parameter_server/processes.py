"""The processes of a parameter server strategy, from their start to their end."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from .dispatcher import Dispatcher
from .engine import RECOVERY_SECONDS, Tasks, make_actor, waited
from .parameters import start_servers
from .session import Session
from .watch import Watch
from .worker import Worker

REMOVAL_SECONDS = 5.0
"""So long parameter servers may take to remove what they wrote."""


class Processes:
    """Workers and parameter servers, and the threads of this process that look after them.

    Args:
        ray: the module, connected.
        tasks: how many, and on which hosts.
        folder: where parameter servers write; None for one that is removed at the end.
        heartbeat_seconds: of `Watch`.

    Raises:
        StrategyError: if they do not start in time.
    """

    def __init__(
        self,
        ray: Any,
        tasks: Tasks,
        folder: str | os.PathLike[str] | None,
        heartbeat_seconds: float,
    ):
        self.session = Session(ray)
        self._temporary = folder is None
        if folder is None:
            folder = tempfile.mkdtemp(prefix="nnlib-parameter-server-")
        self._folder = str(Path(folder).absolute())
        self.workers: list[Any] = []
        self.servers: list[Any] = []
        self._threads: list[Dispatcher | Watch] = []
        atexit.register(self.end)  # behind the import of Ray: it is called before Ray's own
        try:
            self._start(ray, tasks, heartbeat_seconds)
        except BaseException:
            self.end()
            raise

    def _start(self, ray: Any, tasks: Tasks, heartbeat_seconds: float) -> None:
        self.servers += start_servers(ray, tasks.servers, self._folder)
        self.workers += (make_actor(ray, Worker, host, i) for i, host in enumerate(tasks.workers))
        calls = [actor.process.remote() for actor in (*self.servers, *self.workers)]
        waited(ray, calls, 2 * RECOVERY_SECONDS, "the processes of Ray to start")
        self.dispatcher = Dispatcher(self.session, self.workers)
        actors = {f"worker {number}": actor for number, actor in enumerate(self.workers)}
        actors |= {f"parameter server {number}": a for number, a in enumerate(self.servers)}
        self.watch = Watch(self.session, actors, heartbeat_seconds)
        self._threads += [self.dispatcher, self.watch]

    def end(self) -> None:
        """End them all, and remove the temporary folder; the second time nothing is left to do."""
        atexit.unregister(self.end)
        workers, servers = self.workers, self.servers
        self.let_go()
        if self.session.lives():
            self._end_actors(self.session.ray, workers, servers)
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def let_go(self) -> None:
        """Leave them to those who have handles to them: without any, Ray ends a process.

        Functions that run come to their end; those that wait are cancelled. A temporary folder
        stays until the script ends.
        """
        for thread in self._threads:
            thread.stop()
        self.workers, self.servers, self._threads = [], [], []

    def _end_actors(self, ray: Any, workers: list[Any], servers: list[Any]) -> None:
        """A server removes its folder itself: it may be on another host, or be starting again."""
        for worker in workers:
            ray.kill(worker)
        if self._temporary and servers:
            removed = [server.remove.remote() for server in servers]
            ray.wait(removed, num_returns=len(removed), timeout=REMOVAL_SECONDS)
        for server in servers:
            ray.kill(server)
