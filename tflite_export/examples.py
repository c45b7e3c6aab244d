"""report.write_example: programs that run this model, in the languages of devices."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from .errors import ExportError
from .example_facts import facts_of
from .model_info import ModelInfo

LANGUAGES = ("python", "kotlin", "java", "swift", "cpp")


def write_example(
    content: bytes,
    info: ModelInfo,
    folder: str | os.PathLike[str],
    languages: Sequence[str],
    name: str,
) -> list[Path]:
    """Write the model and a program for each language.

    Args:
        content: the model.
        info: what `read_tflite` found in it.
        folder: where to; it is made if missing.
        languages: among "python", "kotlin", "java", "swift" and "cpp".
        name: of the model's file, without its ending.

    Returns:
        The paths of the programs.

    Raises:
        ExportError: for a language that is none of them.
    """
    unknown = [language for language in languages if language not in LANGUAGES]
    if unknown:
        raise ExportError(
            "write_example", f"languages among {LANGUAGES}", str(unknown), "Leave it out for all."
        )
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{name}.tflite").write_bytes(content)
    facts = facts_of(info, f"{name}.tflite")
    written = []
    for language in languages:
        module = importlib.import_module(f"{__package__}.example_{language}")
        path = target / module.FILE
        path.write_text(_text(module.program(facts)), encoding="utf-8")
        written.append(path)
    return written


def _text(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"
