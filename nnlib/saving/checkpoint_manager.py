"""CheckpointManager: the last few checkpoints of a run, or the best ones."""

import contextlib
import importlib
import shutil
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlib.core.errors import CheckpointError, SavingError
from nnlib.core.tree import Tree
from nnlib.saving.atomic import translated
from nnlib.saving.checkpoint import Checkpoint, RestoreStatus
from nnlib.saving.orbax_files import alone, read
from nnlib.saving.state_tree import load_tree, to_tree

if TYPE_CHECKING:
    from nnlib.models.model import Model


class CheckpointManager:
    """Numbered checkpoints in a folder, of which only some are kept. Orbax does the work.

    Of several processes that train together all call the same methods; the chief alone writes and
    reads, and the others get what it read.

    Args:
        model: a Model, or a Checkpoint of one.
        directory: the folder.
        max_to_keep: how many stay; None for all.
        best_metric: the name of a metric by which the best are kept, instead of the newest.
        mode: "min" or "max": which values of it are better.
        asynchronous: whether `save` returns while files are still being written; what goes wrong
            then, the next call says.
    """

    def __init__(
        self,
        model: "Model | Checkpoint",
        directory: Any,
        max_to_keep: int | None = 5,
        best_metric: str | None = None,
        mode: str = "min",
        asynchronous: bool = False,
    ):
        ocp = importlib.import_module("orbax.checkpoint")
        self.model = model.model if isinstance(model, Checkpoint) else model
        self.directory = Path(directory).absolute()
        self._peers = self.model.trainer.placement.peers
        with translated(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
        options = ocp.CheckpointManagerOptions(
            max_to_keep=max_to_keep,
            best_fn=(lambda metrics: metrics[best_metric]) if best_metric else None,
            best_mode=mode,
            enable_async_checkpointing=asynchronous,
            create=False,
            multiprocessing_options=alone(),
        )
        self._manager = ocp.CheckpointManager(self.directory, options=options)
        self._save_args = ocp.args.StandardSave

    def save(
        self,
        step: int | None = None,
        metrics: dict[str, float] | None = None,
        weights_only: bool = False,
    ) -> int:
        """Save as number `step`, the model's step count if None; returns the number.

        Args:
            step: the number.
            metrics: by which the best are told.
            weights_only: whether optimizer, key and step are left out.

        Raises:
            SavingError: if the disk is full, or refuses, or the number is there.
        """
        trainer = self.model.trainer
        done = trainer._step if trainer.session is None else trainer.session.current().step
        number = int(done if step is None else step)
        arguments = self._save_args(to_tree(self.model, weights_only, keep=self._peers.chief))
        self._peers.from_first(lambda: self._save(number, arguments, metrics))
        return number

    def _save(self, number: int, arguments: Any, metrics: dict[str, float] | None) -> None:
        with self._writing():
            if number in self._manager.all_steps():
                raise SavingError(
                    f"{self.directory}: expected another number than those that are there, got "
                    f"{number}. Give step=, or another folder."
                )
            self._manager.save(number, args=arguments, metrics=metrics, force=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Within the block Orbax writes, or waits for what it writes."""
        with translated(self.directory):
            try:
                yield
            except ValueError as error:
                if "Error writing" not in str(error):
                    raise
                raise OSError(str(error)) from error  # TensorStore's, of a disk that is full

    def restore(self, step: int | None = None) -> RestoreStatus:
        """Read number `step`, the newest if None, into the model.

        Raises:
            CheckpointError: if there is none.
        """
        path, tree = self._peers.from_first(lambda: self._read(step))
        return RestoreStatus(path, load_tree(self.model, tree))

    def _read(self, step: int | None) -> tuple[str, Tree]:
        self.wait()
        steps = sorted(self._manager.all_steps())
        step = self._manager.latest_step() if step is None else step
        if step is None or step not in steps:
            known = ", ".join(map(str, steps)) or "none"
            raise CheckpointError(
                f"{self.directory}: expected checkpoint {step}, got only {known}."
            )
        path = self.directory / str(step) / "default"
        return str(path), read(path)

    def restore_or_initialize(self) -> str | None:
        """Restore the newest that can be read; returns its path, or None if there is none at all.

        Newer ones that cannot be read are set aside as "NUMBER.unreadable": training writes those
        numbers again.

        Raises:
            CheckpointError: if none of those that are there can be read.
        """
        for step in reversed(steps := self.steps):
            try:
                path, tree = self._peers.from_first(partial(self._read, step))
            except CheckpointError as error:
                if step == steps[0]:
                    raise
                warnings.warn(f"{error} It is left out for the one before.", stacklevel=2)
                continue
            load_tree(self.model, tree)
            self._peers.from_first(partial(self._set_aside, steps[steps.index(step) + 1 :]))
            return str(path)
        return None

    def _set_aside(self, steps: list[int]) -> None:
        for step in steps:
            aside = self.directory / f"{step}.unreadable"
            shutil.rmtree(aside, ignore_errors=True)
            (self.directory / str(step)).rename(aside)
        self._manager.reload()

    @property
    def steps(self) -> list[int]:
        """The numbers that are kept, in order; several processes ask for it together."""
        return self._peers.from_first(lambda: sorted(self._manager.all_steps()))

    @property
    def latest_step(self) -> int | None:
        """The highest number, or None; several processes ask for it together."""
        return self._peers.from_first(self._manager.latest_step)

    @property
    def best_step(self) -> int | None:
        """The number with the best metric, or None; several processes ask for it together."""
        return self._peers.from_first(self._manager.best_step)

    def wait(self) -> None:
        """Wait until everything is written.

        Raises:
            SavingError: as for `save`.
        """
        with self._writing():
            self._manager.wait_until_finished()

    def close(self) -> None:
        """Wait, and release threads.

        Raises:
            SavingError: as for `save`.
        """
        with self._writing():
            self._manager.close()

    def __enter__(self) -> "CheckpointManager":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
