"""Callbacks: what happens at the edges of training."""

from nnlib.callbacks.backup_and_restore import BackupAndRestore
from nnlib.callbacks.csv_logger import CSVLogger
from nnlib.callbacks.early_stopping import EarlyStopping
from nnlib.callbacks.lambda_callback import LambdaCallback
from nnlib.callbacks.learning_rate_scheduler import LearningRateScheduler
from nnlib.callbacks.model_checkpoint import ModelCheckpoint
from nnlib.callbacks.orbax_checkpoint import OrbaxCheckpoint
from nnlib.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from nnlib.callbacks.remote_monitor import RemoteMonitor
from nnlib.callbacks.swap_ema_weights import SwapEMAWeights
from nnlib.callbacks.tensorboard import TensorBoard
from nnlib.callbacks.terminate_on_nan import TerminateOnNaN
from nnlib.training.callback import Callback, CallbackList
from nnlib.training.history import History
from nnlib.training.progress import ProgbarLogger

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
