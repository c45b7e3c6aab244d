"""Names that TensorFlow keeps in `tf.distribute.experimental`."""

from .communication_options import CommunicationImplementation, CommunicationOptions
from .input_context import ValueContext

__all__ = ["CommunicationImplementation", "CommunicationOptions", "ValueContext"]
