"""ReformingGang: a gang whose workers outlive the loss of one of them."""

import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .gang import Gang, addresses_here, end_group
from .generation import FOLDER, Generation, mark


class ReformingGang(Gang):
    """Replaces a worker that is lost, and tells the others, who go on in their processes.

    The first worker is not replaced: the others are connected through it, and end with it.

    Args:
        command, count, log_dir, environment: see `Gang`.
        attempt: the number of the attempt that begins; see `supervise`.
    """

    def __init__(
        self,
        command: Sequence[str],
        count: int,
        log_dir: Path | None,
        environment: Mapping[str, str],
        attempt: int,
    ):
        self._folder = tempfile.TemporaryDirectory(prefix="nnlib-reform-")
        self.folder = Path(self._folder.name)
        super().__init__(command, count, log_dir, {**environment, FOLDER: self._folder.name})
        self._announce(Generation(1, attempt, self.addresses, [1] * count))

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._folder.cleanup()

    def _announce(self, generation: Generation) -> None:
        self.generation = generation
        self.addresses = generation.addresses
        generation.write(self.folder)

    def mend(self, attempt: int, settle_seconds: float) -> bool:
        """Replace those that are lost; False where the others cannot go on without them.

        Args:
            attempt: the number of the attempt that begins.
            settle_seconds: how long the others may take to end as well, where one was not killed:
                an error of the program ends all, and the end of the first worker aborts them.
        """
        if any(code not in (None, 0, -signal.SIGKILL) for code in self.exits()):
            self.settle(settle_seconds)
        exits = self.exits()
        lost = [index for index, code in enumerate(exits) if code]
        last = self.generation
        if exits[0] is not None or mark(self.folder, "failed", last.number, 0).exists():
            return False
        if -signal.SIGABRT in exits:  # JAX ends those that do not hear the first worker any more
            return False
        left = (mark(self.folder, "left", last.number, i).exists() for i in range(self.count))
        if 0 in exits or any(left):  # it is done, and cannot join the next generation
            return False
        # Who had not joined yet is not missed: it may still come.
        missed = any(mark(self.folder, "joined", last.number, index).exists() for index in lost)
        number = last.number + missed
        addresses = addresses_here(self.count) if missed else last.addresses
        since = [number if index in lost else n for index, n in enumerate(last.since)]
        self._announce(Generation(number, attempt, addresses, since))
        for index in lost:
            end_group(self.processes[index])
            self.processes[index] = self._start(index)
        return True
