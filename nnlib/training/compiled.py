"""What `compile` was given."""

from dataclasses import dataclass
from typing import Any

from nnlib.core.errors import ArgumentError


@dataclass(frozen=True)
class Compiled:
    """The arguments of `compile`."""

    optimizer: Any
    loss: Any = None
    loss_weights: Any = None
    metrics: Any = None
    weighted_metrics: Any = None
    run_eagerly: bool = False
    steps_per_execution: int | None = None
    jit_compile: Any = "auto"
    auto_scale_loss: bool = True

    @property
    def eager(self) -> bool:
        """Whether steps run without being compiled."""
        return self.run_eagerly or self.jit_compile is False

    def check(self, place: str) -> None:
        """Refuse what cannot be meant."""
        steps = self.steps_per_execution
        if steps is not None and not (isinstance(steps, int) and steps > 0):
            raise ArgumentError(
                f"{place}: expected steps_per_execution to be an integer of at least 1, or "
                f"None for the fastest, got {steps!r}."
            )
        if self.jit_compile not in ("auto", True, False, None):
            raise ArgumentError(
                f"{place}: expected jit_compile to be 'auto', True or False, got "
                f"{self.jit_compile!r}."
            )
        if self.run_eagerly and self.jit_compile is True:
            raise ArgumentError(
                f"{place}: expected at most one of run_eagerly=True and jit_compile=True, got both."
            )
