"""PreemptionCheckpoint: a fit that is told to end saves the step it is at, and goes on from it."""

from typing import Any

from nnlib.callbacks import BackupAndRestore
from nnlib.core.errors import ArgumentError
from nnlib.training.callback import Logs

from .kept_steps import KEPT_STEPS
from .own_generation import own
from .preemption import Preempted, PreemptionNotice


class PreemptionCheckpoint(BackupAndRestore):
    """BackupAndRestore that loses no step when the process is told to end by SIGTERM.

    When a machine is to be taken away, its processes get SIGTERM. All processes that train
    together then agree on a step, the chief saves it, and all end. The same `fit`, started again,
    goes on from there, to the bit. A process that is killed at once goes on from the last backup;
    where processes outlive others (`nnlib launch --reform`) from the last check, which each has in
    its memory.

    Args:
        backup_dir: a folder for this run alone; at least the chief has to see it again.
        save_freq: "epoch", or a number of batches: how often a backup is made in any case.
        double_checkpoint: whether the backup before the last is kept too.
        delete_checkpoint: whether the backup is deleted when training is complete.
        check_freq: every how many batches is asked whether to end, and kept what outlives others.
        exit_code: that of the process. Supervisors that start a program again only if it failed
            (a Job of Kubernetes, `nnlib launch --restarts`) need another than 0.

    Raises:
        SystemExit: from `fit`, once the step is saved.

    >>> import nnlib as nn, numpy as np, tempfile
    >>> model = nn.Sequential([nn.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = PreemptionCheckpoint(folder)
    ...     history = model.fit(np.ones((8, 2)), np.ones(8), verbose=0, callbacks=[saved])
    """

    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        check_freq: int = 1,
        exit_code: int = 0,
    ):
        super().__init__(backup_dir, save_freq, double_checkpoint, delete_checkpoint)
        if not isinstance(check_freq, int) or check_freq < 1:
            raise ArgumentError(
                "PreemptionCheckpoint: expected check_freq as a number of batches, got "
                f"{check_freq!r}."
            )
        if save_freq != "epoch" and save_freq % check_freq:
            raise ArgumentError(
                f"PreemptionCheckpoint: expected save_freq as a multiple of check_freq "
                f"({check_freq}), got {save_freq}."
            )
        self.check_freq, self.exit_code = check_freq, exit_code
        self.batch_interval = check_freq
        self._notice = PreemptionNotice()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Go on from the backup, if there is one, and listen for SIGTERM."""
        super().on_train_begin(logs)
        if own() is not None:
            KEPT_STEPS.restore(self.model)
        self._notice.listen(self.model.trainer.placement.processes > 1)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save and end, if that was said; back up, if it is time."""
        self._keep()
        if self._notice.reached():
            self._back_up()
            self._end()
        if self.save_freq != "epoch" and (batch + 1) % self.save_freq == 0:
            self._back_up()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Back up, if it is time."""
        super().on_epoch_end(epoch, logs)
        self._keep()  # behind the epoch

    def on_train_end(self, logs: Logs | None = None) -> None:
        """The run is complete: there is nothing to go back to."""
        self._notice.stop()
        super().on_train_end(logs)

    def _keep(self) -> None:
        if own() is not None:
            KEPT_STEPS.keep(self.model)

    def _end(self) -> None:
        self._notice.stop()
        assert self._manager is not None
        self._manager.close()
        self.model.trainer.placement.peers.meet()  # nobody leaves while the chief writes
        raise Preempted(self.exit_code)
