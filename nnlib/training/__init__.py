"""Training: compile, fit, evaluate, predict, and the pure steps behind them."""

from nnlib.training.api import evaluate, fit, predict, reset_metrics, train_on_batch
from nnlib.training.batch import Batch
from nnlib.training.callback import Callback, CallbackList
from nnlib.training.compiled import Compiled
from nnlib.training.find_nonfinite import find_nonfinite
from nnlib.training.history import History
from nnlib.training.position import Position
from nnlib.training.progress import ProgbarLogger
from nnlib.training.state import TrainState
from nnlib.training.trainer import Trainer

__all__ = [
    "Batch",
    "Callback",
    "CallbackList",
    "Compiled",
    "History",
    "Position",
    "ProgbarLogger",
    "TrainState",
    "Trainer",
    "evaluate",
    "find_nonfinite",
    "fit",
    "predict",
    "reset_metrics",
    "train_on_batch",
]
