"""Small models that learn from large ones."""

from nnlib.distillation.distiller import Distiller
from nnlib.distillation.losses import DistillationLoss, FeatureDistillation, LogitsDistillation

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]
