"""Which line of the user's code an equation of a jaxpr comes from."""

from __future__ import annotations

import os
from typing import Any

import jax
import numpy as np


def _folder(module_file: str | None) -> str:
    return os.path.dirname(os.path.abspath(module_file or "")) + os.sep


# Frames in these folders are machinery; jaxlib's traceback lists them innermost first.
_MACHINERY = (_folder(jax.__file__), _folder(np.__file__), _folder(__file__))


def source_line(eqn: Any, default: str = "<unknown line>", scopes: str = "") -> str:
    """Where an equation was bound: `file.py:12`, behind the scopes (of layers) it stands in.

    The traceback of an equation inside a jitted function ends at that function, so for functions
    of jax.numpy it holds no frame of the user; then the line of the call is the answer.

    Args:
        eqn: an equation of a jaxpr.
        default: line of the call that the equation is inside of.
        scopes: those that the equation's jaxpr stands in.

    Returns:
        `scope/scope, path:line`, `path:line`, or the default.
    """
    line = _innermost_line(eqn)
    if line is None:
        return default
    scopes = joined_scopes(scopes, eqn)
    return f"{scopes}, {line}" if scopes else line


def joined_scopes(around: str, eqn: Any) -> str:
    """The scopes of an equation behind those that its jaxpr stands in."""
    own = str(getattr(getattr(eqn, "source_info", None), "name_stack", ""))
    return "/".join(part for part in (around, own) if part)


def _innermost_line(eqn: Any) -> str | None:
    """`path:line` of the innermost frame outside JAX."""
    traceback = getattr(getattr(eqn, "source_info", None), "traceback", None)
    if traceback is None:
        return None
    for frame in traceback.frames:
        if not frame.file_name.startswith(_MACHINERY) and not frame.file_name.startswith("<frozen"):
            return f"{frame.file_name}:{frame.line_num}"
    return None
