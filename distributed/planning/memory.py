"""What a device has to hold in a step, and what to do if it cannot."""

import dataclasses
import math
from dataclasses import dataclass

from ..errors import DoesNotFitError
from .targets import GIB, Facts


@dataclass(frozen=True)
class Memory:
    """Bytes on each device.

    Args:
        weights: trained or not.
        optimizer: its slots.
        batch: of inputs and targets.
        all_weights: the weights of all devices together, each once.
        all_optimizer: the slots, likewise.
        largest: of the weight that takes most where it is used.
        total: what the compiled program needs at once; None before it is compiled.
    """

    weights: int
    optimizer: int
    batch: int
    all_weights: int
    all_optimizer: int
    largest: int = 0
    total: int | None = None

    def with_total(self, total: int) -> "Memory":
        """The same, of a compiled program."""
        return dataclasses.replace(self, total=total)

    @property
    def kept(self) -> int:
        """What is there before the step begins."""
        return self.weights + self.optimizer + self.batch

    @property
    def needed(self) -> int:
        """The largest that is known."""
        return max(self.kept, self.total or 0)

    @property
    def temporary(self) -> int:
        """Activations, gradients and the program itself."""
        return self.needed - self.kept


def gib(size: float) -> str:
    """A number of bytes, for people."""
    for unit, name in ((GIB, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.2f} {name}"
    return f"{size:.0f} B"


def check_fits(memory: Memory, facts: Facts, devices: int, rows: int, target: str) -> None:
    """Refuse what is too large.

    Raises:
        DoesNotFitError: with a remedy.
    """
    if memory.needed <= facts.memory:
        return
    raise DoesNotFitError(
        f"plan: expected at most {gib(facts.memory)} on each device of {target}, got "
        f"{gib(memory.needed)}: weights {gib(memory.weights)}, optimizer "
        f"{gib(memory.optimizer)}, batch {gib(memory.batch)}, activations and gradients "
        f"{gib(memory.temporary) if memory.total else 'not counted'}. "
        f"{_remedy(memory, facts, devices, rows)}"
    )


def _remedy(memory: Memory, facts: Facts, devices: int, rows: int) -> str:
    state, all_state = memory.weights + memory.optimizer, memory.all_weights + memory.all_optimizer
    room = 0.8 * facts.memory  # the rest is for activations
    if 2 * memory.largest > room:  # with its gradient
        return (
            f"A weight takes {gib(memory.largest)} where it is used: cut it over a second axis of "
            'the mesh by a rule, as in ShardedStrategy({"data": ..., "model": ...}, '
            '{"out": "model"}).'
        )
    if state > 0.5 * facts.memory:
        if all_state / devices <= room and all_state / devices < 0.9 * state:
            return (
                f"Cut weights and optimizer over the devices: with ShardedStrategy() they are "
                f"{gib(all_state / devices)} on each."
            )
        return (
            f"Weights and optimizer are {gib(all_state)} together: take at least "
            f"{math.ceil(all_state / room)} such devices with ShardedStrategy(), or an optimizer "
            "with fewer slots."
        )
    free = facts.memory - state
    fewer = int(rows * free / max(1, memory.needed - state))
    smaller = (
        f"Take a batch of about {fewer} rows instead of {rows} "
        "(gradient_accumulation_steps= of the optimizer makes up for it), make"
        if fewer
        else "Make"
    )
    return (
        f"{smaller} activations again with ShardedStrategy(remat=...), or compute in "
        "mixed_bfloat16."
    )
