"""One thing per output, from what users write: a single thing, a list, or a dict by name."""

import difflib
from collections.abc import Mapping
from typing import Any

from nnlib.core.errors import ArgumentError


class Outputs:
    """The outputs of a model by name.

    Args:
        place: the model's name, for errors.
        names: of the outputs, in order; repeated ones are numbered.
    """

    def __init__(self, place: str, names: list[str]):
        self.place = place
        self.names: list[str] = []
        for name in names:
            self.names.append(free_name(name, set(self.names)))

    def __len__(self) -> int:
        return len(self.names)

    def spread(self, what: str, given: Any) -> list[Any]:
        """One entry per output; a single thing stands for all of them, and `[one]` for `one`."""
        if isinstance(given, Mapping) and "class_name" not in given:
            return [_unwrapped(one) for one in self.by_name(what, given)]
        if not isinstance(given, list | tuple):
            return [given] * len(self)
        if len(given) != len(self):
            raise ArgumentError(
                f"{self.place}: expected {what} for {len(self)} outputs "
                f"({', '.join(self.names)}), got a list of {len(given)}."
            )
        return [_unwrapped(one) for one in given]

    def spread_lists(self, what: str, given: Any) -> list[list[Any]]:
        """A list of things per output. A flat list counts for each output, as in Keras."""
        if isinstance(given, list | tuple):
            nested = any(isinstance(item, list | tuple) for item in given)
            if not nested and (len(self) == 1 or len(given) != len(self)):
                return [list(given)] * len(self)
        return [
            [] if one is None else list(one) if isinstance(one, list | tuple) else [one]
            for one in self.spread(what, given)
        ]

    def by_name(self, what: str, given: Mapping[str, Any]) -> list[Any]:
        """The entries of a dict in order; outputs may also be called output_1, output_2, ..."""
        numbered = {f"output_{index + 1}": name for index, name in enumerate(self.names)}
        named = {
            key if key in self.names else numbered.get(key, key): value
            for key, value in given.items()
        }
        if unknown := sorted(map(str, set(named) - set(self.names))):
            close = difflib.get_close_matches(unknown[0], self.names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ArgumentError(
                f"{self.place}: expected {what} by the names of outputs "
                f"({', '.join(self.names)}, or {', '.join(numbered)}), got "
                f"{', '.join(map(repr, unknown))}.{hint}"
            )
        return [named.get(name) for name in self.names]


def _unwrapped(entry: Any) -> Any:
    return entry[0] if isinstance(entry, list | tuple) and len(entry) == 1 else entry


def free_name(name: str, taken: set[str]) -> str:
    """`name`, numbered if it is taken."""
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
