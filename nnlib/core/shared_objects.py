"""Objects that occur more than once in data: each says its number, so that readers make it once."""

import contextlib
import contextvars
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from nnlib.core.object_data import is_object, like

_marking: contextvars.ContextVar[bool] = contextvars.ContextVar("nnlib_marking", default=False)


@contextlib.contextmanager
def marking_shared() -> Iterator[None]:
    """Within the block the data of each layer say which object it is: see `only_shared`."""
    token = _marking.set(True)
    try:
        yield
    finally:
        _marking.reset(token)


def mark(thing: Any) -> dict[str, int]:
    """What the data of an object say in addition, within `marking_shared`."""
    return {"shared_object_id": id(thing)} if _marking.get() and _is_layer(thing) else {}


def _is_layer(thing: Any) -> bool:
    return hasattr(type(thing), "weight_specs")  # asked by duck so that no import circles


def only_shared(data: Any) -> Any:
    """Data with small numbers for objects that occur twice, and none for all others."""
    counts = Counter(number for number in _marks(data))
    several = [number for number, count in counts.items() if count > 1]
    return _renumbered(data, {number: index for index, number in enumerate(several)})


def _marks(data: Any) -> Iterator[int]:
    if isinstance(data, Mapping):
        if is_object(data) and "shared_object_id" in data:
            yield data["shared_object_id"]
        data = data.values()
    elif not isinstance(data, list | tuple):
        return
    for item in data:
        yield from _marks(item)


def _renumbered(data: Any, numbers: Mapping[int, int]) -> Any:
    if isinstance(data, list | tuple):
        return like(data, (_renumbered(item, numbers) for item in data))
    if not isinstance(data, Mapping):
        return data
    new = {key: _renumbered(value, numbers) for key, value in data.items()}
    if is_object(data) and (number := new.pop("shared_object_id", None)) in numbers:
        new["shared_object_id"] = numbers[number]
    return new
