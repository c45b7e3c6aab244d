"""Whether layers look across the batch."""

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
    return is_ours(type(layer)) if layer.mixes_rows is None else not layer.mixes_rows


def is_ours(thing: Any) -> bool:
    """Whether a class or function is one of nnlib's."""
    return getattr(thing, "__module__", "").partition(".")[0] == "nnlib"
