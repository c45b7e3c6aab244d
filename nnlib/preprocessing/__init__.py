"""Data before it comes to a model, under the names of Keras."""

from nnlib.preprocessing import image, sequence, text

__all__ = ["image", "sequence", "text"]
