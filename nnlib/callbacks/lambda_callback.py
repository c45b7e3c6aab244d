"""LambdaCallback: a callback from functions."""

from collections.abc import Callable
from typing import Any

from nnlib.core.errors import UnexpectedArgumentError
from nnlib.training.callback import Callback


class LambdaCallback(Callback):
    """Calls the functions given, each with the arguments of the method that it is named by.

    Args:
        on_epoch_begin: `f(epoch, logs)`.
        on_epoch_end: `f(epoch, logs)`.
        on_train_begin: `f(logs)`.
        on_train_end: `f(logs)`.
        on_train_batch_begin: `f(batch, logs)`.
        on_train_batch_end: `f(batch, logs)`.
        others: functions for any other method of Callback; further names become attributes.

    Raises:
        UnexpectedArgumentError: for a name that begins with `on_` but is no method of Callback.

    >>> seen = []
    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)).on_epoch_end(3, {})
    >>> seen
    [3]
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **others: Callable[..., Any],
    ):
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **others,
        }
        for name, function in functions.items():
            if name.startswith("on_") and not hasattr(Callback, name):
                known = ", ".join(n for n in dir(Callback) if n.startswith("on_"))
                raise UnexpectedArgumentError(
                    f"LambdaCallback: expected functions for {known}, got {name!r}."
                )
            if function is not None:
                setattr(self, name, function)
