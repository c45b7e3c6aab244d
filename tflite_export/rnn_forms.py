"""The argument `rnn`: what becomes of scans, and so of recurrent layers."""

from __future__ import annotations

from .errors import InputSpecError, UnavailableOptionError

_FORMS = ("while", "unroll")


def checked_rnn(rnn: str) -> str:
    """The argument, if it is a form that scans can take.

    Args:
        rnn: "while" or "unroll".

    Returns:
        The argument.

    Raises:
        UnavailableOptionError: for "fused", which is not available yet.
        InputSpecError: for anything else.

    Example:
        >>> checked_rnn("unroll")
        'unroll'
    """
    if rnn == "fused":
        raise UnavailableOptionError(
            "export_tflite",
            "rnn='while' or rnn='unroll', because fused LSTM operators are not available yet",
            "'fused'",
            "Write rnn='unroll' for the fastest file of a known number of steps: unlike a fused "
            "operator, which keeps its state between calls, it gives the same result every time.",
        )
    if rnn not in _FORMS:
        raise InputSpecError(
            "export_tflite", "rnn='while' or rnn='unroll'", repr(rnn), "Leave it out for a loop."
        )
    return rnn
