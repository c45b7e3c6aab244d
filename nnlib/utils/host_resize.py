"""Images scaled on the host: each may have a size of its own, so nothing is compiled for it."""

from collections.abc import Callable

import numpy as np


def resize_on_host(image: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """`rows @ image @ columns` with two matrices of weights; pixel centres are at halves.

    Args:
        image: (height, width, channels), float32.
        size: new height and width.
        interpolation: a name of INTERPOLATIONS.

    Returns:
        (*size, channels), float32.

    >>> resize_on_host(np.array([[[0.0], [4.0]]], "float32"), (1, 4), "bilinear").ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]

    Source: Keys, "Cubic convolution interpolation", 1981; Duchon, "Lanczos filtering", 1979;
    Mitchell and Netravali, "Reconstruction filters in computer graphics", 1988.
    """
    rows = INTERPOLATIONS[interpolation](image.shape[0], size[0])
    columns = INTERPOLATIONS[interpolation](image.shape[1], size[1])
    tall = np.tensordot(rows, image, axes=(1, 0))
    return np.einsum("hwc,vw->hvc", tall, columns).astype(np.float32)


def _sampled(kernel: Callable[[np.ndarray], np.ndarray]) -> Callable[[int, int], np.ndarray]:
    """(old, new) -> weights (new, old): a kernel around the place of each new pixel."""

    def weights(old: int, new: int) -> np.ndarray:
        centres = (np.arange(new) + 0.5) * old / new - 0.5
        table = kernel(np.abs(centres[:, None] - np.arange(old)))
        total = table.sum(1, keepdims=True)
        return np.divide(table, total, out=np.zeros_like(table), where=np.abs(total) > 1e-6)

    return weights


def _nearest(old: int, new: int) -> np.ndarray:
    places = np.floor((np.arange(new) + 0.5) * old / new).astype(int)
    return np.eye(old)[places]


def _area(old: int, new: int) -> np.ndarray:
    """Means over the boxes that new pixels cover."""
    edges = np.arange(new + 1) * old / new
    pixels = np.arange(old)
    cover = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.maximum(cover, 0) * new / old


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - x)


def _cubic(b: float, c: float) -> Callable[[np.ndarray], np.ndarray]:
    """The family of Mitchell and Netravali; b = 0 and c = 1/2 is Keys' cubic."""

    def kernel(x: np.ndarray) -> np.ndarray:
        near = (12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b
        far = (-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2
        far += (-12 * b - 48 * c) * x + 8 * b + 24 * c
        return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6

    return kernel


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _gaussian(x: np.ndarray) -> np.ndarray:
    return np.where(x < 1.5, np.exp(-2 * x**2), 0)


INTERPOLATIONS: dict[str, Callable[[int, int], np.ndarray]] = {
    "bilinear": _sampled(_triangle),
    "nearest": _nearest,
    "bicubic": _sampled(_cubic(0, 0.5)),
    "area": _area,
    "lanczos3": _sampled(_lanczos(3)),
    "lanczos5": _sampled(_lanczos(5)),
    "gaussian": _sampled(_gaussian),
    "mitchellcubic": _sampled(_cubic(1 / 3, 1 / 3)),
}


def crop_to_aspect(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The largest window in the middle with the aspect ratio of `size`."""
    height, width = image.shape[:2]
    tall = max(min(height, width * size[0] // size[1]), 1)
    wide = max(min(width, height * size[1] // size[0]), 1)
    top, left = (height - tall) // 2, (width - wide) // 2
    return image[top : top + tall, left : left + wide]


def pad_to_aspect(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The image with equal black borders on two sides, to the aspect ratio of `size`."""
    height, width = image.shape[:2]
    top = (max(height, width * size[0] // size[1]) - height) // 2
    left = (max(width, height * size[1] // size[0]) - width) // 2
    return np.pad(image, ((top, top), (left, left), (0, 0)))
