"""The argument `rnn`: what becomes of scans, and so of recurrent layers."""

from __future__ import annotations

from .errors import InputSpecError

_FORMS = ("while", "unroll", "fused")


def checked_rnn(rnn: str) -> str:
    """The argument, if it is a form that scans can take.

    Args:
        rnn: "while", "unroll" or "fused".

    Returns:
        The argument.

    Raises:
        InputSpecError: it is anything else.

    Example:
        >>> checked_rnn("unroll")
        'unroll'
    """
    if rnn not in _FORMS:
        raise InputSpecError(
            "export_tflite",
            "rnn='while', rnn='unroll' or rnn='fused'",
            repr(rnn),
            "Leave it out for a loop.",
        )
    return rnn
