"""How far a fit has come; a checkpoint keeps it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Position:
    """Where in its data a fit stands.

    A pass goes over the data once. It is an epoch, unless `steps_per_epoch` cuts them apart.
    """

    epoch: int = 0
    batch: int = 0
    """Batches of this epoch that are done."""
    epoch_step: int = 0
    """The number of steps done before this epoch."""
    pass_step: int = 0
    """The number of steps done before this pass; the order of its rows depends on it."""
    pass_batch: int = 0
    """Batches of this pass that are done."""

    def advanced(self, count: int) -> "Position":
        """Behind `count` more batches."""
        return Position(
            self.epoch,
            self.batch + count,
            self.epoch_step,
            self.pass_step,
            self.pass_batch + count,
        )

    def next_epoch(self, step: int) -> "Position":
        """At the beginning of the next epoch, in the same pass."""
        return Position(self.epoch + 1, 0, step, self.pass_step, self.pass_batch)

    def next_pass(self, step: int) -> "Position":
        """At the same place of the epoch, at the beginning of a new pass."""
        return Position(self.epoch, self.batch, self.epoch_step, step, 0)
