"""What the MobileNets share: width multipliers, and weights for several sizes of images."""

import warnings
from typing import Any

from nnlib.applications.image_input import Shape, image_shape, size_of
from nnlib.applications.request import Request


def check_alpha(request: Request, alpha: Any, trained: tuple[float, ...]) -> None:
    """Refuse a width multiplier that is none, or for which there are no official weights."""
    number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
    if not number or not alpha > 0:
        raise request.refusal("alpha to be a number above 0", alpha)
    if request.pretrained and alpha not in trained:
        raise request.refusal(
            f"alpha among {', '.join(map(str, trained))} with weights='imagenet'", alpha
        )


def sized_shape(request: Request, sizes: tuple[int, ...], default_size: int = 224) -> Shape:
    """The shape of one image, which may have any of the sizes that there are weights for."""
    given = request.input_shape
    if isinstance(given, tuple | list) and len(given) == 3:
        rows, columns = size_of(tuple(given))
        default_size = rows if rows == columns and rows in sizes else default_size
    return image_shape(request, bool(request.include_top), default_size)


def trained_size(request: Request, shape: Shape, sizes: tuple[int, ...]) -> int | None:
    """The size of the images whose official weights fit best: the own one, else 224."""
    rows, columns = size_of(shape)
    if not request.pretrained or (rows == columns and rows in sizes):
        return rows
    warnings.warn(
        f"{request.place}: there are weights for square images of {', '.join(map(str, sizes))} "
        f"pixels, got input_shape={request.input_shape}. Those for 224 are loaded.",
        stacklevel=3,
    )
    return 224
