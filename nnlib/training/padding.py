"""Whether a short last batch may be filled up and masked: only where no result can tell."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


def keeps_rows_apart(layer: "Layer") -> bool:
    """Whether a row of the output depends on its own row of the input alone.

    That is known of nnlib's layers. Of others it is assumed only if they say so, by
    `mixes_rows = False` in the class: code that looks across the batch must not see padding.
    """
    if layer._core.adds_losses:
        return False
    return _is_ours(type(layer)) if layer.mixes_rows is None else not layer.mixes_rows


def counts_by_row(function: Any) -> bool:
    """Whether a loss or metric is one of nnlib's, which leave masked rows out exactly."""
    return _is_ours(type(function)) and _is_ours(getattr(function, "fn", type(function)))


def _is_ours(thing: Any) -> bool:
    return getattr(thing, "__module__", "").partition(".")[0] == "nnlib"
