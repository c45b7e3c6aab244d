"""Names that TensorFlow keeps in `tf.distribute.experimental`."""

from .communication_options import CommunicationImplementation, CommunicationOptions
from .input_context import ValueContext
from .multi_worker_mirrored_strategy import MultiWorkerMirroredStrategy
from .tpu_strategy import TPUStrategy

__all__ = [
    "CommunicationImplementation",
    "CommunicationOptions",
    "MultiWorkerMirroredStrategy",
    "TPUStrategy",
    "ValueContext",
]
