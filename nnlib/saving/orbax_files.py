"""One tree of arrays in a folder, by Orbax: a crash leaves the old one or the new one."""

import importlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from nnlib.core.errors import CheckpointError
from nnlib.core.tree import Tree
from nnlib.saving.atomic import old_of, writing


def _orbax() -> Any:
    return importlib.import_module("orbax.checkpoint")  # 0.3 s: only when it is needed


def alone() -> Any:
    """Options by which Orbax asks no other process: strategies see to it that one writes."""
    own = jax.process_index()
    return _orbax().options.MultiprocessingOptions(
        primary_host=own, active_processes={own}, barrier_sync_key_prefix=f"process_{own}"
    )


def write(path: Path, tree: Tree) -> None:
    """Write `tree` as the folder `path`; one that is there is replaced once the new is complete."""
    ocp = _orbax()
    saver = ocp.StandardCheckpointer(multiprocessing_options=alone())
    with writing(path) as new, saver as checkpointer:
        checkpointer.save(new.absolute(), tree)
        checkpointer.wait_until_finished()


def read(path: Path) -> Tree:
    """The tree stored in the folder `path`, as NumPy arrays.

    Raises:
        CheckpointError: if there is none, or it cannot be read.
    """
    earlier = path.with_name(f"{path.name}.new")  # left by the first release, if it was killed
    found = next((p for p in (path, earlier, old_of(path)) if p.is_dir()), None)
    if found is None:
        raise CheckpointError(
            f"{path}: expected a checkpoint folder, got nothing there. "
            f"Beside it: {', '.join(sorted(p.name for p in path.parent.glob('*'))) or 'nothing'}."
        )
    ocp = _orbax()
    try:
        handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=alone())
        with ocp.Checkpointer(handler, multiprocessing_options=alone()) as checkpointer:
            return restore_as_numpy(checkpointer, found)
    except Exception as error:
        raise CheckpointError(
            f"{path}: expected a complete checkpoint, got one that cannot be read "
            f"({type(error).__name__}). Restore another one."
        ) from error


def restore_as_numpy(checkpointer: Any, folder: Path) -> Tree:
    """The arrays on the host, whatever devices they came from."""
    ocp = _orbax()
    stored = checkpointer.metadata(folder.absolute()).item_metadata.tree
    arguments = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), stored)
    return checkpointer.restore(
        folder.absolute(), args=ocp.args.PyTreeRestore(restore_args=arguments)
    )
