"""Saving: models and weights in files, checkpoints of training, objects as plain data."""

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
from nnlib.saving.feature_cache import cached_features
from nnlib.saving.keras_config import model_from_json
from nnlib.saving.model_files import load_model, save_model
from nnlib.saving.saved_model import SavedModel, SavedSignature, load_saved_model
from nnlib.saving.signature import Signature
from nnlib.saving.weights_files import load_weights, save_weights

__all__ = [
    "Checkpoint",
    "CheckpointManager",
    "CustomObjectScope",
    "RestoreStatus",
    "SavedModel",
    "SavedSignature",
    "Signature",
    "cached_features",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "latest_checkpoint",
    "load_model",
    "load_saved_model",
    "load_weights",
    "model_from_json",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
