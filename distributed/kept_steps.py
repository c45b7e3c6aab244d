"""Kept steps: the last completed step of each fit on the host, which outlives the devices."""

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from nnlib.core.compat import gather_from_all
from nnlib.saving.state_tree import load_tree, to_tree

if TYPE_CHECKING:
    from nnlib.models.model import Model


class KeptSteps:
    """The last step of each fit of a program, in the order of its fits."""

    def __init__(self) -> None:
        self._trees: dict[int, Any] = {}
        self._fit = 0

    def __str__(self) -> str:
        """Where the program goes on."""
        if not self._trees:
            return "the beginning: no step was kept here; PreemptionCheckpoint keeps them"
        number, tree = max(self._trees.items(), key=lambda item: item[0])
        return f"step {int(tree['training']['step'])} of its fit number {number}"

    def begin(self) -> None:
        """The program begins, or begins again: the next fit is its first."""
        self._fit = 0

    def restore(self, model: "Model") -> None:
        """A fit begins: it goes on from the newest step that one of the processes has kept of it.

        Every process has to call it. Without one the model stays as it is.
        """
        self._fit += 1
        peers: Any = model.trainer.placement.peers
        own = self._trees.get(self._fit)
        step = -1 if own is None else int(own["training"]["step"])
        if peers.count > 1:
            steps = np.ravel(gather_from_all(np.array([step], np.int32)))
            step = int(steps.max())
            own = peers.from_one(int(steps.argmax()), lambda: own)
        if own is not None:
            load_tree(model, own)

    def keep(self, model: "Model") -> None:
        """A step is done: keep all that the next depends on; returns when it is here."""
        self._trees[self._fit] = jax.tree.map(np.asarray, to_tree(model))

    def detach(self) -> None:
        """The arrays of JAX go: on CPUs what is kept looks into them."""
        self._trees = jax.tree.map(np.array, self._trees)


KEPT_STEPS = KeptSteps()
