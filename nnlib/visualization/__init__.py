"""Pictures of data."""

from nnlib.visualization.image_gallery import plot_image_gallery

__all__ = ["plot_image_gallery"]
