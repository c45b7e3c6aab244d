"""Arrays in .npy and .npz files, as the command reads and writes them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .errors import InputSpecError
from .file_content import FileContent
from .text_tables import clean


def named_arrays(given: Sequence[str]) -> dict[str | None, np.ndarray]:
    """Arrays for the inputs of a model.

    Args:
        given: texts `FILE.npy`, `NAME=FILE.npy` or `FILE.npz`, as the user wrote them.

    Returns:
        Arrays by input name; None is the name of one that was given without.

    Raises:
        InputSpecError: two arrays for one name, or a file that holds no numbers.
    """
    inputs: dict[str | None, np.ndarray] = {}
    for text in given:
        name, equals, path = text.partition("=")
        named = bool(equals) and not Path(text).exists()
        loaded = load_arrays(path if named else text)
        if named:
            _check_input(text, len(loaded) == 1, f"{len(loaded)} of them in {path}")
            loaded = dict.fromkeys([name], *loaded.values())
        _check_input(text, not inputs.keys() & loaded.keys(), "another one before it")
        inputs.update(loaded)
    return inputs


def _check_input(text: str, right: bool, got: str) -> None:
    if not right:
        raise InputSpecError(
            f"--input {text}",
            "one array for each input",
            got,
            "Write --input NAME=x.npy for each, or --input x.npz for an archive by names.",
        )


def load_arrays(path: str) -> dict[str | None, np.ndarray]:
    """Arrays of a file.

    Args:
        path: a .npy or .npz file.

    Returns:
        Arrays by name; None is the name of the array of a .npy file.

    Raises:
        InputSpecError: the file holds no numbers.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {None: loaded}
        with loaded as archive:
            return {name: archive[name] for name in archive.files}
    except OSError:
        raise
    except Exception as error:  # numpy lets those of zlib, zipfile and the tokenizer through
        raise InputSpecError(
            path,
            "a .npy or .npz file of numbers",
            clean(error),
            "Write one with np.save('x.npy', x).",
        ) from error


def save_arrays(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz file; np.savez takes no array whose name is `file`.

    Args:
        path: where to; missing folders are created.
        arrays: by name.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)
    FileContent([stream.getvalue()]).write(path)
