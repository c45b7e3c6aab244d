"""The command `nnlib`: export, inspect and run .tflite files from a shell."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .array_files import load_arrays, named_arrays, save_arrays
from .errors import ExportError, InputSpecError
from .file_content import check_path
from .inspection import as_data, tables_of
from .isolated_run import file_partitions, run_file
from .metadata import Metadata
from .reader import read_tflite
from .text_tables import TextTable, clean, print_tables, printable

_WRONG = 2  # exit code of everything that the user can put right


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those of the shell if None.

    Returns:
        0, or 2 after an error, whose text is on stderr.

    Example:
        >>> main(["inspect", "absent.tflite"])
        2
    """
    options = _parser().parse_args(arguments)
    errors = importlib.import_module("nnlib.core.errors")
    try:
        options.action(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ExportError, errors.NnlibError, OSError) as error:
        lines = map(printable, str(error).splitlines())
        print("nnlib:", "\n".join(lines), file=sys.stderr)
        return _WRONG
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnlib",
        description="Export, inspect and run .tflite files. nnlib launch --help: run a program "
        "as several connected processes.",
    )
    parser.add_argument(
        "--version", action="version", version=importlib.import_module("nnlib").__version__
    )
    actions = parser.add_subparsers(required=True, metavar="export | inspect | run")
    _add_export(actions.add_parser("export", help="write a saved model as a .tflite file"))
    _add_inspect(actions.add_parser("inspect", help="show what is in a .tflite file"))
    _add_run(actions.add_parser("run", help="run a .tflite file once"))
    return parser


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a .keras or .h5 file, or a folder of model.save")
    parser.add_argument("-o", "--output", help="the file to write; MODEL.tflite by default")
    parser.add_argument("--quantize", choices=("dynamic", "float16", "int8", "int16x8"))
    parser.add_argument("--representative", help=".npz or .npy with inputs, for int8 and int16x8")
    parser.add_argument("--target", choices=("litert", "micro"), default="litert")
    parser.add_argument("--header", metavar="FILE.h", help="also write the model as a C array")
    parser.add_argument("--example", metavar="FOLDER", help="also write programs that run it")
    parser.add_argument("--labels", help="text file with one class name a line")
    parser.add_argument("--description", default="", help="what the model does")
    parser.set_defaults(action=_export)


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a .tflite file of any tool")
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    parser.add_argument("--all", action="store_true", help="long tables in full")
    parser.set_defaults(action=_inspect)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a .tflite file")
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="[NAME=]FILE.npy",
        help="an input; .npz files hold several by name",
    )
    parser.add_argument("--output", metavar="FILE.npz", help="where to write the outputs")
    parser.add_argument("--signature", help="key of the signature; the first by default")
    parser.set_defaults(action=_run)


def _export(options: argparse.Namespace) -> None:
    convert = importlib.import_module(f"{__package__}.convert")  # alone here: JAX takes a second
    source = Path(options.model)
    model = importlib.import_module("nnlib.saving").load_model(source, compile=False)
    extra: dict[str, Any] = {}
    if options.quantize:
        extra["quantize"] = options.quantize
    if options.representative:
        arrays = load_arrays(options.representative)
        extra["representative"] = arrays.get(None, arrays)
    labels = _lines(options.labels) if options.labels else None
    if labels or options.description:
        extra["metadata"] = Metadata(description=options.description, labels=labels)
    target = Path(options.output or source.resolve().with_suffix(".tflite"))
    report = convert.export_tflite(model, path=target, target=options.target, **extra)
    if options.header:
        report.write_c_header(options.header)
    if options.example:
        report.write_example(options.example, name=target.stem)
    print(f"{target}: {report}")


def _inspect(options: argparse.Namespace) -> None:
    info = read_tflite(options.model)
    parts = file_partitions(options.model, info)
    if options.json:
        print(json.dumps(as_data(info, parts), indent=1))
    else:
        print_tables(tables_of(info, None if options.all else 40, parts), sys.stdout)


def _run(options: argparse.Namespace) -> None:
    check_path(options.output)
    outputs = run_file(options.model, named_arrays(options.input), options.signature)
    if options.output:
        save_arrays(options.output, outputs)
    table = TextTable("Outputs", ("name", "type", "values"))
    for name, value in outputs.items():
        values = " ".join(f"{number:.6g}" for number in value.reshape(-1)[:8].tolist())
        more = " ..." if value.size > 8 else ""
        table.rows.append((name, f"{value.dtype}{list(value.shape)}", values + more))
    print_tables([table], sys.stdout)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines()  # editors add a mark
    except UnicodeDecodeError as error:
        raise InputSpecError(
            path, "a text file in UTF-8", clean(error), "Save it as UTF-8, one name a line."
        ) from error
