"""Models: layers that can be trained."""

from nnlib.models.cloning import clone_model
from nnlib.models.model import Model
from nnlib.models.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model"]
