"""The table of `model.summary()`, from declarations alone."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
from rich import box
from rich.console import Console
from rich.table import Table

from nnlib.core.declare import declare
from nnlib.core.layer import Layer
from nnlib.core.specs import concrete_dims
from nnlib.layers.input_layer import InputLayer

if TYPE_CHECKING:
    from nnlib.models.model import Model


@dataclass(frozen=True)
class Row:
    """One line: a layer, where it stands and what it puts out."""

    path: str
    layer: Layer
    depth: int
    shape: Any


def rows(model: "Model", expand_nested: bool) -> list[Row]:
    """The layers below the model with their output shapes."""
    shapes: dict[int, Any] = {}

    def note(layer: Layer, path: str, out: Any) -> None:
        shapes.setdefault(id(layer), jax.tree.map(lambda leaf: concrete_dims(leaf.shape), out))

    declare(model, model.input_specs, {}, training=False, observer=note)
    found: list[Row] = []

    def visit(parent: Layer, depth: int) -> None:
        for name, layer in parent.children():
            known = layer.batch_shape if isinstance(layer, InputLayer) else "not called"
            found.append(Row(name, layer, depth, shapes.get(id(layer), known)))
            if expand_nested:
                visit(layer, depth + 1)

    visit(model, 0)
    return found


def summary_text(
    model: "Model", line_length: int | None, expand_nested: bool, show_trainable: bool
) -> str:
    """The whole text: title, table, totals."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Layer (type)")
    table.add_column("Output shape")
    table.add_column("Params", justify="right")
    if show_trainable:
        table.add_column("Trainable")
    graph = model.__dict__.get("_graph")
    if graph is not None:
        table.add_column("Connected to")
    for row in rows(model, expand_nested):
        cells = [
            f"{'  ' * row.depth}{row.path} ({type(row.layer).__name__})",
            _shape_text(row.shape),
            f"{_count(row.layer):,}",
        ]
        if show_trainable:
            cells.append("yes" if row.layer.trainable else "no")
        if graph is not None:
            cells.append(_connections(graph, row) if row.depth == 0 else "")
        table.add_row(*cells)
    out = io.StringIO()
    console = Console(file=out, width=line_length or max(100, Console().width), color_system=None)
    console.print(f"Model: {model.name}", table, _totals(model), sep="\n")
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _shape_text(shape: Any) -> str:
    return str(shape) if not isinstance(shape, list) else ", ".join(map(_shape_text, shape))


def _count(layer: Layer) -> int:
    return sum(weight.size for *_, weight in layer.weight_specs())


def _connections(graph: Any, row: Row) -> str:
    sources = [
        symbol.name for node in graph.nodes if node.layer is row.layer for symbol in node.inputs
    ]
    return ", ".join(sources)


def _totals(model: "Model") -> str:
    specs = model.weight_specs()
    total = sum(weight.size for *_, weight in specs)
    trained = sum(w.size for _, layer, _, w in specs if w.trainable and layer.trainable)
    return "\n".join(
        f"{title} params: {count:,} ({_bytes(count)})"
        for title, count in (
            ("Total", total),
            ("Trainable", trained),
            ("Non-trainable", total - trained),
        )
    )


def _bytes(count: int) -> str:
    size = 4.0 * count
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f"{size:.2f} {unit}"
