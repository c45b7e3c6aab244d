"""Saving: checkpoints of training, and objects as plain data."""

from nnlib.core.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from nnlib.core.plain_data import deserialize_keras_object, serialize_keras_object
from nnlib.saving.checkpoint import Checkpoint, RestoreStatus, latest_checkpoint
from nnlib.saving.checkpoint_manager import CheckpointManager

__all__ = [
    "Checkpoint",
    "CheckpointManager",
    "CustomObjectScope",
    "RestoreStatus",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "latest_checkpoint",
    "register_keras_serializable",
    "serialize_keras_object",
]
