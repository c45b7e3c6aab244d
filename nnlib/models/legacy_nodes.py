"""Calls as Keras 2 wrote them: `[["dense", 0, 0, {}]]`, the keywords behind the first place."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nnlib.core.errors import CorruptFileError

Place = Callable[[Any], list[Any]]

CONSTANT = "_CONSTANT_VALUE"
_RECURRENT = (
    "RNN", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D",
)  # fmt: skip
_SLICE = {"start", "stop", "step"}


def is_place(data: Any, names: Mapping[str, Any]) -> bool:
    """Whether data is `[name of a layer, number of a call, number of an output, ...]`."""
    listed = isinstance(data, list | tuple) and 3 <= len(data) <= 4
    return listed and _kinds(data) and data[0] in names


def _kinds(data: Any) -> bool:
    numbers = all(isinstance(n, int) and not isinstance(n, bool) for n in data[1:3])
    return isinstance(data[0], str) and numbers


def places_in(data: Any, names: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """(name, number of the call) of every place in nested data."""
    if is_place(data, names):
        yield data[0], data[1]
        data = data[3:]
    inside = data.values() if isinstance(data, Mapping) else data
    for item in inside if isinstance(data, list | tuple | Mapping) else ():
        yield from places_in(item, names)


def modern_call(call: Any, kind: str, place: Place, names: Mapping[str, Any]) -> Any:
    """One call as `{"args": ..., "kwargs": ...}`.

    Args:
        call: in the old form; the new one stays as it is.
        kind: the class of the layer.
        place: to a place with calls counted from 0.
        names: of the layers.
    """
    if isinstance(call, Mapping):
        return call
    first, kwargs = first_and_keywords(call, place, names)
    if isinstance(first, list) and len(first) == 1:
        first = first[0]
    kwargs = {key: value for key, value in kwargs.items() if value is not None}
    if kind in _RECURRENT and isinstance(first, list) and len(first) > 1:
        # States that are symbols were put behind the input.
        return {"args": first[:1], "kwargs": {**kwargs, "initial_state": first[1:]}}
    return {"args": [first], "kwargs": kwargs}


def first_and_keywords(call: Any, place: Place, names: Mapping[str, Any]) -> tuple[Any, Any]:
    """The first argument of a call and its keywords, with references to symbols."""
    keywords: dict[str, Any] = {}

    def visit(data: Any) -> Any:
        if isinstance(data, list) and data and isinstance(data[0], str):
            if len(data) > 3 and isinstance(data[3], Mapping):
                keywords.update(data[3])
            if data[0] == CONSTANT and len(data) > 2:
                return data[2]
            if not is_place(data, names):
                raise CorruptFileError(
                    "functional config: expected calls of layers that are there, got "
                    f"{data!r:.100}."
                )
            return _reference(place(data))
        if isinstance(data, list):
            return [visit(item) for item in data]
        if isinstance(data, Mapping):
            return {key: visit(item) for key, item in data.items()}
        raise CorruptFileError(
            f"functional config: expected the outputs of layers, got {data!r:.100}."
        )

    first = visit(call)
    return first, {key: argument(value, place, names) for key, value in keywords.items()}


def argument(data: Any, place: Place, names: Mapping[str, Any]) -> Any:
    """A keyword's value, with references to symbols and slices."""
    if is_place(data, names) and len(data) == 3:
        return _reference(place(data))
    if isinstance(data, list | tuple):
        return [argument(item, place, names) for item in data]
    if not isinstance(data, Mapping):
        return data
    if data.keys() == _SLICE:
        return {"class_name": "__slice__", "config": dict(data)}
    if data.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    if data.get("class_name") == "__tuple__" and isinstance(data.get("items"), list):
        return [argument(item, place, names) for item in data["items"]]
    return {key: argument(value, place, names) for key, value in data.items()}


def _reference(place: list[Any]) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": place}}
