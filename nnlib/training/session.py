"""While training runs the weights live in one TrainState; layers that are asked get copies."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax

from nnlib.core.keeping import is_readable, on_host
from nnlib.core.tree import Tree, flatten, merge, own_leaves, partition
from nnlib.training.state import TrainState, copied

if TYPE_CHECKING:
    from nnlib.models.model import Model
    from nnlib.training.trainer import Trainer


class Session:
    """A TrainState checked out of a model's layers.

    The arrays of the state are donated to every step, so layers must not keep them. A layer whose
    weight is read meanwhile (by a callback, say) makes the session hand out copies; one that is
    written makes it gather the weights again before the next step.

    Args:
        trainer: who begins the session, and ends it when another model needs the layers.
        state: the TrainState, which belongs to the session from now on.
    """

    def __init__(self, trainer: "Trainer", state: TrainState):
        self.trainer = trainer
        self.model = model = trainer.model
        self.state = state
        self._fresh = False
        self._written = False
        for _, layer in model.layout():
            layer._core.loan = self

    def settle(self) -> None:
        """Called when a layer is asked for its arrays: give all layers copies of the newest."""
        if not self._fresh:
            self._fresh = True
            self._scatter(copied((self.state.params, self.state.state)))

    def note_write(self) -> None:
        """Called when a layer's array was replaced."""
        self._written = True

    def current(self) -> TrainState:
        """The state to step from, with what was written to layers meanwhile."""
        if self._written:
            self._written = False
            params, state = copied(self.model.variables)
            trained = flatten(self.state.trainable)
            trainable, frozen = partition(params, lambda path: "/".join(path) in trained)
            new = self.state._replace(trainable=trainable, frozen=frozen, state=state)
            self.state = self.trainer.placement.state(new)
        return self.state

    def advance(self, state: TrainState) -> None:
        """Take the state after a step."""
        self.state = state
        self._fresh = False

    def close(self) -> TrainState:
        """Give the arrays back to the layers for good."""
        state = self.current()
        for _, layer in self.model.layout():
            if layer._core.loan is self:
                layer._core.loan = None
        self._scatter((state.params, state.state))
        self._fresh = True
        return state

    @contextlib.contextmanager
    def for_chief(self) -> Iterator[None]:
        """Within it the chief reads all arrays by itself, those that are cut over processes too.

        They are on its host, all of them. Every process enters, and reads none if it is no chief.
        """
        state, chief = self.current(), self.trainer.placement.peers.chief
        if all(map(is_readable, jax.tree.leaves(state))):
            yield
            return
        self.state = on_host(state, keep=chief)
        if chief:
            self._fresh = True
            self._lend(merge(self.state.params, self.state.state))
        try:
            yield
        finally:
            self.state, self._fresh = state, False

    def _scatter(self, trees: tuple[Tree, Tree]) -> None:
        self._lend(self.trainer.placement.local(merge(*trees)))

    def _lend(self, both: Tree) -> None:
        for path, layer in self.model.layout():
            layer._core.cell = {
                name: array
                for name, array in own_leaves(both, path).items()
                if name in layer.own_weights
            }


def close_others(model: "Model", own: Any = None) -> None:
    """End the sessions of other models that share layers with this one."""
    for _, layer in model.layout():
        loan = layer._core.loan
        if loan is not None and loan is not own:
            loan.trainer.close()
