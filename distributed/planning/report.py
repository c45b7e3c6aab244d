"""A plan as tables on the screen."""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from .memory import gib

if TYPE_CHECKING:
    from .plan import Plan

_SHOWN = 20


def show(plan: "Plan", console: Any = None) -> None:
    """Print a plan.

    Args:
        plan: what was found.
        console: of rich; None for the screen.
    """
    console = console or Console()
    axes = ", ".join(f"{name}={size}" for name, size in plan.mesh.items())
    slices = f" in {plan.slices} slices" if plan.slices > 1 else ""
    devices = f"{plan.devices} devices{slices}"
    title = f"{plan.target}: {devices} ({axes}), {plan.batch_size} rows a step"
    for table in (_weights(plan, title), _per_device(plan), _collectives(plan)):
        console.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    return table


def _weights(plan: "Plan", title: str) -> Table:
    table = _table(title, "weight", "shape", "dtype", "cut over", "on a device")
    ranked = sorted(plan.weights, key=lambda weight: -weight.bytes)
    for weight in ranked[:_SHOWN]:
        cut = str(weight.spec) if any(weight.spec) else "whole"
        table.add_row(weight.path, str(weight.shape), weight.dtype, cut, gib(weight.bytes))
    if rest := ranked[_SHOWN:]:
        table.add_row(f"{len(rest)} others", "", "", "", gib(sum(w.bytes for w in rest)))
    return table


def _per_device(plan: "Plan") -> Table:
    memory, facts = plan.memory, plan.facts
    table = _table("On each device, in a step", "what", "how much")
    for name, size in (
        ("weights", memory.weights),
        ("optimizer", memory.optimizer),
        ("batch", memory.batch),
        ("activations, gradients, program", memory.temporary),
        ("together", memory.needed),
    ):
        table.add_row(name, gib(size))
    table.add_row("memory there is", f"{gib(facts.memory)} ({memory.needed / facts.memory:.1%})")
    table.add_row("products and convolutions", f"{plan.flops / 1e9:,.3f} GFLOP")
    if facts.flops:
        table.add_row("at the peak in bfloat16", f"{plan.flops / facts.flops * 1e3:.3f} ms")
    return table


def _collectives(plan: "Plan") -> Table:
    table = _table("Sent by each device, in a step", "collective", "of", "number", "bytes")
    kinds: dict[tuple[str, str], list[Any]] = {}
    for one in plan.collectives:
        of = f"{one.group} {'slices' if one.between_slices else 'devices'}"
        kinds.setdefault((one.kind, of), []).append(one)
    for (kind, of), found in kinds.items():
        count = str(sum(one.times for one in found))
        least = "" if all(one.counted for one in found) else "at least "
        sent = gib(sum(one.wire_bytes for one in found))
        table.add_row(kind, of, least + count, least + sent)
    table.add_row("together", "", "", gib(plan.collective_bytes))
    table.add_row("weights and gradients need", "", "", gib(plan.least_bytes))
    if plan.slices > 1:
        table.add_row("between slices", "", "", gib(plan.between_slices))
        table.add_row("of which they need", "", "", gib(plan.least_between_slices))
    return table
