"""Callbacks: what happens at the edges of training."""

from nnlib.callbacks.backup_and_restore import BackupAndRestore
from nnlib.callbacks.model_checkpoint import ModelCheckpoint
from nnlib.training.callback import Callback, CallbackList
from nnlib.training.history import History
from nnlib.training.progress import ProgbarLogger

__all__ = [
    "BackupAndRestore",
    "Callback",
    "CallbackList",
    "History",
    "ModelCheckpoint",
    "ProgbarLogger",
]
