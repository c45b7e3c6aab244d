"""Batches as `fit` takes them: x, y and sample_weight in a tuple."""

from typing import Any

from nnlib.core.errors import ArgumentError


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The shortest of x, (x,), (x, y) and (x, y, sample_weight) that holds all that is given.

    Args:
        x: inputs; a tuple or list of them alone is wrapped, or it would pass for x and y.
        y: targets, or None.
        sample_weight: weights of the rows, or None; left out where y is None.

    >>> import nnlib as nn
    >>> nn.utils.pack_x_y_sample_weight(1), nn.utils.pack_x_y_sample_weight(1, 2)
    (1, (1, 2))
    """
    if y is None:
        return (x,) if isinstance(x, tuple | list) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight), with None for what is not there; the inverse of packing.

    Args:
        data: x, or a tuple or list of x, y and sample_weight.

    Raises:
        ArgumentError: for more than three parts, or none.

    >>> import nnlib as nn
    >>> nn.utils.unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if not isinstance(data, tuple | list):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ArgumentError(
            "unpack_x_y_sample_weight: expected x, (x,), (x, y) or (x, y, sample_weight), got "
            f"{len(data)} parts."
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight
