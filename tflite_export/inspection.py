"""What `nnlib inspect` shows of a file: tables for people, and plain data for programs."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

from .arena import Arena, estimate_arena
from .metadata import Metadata
from .model_info import ModelInfo, OperatorInfo, QuantisationInfo, SubgraphInfo, TensorInfo
from .partitions import Partitions
from .text_tables import TextTable

_PLANNED = 2000  # operators that run; planning memory takes the square of their number
_SUBGRAPHS = 32


def tables_of(
    info: ModelInfo, limit: int | None = 40, parts: Partitions | None = None
) -> list[TextTable]:
    """Tables of a file.

    Args:
        info: what `read_tflite` found.
        limit: rows of the long tables, None for all.
        parts: how LiteRT shares the file among delegates, None where that is not known.

    Returns:
        Summary, signatures, operators, tensors and metadata.

    Example:
        >>> import jax.numpy as jnp
        >>> from nnlib.tflite_export import TensorSpec, export_tflite
        >>> report = export_tflite(jnp.tanh, TensorSpec((None, 2)))
        >>> [table.title for table in tables_of(report.model)]
        ['Model', 'Operator counts', 'Signature serving_default', 'Operators', 'Tensors']
    """
    tables = [_summary(info, parts), _counts(info), *_signatures(info)]
    for graph in info.subgraphs:
        suffix = "" if len(info.subgraphs) == 1 else f" of subgraph {graph.index} {graph.name}"
        tables.append(_operators(graph, suffix, limit))
        tables.append(_tensors(graph, suffix, limit))
    for number, about in enumerate(info.descriptions):
        key = next((s.key for s in info.signatures if s.subgraph == number), f"subgraph {number}")
        suffix = f" of {key}" if len(info.descriptions) > 1 else ""
        tables.append(TextTable(f"Metadata{suffix}", ("what", "value"), _about(about)))
    files = [(name, f"{len(data):,}") for name, data in info.associated_files.items()]
    tables.append(TextTable("Files behind the model", ("name", ">bytes"), list(files)))
    return [table for table in tables if table.rows]


def quantisation_text(quantisation: QuantisationInfo | None) -> str:
    """Scale and zero point in short, "" for plain numbers."""
    if quantisation is None or quantisation.scale.size == 0:
        return (quantisation.details or "") if quantisation else ""
    zero = quantisation.zero_point
    if quantisation.per_channel:
        low, high = quantisation.scale.min(), quantisation.scale.max()
        return (
            f"{quantisation.scale.size} scales {low:.3g} ... {high:.3g}, axis {quantisation.axis}"
        )
    return f"{quantisation.scale[0]:.6g} * (q - {int(zero[0]) if zero.size else 0})"


def as_data(info: ModelInfo, parts: Partitions | None = None) -> dict[str, Any]:
    """Everything in a file but the values of its constants, as data for JSON.

    Args:
        info: what `read_tflite` found.
        parts: how LiteRT shares the file among delegates, None where that is not known.

    Returns:
        Dicts, lists, numbers and texts.
    """
    about, arena = info.described, _arena(info)
    return {
        "bytes": info.size,
        "description": info.description,
        "min_runtime_version": info.min_runtime_version,
        "ops": info.ops,
        "weight_bytes": weight_bytes(info),
        "signatures": [dataclasses.asdict(signature) for signature in info.signatures],
        "subgraphs": [
            _graph_data(graph, one)
            for graph, one in itertools.zip_longest(info.subgraphs, info.descriptions)
        ],
        "metadata": {name: int(data.size) for name, data in info.metadata.items()},
        "associated_files": {name: len(data) for name, data in info.associated_files.items()},
        "about": about and dataclasses.asdict(about),
        "partitions": parts and dataclasses.asdict(parts),
        "arena": arena and dataclasses.asdict(arena),
    }


def weight_bytes(info: ModelInfo) -> int:
    """Bytes of constants; one that several tensors share counts once."""
    used = {t.buffer for graph in info.subgraphs for t in graph.tensors if t.is_constant}
    return sum(info.buffer_bytes[number] for number in used)


def _graph_data(graph: SubgraphInfo, about: Metadata | None) -> dict[str, Any]:
    return {
        "name": graph.name,
        "about": about and dataclasses.asdict(about),
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "operators": [dataclasses.asdict(op) for op in graph.operators],
        "tensors": [_tensor_data(tensor) for tensor in graph.tensors],
    }


def _tensor_data(tensor: TensorInfo) -> dict[str, Any]:
    quantisation = tensor.quantisation
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "bytes": tensor.bytes,
        "buffer": tensor.buffer,
        "constant": tensor.is_constant,
        "variable": tensor.variable,
        "quantisation": quantisation
        and {
            "scale": quantisation.scale.tolist(),
            "zero_point": quantisation.zero_point.tolist(),
            "axis": quantisation.axis,
            "details": quantisation.details,
        },
    }


def _arena(info: ModelInfo) -> Arena | None:
    """The working memory, where the file is one that a microcontroller might run."""
    if len(info.subgraphs) > _SUBGRAPHS:
        return None

    @functools.cache
    def steps(number: int) -> int:
        ops = info.subgraphs[number].operators
        return sum(1 + sum(map(steps, op.subgraphs)) for op in ops)

    if sum(map(steps, range(len(info.subgraphs)))) > _PLANNED:
        return None
    try:
        return estimate_arena(info)
    except IndexError:  # operators with fewer results, or results of fewer axes, than TFLM has
        return None


def _summary(info: ModelInfo, parts: Partitions | None) -> TextTable:
    operators = sum(info.ops.values())
    arena = _arena(info)
    rows: list[Sequence[Any]] = [
        ("bytes", f"{info.size:,}"),
        ("of which weights", f"{weight_bytes(info):,}"),
        ("operators", f"{operators}"),
        ("subgraphs", f"{len(info.subgraphs)}"),
        ("written by", info.description or "unknown"),
        ("needs TensorFlow Lite", info.min_runtime_version or "not stated"),
    ]
    if parts is not None:
        rows.append(("LiteRT on the CPU", str(parts)))
    if arena is not None:
        rows.append(("arena of TFLM", f"{arena.total:,} bytes, estimated for free sizes of 1"))
    return TextTable("Model", ("what", "value"), rows)


def _counts(info: ModelInfo) -> TextTable:
    """Operators by kind, with the bytes of the constants that they read."""
    bytes_of: collections.Counter[str] = collections.Counter()
    seen: set[tuple[str, int]] = set()
    for graph in info.subgraphs:
        for op in graph.operators:
            for number in op.inputs:
                tensor = graph.tensors[number] if number >= 0 else None
                if tensor and tensor.is_constant and (op.name, tensor.buffer) not in seen:
                    seen.add((op.name, tensor.buffer))
                    bytes_of[op.name] += tensor.bytes
    rows = [(name, count, f"{bytes_of[name]:,}") for name, count in info.ops.items()]
    return TextTable("Operator counts", ("operator", ">count", ">weight bytes"), list(rows))


def _signatures(info: ModelInfo) -> list[TextTable]:
    tables = []
    for signature in info.signatures:
        tensors = info.subgraphs[signature.subgraph].tensors
        table = TextTable(f"Signature {signature.key}", ("", "name", "type", "quantisation"))
        for role, names in (("in", signature.inputs), ("out", signature.outputs)):
            for name, number in names.items():
                tensor = tensors[number]
                table.rows.append(
                    (role, name, tensor.describe(), quantisation_text(tensor.quantisation))
                )
        tables.append(table)
    return tables


def _operators(graph: SubgraphInfo, suffix: str, limit: int | None) -> TextTable:
    rows = [_operator_row(graph, op) for op in graph.operators[:limit]]
    hidden = len(graph.operators) - len(rows)
    return TextTable(
        f"Operators{suffix}{_more(hidden)}",
        (">#", "operator", ">version", "reads", "writes", "options"),
        list(rows),
    )


def _operator_row(graph: SubgraphInfo, op: OperatorInfo) -> Sequence[Any]:
    reads = " ".join("-" if number < 0 else str(number) for number in op.inputs)
    writes = " ".join(f"{n} {graph.tensors[n].describe()}" for n in op.outputs if n >= 0)
    options = dict(op.options)
    if options.get("fused_activation_function") == "NONE":
        del options["fused_activation_function"]
    if op.subgraphs:
        options["subgraphs"] = " ".join(map(str, op.subgraphs))
    shown = " ".join(f"{name}={value}" for name, value in options.items())
    return op.index, op.name, op.version, reads, writes, shown


def _tensors(graph: SubgraphInfo, suffix: str, limit: int | None) -> TextTable:
    rows = [
        (
            tensor.index,
            tensor.name,
            tensor.describe(),
            f"{tensor.bytes:,}",
            _kind(graph, tensor),
            quantisation_text(tensor.quantisation),
        )
        for tensor in graph.tensors[:limit]
    ]
    return TextTable(
        f"Tensors{suffix}{_more(len(graph.tensors) - len(rows))}",
        (">#", "name", "type", ">bytes", "kind", "quantisation"),
        list(rows),
    )


def _kind(graph: SubgraphInfo, tensor: TensorInfo) -> str:
    if tensor.is_constant:
        return "constant"
    if tensor.variable:
        return "variable"
    if tensor.index in graph.inputs:
        return "input"
    return "output" if tensor.index in graph.outputs else "activation"


def _more(hidden: int) -> str:
    return f" ({hidden} more: --all lists them)" if hidden > 0 else ""


def _about(about: Metadata) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    for what in ("name", "description", "version", "author", "license"):
        if getattr(about, what):
            rows.append((what, getattr(about, what)))
    for what in ("mean", "std", "labels"):
        for name, values in (getattr(about, what) or {}).items():
            rows.append((f"{what} of {name}", ", ".join(map(str, values))))
    return rows
