"""Things that are kept for a function as long as the function lives."""

import types
import weakref
from collections.abc import Callable
from typing import Any


class WeakCache:
    """What was made for functions, by identity. Bound methods count by object and function.

    >>> cache, made = WeakCache(), []
    >>> def f(): pass
    >>> cache.get(f, lambda ref: made.append(ref() is f)), cache.get(f, made.append), made
    (None, None, [True])
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[Any, dict[Any, Any]]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, function: Any, make: Callable[[Callable[[], Any]], Any]) -> Any:
        """What `make` returned the first time.

        Args:
            function: what it is made for.
            make: is given a weak reference to the function: what it makes must not hold it.
        """
        method = isinstance(function, types.MethodType)
        owner, name = (function.__self__, function.__func__) if method else (function, None)
        number = id(owner)
        entry = self._entries.get(number)
        if entry is None or entry[0]() is not owner:
            entry = self._entries[number] = self._reference(owner, number), {}
        if name not in entry[1]:
            reference = weakref.WeakMethod if method else self._reference
            entry[1][name] = make(reference(function))
        return entry[1][name]

    def _reference(self, owner: Any, number: int | None = None) -> Callable[[], Any]:
        entries = self._entries

        def forget(_: Any) -> None:
            entries.pop(number, None)  # type: ignore[arg-type]

        try:
            return weakref.ref(owner, forget if number is not None else None)
        except TypeError:  # builtins and the like, which live as long as the process
            return lambda: owner
