"""A plan as a picture."""

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlib.core.errors import MissingExtraError

from .memory import gib

if TYPE_CHECKING:
    from .plan import Plan


def draw(plan: "Plan", path: str | os.PathLike[str] | None) -> Any:
    """Draw the memory of a device, and the bytes that it sends.

    Args:
        plan: what was found.
        path: a file to write the picture to; None only draws it.

    Returns:
        Matplotlib's figure.

    Raises:
        MissingExtraError: without Matplotlib.
    """
    try:
        figure_class = importlib.import_module("matplotlib.figure").Figure
    except ImportError as error:
        raise MissingExtraError(
            "plan: expected Matplotlib to be installed, got no module matplotlib. "
            "Run: pip install 'nnlib[plot]'."
        ) from error
    # A figure of its own, without pyplot: nothing to close, and no display is needed.
    figure = figure_class(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _memory(left, plan)
    _traffic(right, plan)
    figure.suptitle(f"{plan.target}: {plan.devices} devices, {plan.batch_size} rows a step")
    if path is not None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target)
    return figure


def _memory(axes: Any, plan: "Plan") -> None:
    memory, start = plan.memory, 0
    parts = {
        "weights": memory.weights,
        "optimizer": memory.optimizer,
        "batch": memory.batch,
        "activations, gradients, program": memory.temporary,
    }
    for name, size in parts.items():
        axes.bar([0], [size], bottom=start, width=0.5, label=f"{name}: {gib(size)}")
        start += size
    axes.set(xticks=[], xlim=(-0.3, 2.4), ylabel="bytes on a device")
    axes.set_title(f"{gib(memory.needed)} of {gib(plan.facts.memory)}")
    axes.legend(fontsize="small", loc="center right")


def _traffic(axes: Any, plan: "Plan") -> None:
    sent: dict[str, float] = {}
    for one in plan.collectives:
        name = f"{one.kind}, between slices" if one.between_slices else one.kind
        sent[name] = sent.get(name, 0.0) + one.wire_bytes
    bars = [*sent.items(), ("weights and gradients need", plan.least_bytes)]
    if plan.slices > 1:
        bars.append(("of that between slices", plan.least_between_slices))
    colours = ["C1" if "between" in name else "C0" for name, _ in bars]
    axes.barh(range(len(bars)), [size for _, size in bars], color=colours)
    axes.set_yticks(range(len(bars)), [f"{name}\n{gib(size)}" for name, size in bars])
    axes.invert_yaxis()
    axes.set_xlabel("bytes sent by a device in a step")
