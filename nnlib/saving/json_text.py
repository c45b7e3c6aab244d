"""JSON of a file that is not trusted."""

import json
from typing import Any

from nnlib.saving.h5_files import damaged

_MOST_DEPTH = 300


def parsed(text: Any, place: str) -> dict[str, Any]:
    """The dict that a text of JSON holds.

    Raises:
        CorruptFileError: for anything else, and for what is nested too deeply.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise damaged(place, "it is no text") from error
    try:
        data = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged(place, f"it is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise damaged(place, "it is no config")
    level: list[Any] = [data]
    for _ in range(_MOST_DEPTH):
        level = [
            item
            for node in level
            for item in (node.values() if isinstance(node, dict) else node)
            if isinstance(item, dict | list)
        ]
        if not level:
            return data
    raise damaged(place, f"it is nested more than {_MOST_DEPTH} times")
