"""Tables for a terminal: with rich where it is installed, aligned columns without."""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

_WIDEST = 60  # letters of a cell; names in files may be of any length


@dataclass
class TextTable:
    """A titled table.

    Args:
        title: what it is about.
        columns: heads of the columns; one that begins with ">" is aligned to the right.
        rows: cells, turned into text.

    Example:
        >>> print(TextTable("Sizes", ("name", ">bytes"), [("w", 12), ("bias", 4)]).plain())
        Sizes
        name  bytes
        w        12
        bias      4
    """

    title: str
    columns: Sequence[str]
    rows: list[Sequence[Any]] = field(default_factory=list)

    def plain(self) -> str:
        """The table as text."""
        heads = [column.lstrip(">") for column in self.columns]
        lines = [heads, *([clean(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        adjusts = [str.rjust if c.startswith(">") else str.ljust for c in self.columns]
        texts = (
            "  ".join(a(c, w) for a, c, w in zip(adjusts, line, widths, strict=True)).rstrip()
            for line in lines
        )
        return "\n".join([self.title, *texts])


def printable(value: Any) -> str:
    """Text without what would command the terminal: names in files may be of any letters."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value)
    )


def clean(value: Any) -> str:
    """A cell's text: printable, and not too long."""
    text = printable(value)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def print_tables(tables: Sequence[TextTable], stream: TextIO) -> None:
    """Print tables one below the other.

    Args:
        tables: what to print.
        stream: where to; only a terminal gets lines and bold heads.
    """
    if stream.isatty():
        try:
            stream.write(_rich(tables))
            return
        except ImportError:
            pass
    stream.write("\n\n".join(table.plain() for table in tables) + "\n")


def _rich(tables: Sequence[TextTable]) -> str:
    console_module = importlib.import_module("rich.console")
    table_module = importlib.import_module("rich.table")
    text = importlib.import_module("rich.text").Text  # names in files are no markup
    box = importlib.import_module("rich.box").SIMPLE_HEAD
    written = io.StringIO()
    console = console_module.Console(file=written, force_terminal=True)
    for table in tables:
        made = table_module.Table(title=text(table.title), title_justify="left", box=box)
        for column in table.columns:
            made.add_column(
                text(column.lstrip(">")), justify="right" if column[0] == ">" else "left"
            )
        for row in table.rows:
            made.add_row(*(text(clean(cell)) for cell in row))
        console.print(made)
    return written.getvalue()
