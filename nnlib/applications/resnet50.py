"""ResNet50 alone, where Keras has it too."""

from nnlib.applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
