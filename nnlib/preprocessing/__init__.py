"""Data before it comes to a model, under the names of Keras."""

from nnlib.preprocessing import image

__all__ = ["image"]
