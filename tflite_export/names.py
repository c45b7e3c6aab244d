"""Names that are told apart."""

from __future__ import annotations

from collections.abc import Sequence


def unique(names: Sequence[str]) -> list[str]:
    """The names with `_1`, `_2` ... appended to those that occurred before.

    Args:
        names: any texts.

    Returns:
        As many texts, all different.

    Example:
        >>> unique(["x", "y", "x"])
        ['x', 'y', 'x_1']
    """
    taken: dict[str, None] = {}
    for name in names:
        candidate, number = name, 0
        while candidate in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken[candidate] = None
    return list(taken)
