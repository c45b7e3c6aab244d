"""Checkpoint: one model's training, kept in a folder."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nnlib.core.errors import ArgumentError, CheckpointError
from nnlib.core.tree import Tree
from nnlib.saving import orbax_files
from nnlib.saving.state_tree import load_tree, to_tree
from nnlib.training.peers import Peers

if TYPE_CHECKING:
    from nnlib.models.model import Model


class Checkpoint:
    """Everything that training a model depends on: weights, state, optimizer, key, step, epoch.

    Of several processes that train together all call the same methods; the chief alone writes and
    reads, and the others get what it read.

    Args:
        model: the model to save, or to restore into; built, and compiled to go on training.
        optimizer: may be named as TensorFlow does; it has to be the model's own.

    >>> import tempfile, nnlib as nn
    >>> def make():
    ...     return nn.Sequential([nn.layers.Dense(2, input_shape=(3,))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = nn.saving.Checkpoint(model=make()).save(folder + "/ckpt")
    ...     status = nn.saving.Checkpoint(model=make()).restore(path)
    >>> path.endswith("ckpt-1")
    True
    """

    def __init__(self, model: "Model", optimizer: Any = None):
        if optimizer is not None and (
            model.trainer.compiled is None or model.optimizer is not optimizer
        ):
            raise ArgumentError(
                "Checkpoint: expected the optimizer that the model was compiled with, got "
                f"{optimizer!r}. Write model.compile(optimizer=optimizer, ...) first."
            )
        self.model = model

    def save(self, file_prefix: Any) -> str:
        """Write `{file_prefix}-{n}`, n counting up, and return that path."""
        prefix = Path(file_prefix)
        number = (
            self._peers.from_first(lambda: max((n for n, _ in numbered(prefix)), default=0)) + 1
        )
        return self.write(prefix.with_name(f"{prefix.name}-{number}"))

    def write(self, path: Any, weights_only: bool = False) -> str:
        """Write exactly `path`, in place of what is there."""
        tree = to_tree(self.model, weights_only, keep=self._peers.chief)
        self._peers.from_first(lambda: orbax_files.write(Path(path), tree))
        return str(path)

    def restore(self, path: Any) -> "RestoreStatus":
        """Read `path`, or the newest `{path}-{n}`, into the model.

        Raises:
            CheckpointError: if there is none, or it is damaged.
            WeightMissingError: if it lacks a weight of the model; then nothing is changed.
        """

        def newest() -> tuple[str, Tree]:
            found = numbered(Path(path))
            chosen = max(found)[1] if found and not Path(path).exists() else Path(path)
            return str(chosen), orbax_files.read(chosen)

        name, tree = self._peers.from_first(newest)
        return RestoreStatus(name, load_tree(self.model, tree))

    @property
    def _peers(self) -> Peers:
        return self.model.trainer.placement.peers


class RestoreStatus:
    """What `restore` returns."""

    def __init__(self, path: str, unused: list[str]):
        self.path, self.unused = path, unused

    def assert_consumed(self) -> Self:
        """Raise CheckpointError if something stored found no place in the model."""
        if self.unused:
            raise CheckpointError(
                f"{self.path}: expected every stored array to be used, got {len(self.unused)} "
                f"without a place: {', '.join(self.unused[:5])}. Compile the model before "
                "restoring, or call expect_partial()."
            )
        return self

    def expect_partial(self) -> Self:
        """Say that it is fine if something stored found no place."""
        return self


def numbered(prefix: Path) -> list[tuple[int, Path]]:
    """(n, path) of the folders `{prefix}-{n}`."""
    pattern = re.compile(re.escape(prefix.name) + r"-(\d+)")
    matches = [(pattern.fullmatch(p.name), p) for p in prefix.parent.glob("*") if p.is_dir()]
    return [(int(match[1]), path) for match, path in matches if match]


def latest_checkpoint(directory: Any) -> str | None:
    """The path of the checkpoint with the highest number in a folder, or None."""
    pattern = re.compile(r".*?(\d+)")
    folders = [p for p in Path(directory).glob("*") if p.is_dir()]
    found = [(int(m[1]), p) for p in folders if (m := pattern.fullmatch(p.name))]
    return str(max(found)[1]) if found else None
