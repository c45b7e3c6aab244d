"""SwapEMAWeights: evaluate with the averaged weights."""

from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.training.callback import Callback, Logs


class SwapEMAWeights(Callback):
    """Puts the averages of the weights in their place for evaluation, and the weights back.

    The optimizer has to keep averages: `Adam(use_ema=True)`.

    Args:
        swap_on_epoch: whether they are in place at the end of every epoch already, so that
            callbacks behind this one save them.

    Raises:
        ArgumentError: at the first swap, if the optimizer keeps no averages.
    """

    def __init__(self, swap_on_epoch: bool = False):
        self.swap_on_epoch = swap_on_epoch
        self._own: Any = None

    def _swap_in(self) -> None:
        if self._own is not None:
            return
        state = self.model.get_train_state()
        optimizer = self.model.optimizer
        if optimizer.averages(state.opt) is None:
            raise ArgumentError(
                f"SwapEMAWeights: expected an optimizer that keeps averages, got {optimizer!r}. "
                "Write use_ema=True in it."
            )
        self._own = state.trainable
        averages = optimizer.finalize_variable_values(state.trainable, state.opt)
        self.model.set_train_state(state._replace(trainable=averages))

    def _swap_back(self) -> None:
        if self._own is not None:
            state = self.model.get_train_state()
            self.model.set_train_state(state._replace(trainable=self._own))
            self._own = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """The weights, to train on."""
        self._swap_back()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """The averages, with `swap_on_epoch`."""
        if self.swap_on_epoch:
            self._swap_in()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Forget the weights: training ends with the averages."""
        self._own = None

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """The averages."""
        self._swap_in()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """The weights."""
        self._swap_back()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """The averages."""
        self._swap_in()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """The weights."""
        self._swap_back()
