"""Saving: checkpoints of training."""

from nnlib.saving.checkpoint import Checkpoint, RestoreStatus, latest_checkpoint
from nnlib.saving.checkpoint_manager import CheckpointManager

__all__ = ["Checkpoint", "CheckpointManager", "RestoreStatus", "latest_checkpoint"]
