"""report.write_example: programs that run this model, in the languages of devices."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from .errors import ExportError
from .example_facts import facts_of
from .file_content import FileContent
from .model_info import ModelInfo

LANGUAGES = ("python", "kotlin", "java", "swift", "cpp")


def write_example(
    file: FileContent,
    info: ModelInfo,
    folder: str | os.PathLike[str],
    languages: Sequence[str],
    name: str,
) -> list[Path]:
    """`Report.write_example` of a file, of which `read_tflite` told `info`."""
    if isinstance(languages, str) or not set(languages) <= set(LANGUAGES):
        raise ExportError(
            "write_example",
            f"a sequence of languages among {LANGUAGES}",
            repr(languages if isinstance(languages, str) else list(languages)),
            "Leave it out for all.",
        )
    if not name.isprintable() or Path(name).name != name or name in ("", ".."):
        raise ExportError(
            "write_example", "a name for a file", repr(name), "Pass name='model', without a folder."
        )
    target = Path(folder)
    file.write(target / f"{name}.tflite")
    facts = facts_of(info, f"{name}.tflite")
    written = []
    for language in languages:
        module = importlib.import_module(f"{__package__}.example_{language}")
        text = "\n".join(line.rstrip() for line in module.program(facts).strip("\n").split("\n"))
        written.append(FileContent([f"{text}\n".encode()]).write(target / module.FILE))
    return written
