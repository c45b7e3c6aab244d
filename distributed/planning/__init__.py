"""See before you run: what a training does on its devices, compiled ahead of time."""

from .plan import Plan, plan

__all__ = ["Plan", "plan"]
