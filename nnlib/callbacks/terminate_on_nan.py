"""TerminateOnNaN: end training when the loss is no number any more."""

import math

from nnlib.core.errors import NonFiniteLossError
from nnlib.core.show_line import show_line
from nnlib.training.callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Stops training quietly after the batch whose loss is NaN or infinite.

    Without it `fit` raises NonFiniteLossError at the end of the epoch.

    Args:
        raise_error: whether to raise at once, so that no other callback ends its work.
    """

    handles_nan = True

    def __init__(self, raise_error: bool = False):
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise NonFiniteLossError(
                f"TerminateOnNaN: expected a finite loss, got {loss} at batch {batch}. Check the "
                "data, lower the learning rate, or clip gradients (clipnorm=1.0)."
            )
        show_line(f"Batch {batch}: the loss is {loss}, training ends")
        self.model.stop_training = True
