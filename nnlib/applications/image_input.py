"""Where an application begins: the shape of its images, and the symbols it is made from."""

import warnings
from typing import Any

from nnlib.applications.request import Request
from nnlib.core.settings import image_data_format
from nnlib.core.symbol import Symbol
from nnlib.layers.input_layer import Input, InputLayer

Shape = tuple[int | None, ...]


def image_input(request: Request, shape: Shape) -> Symbol:
    """The symbol of the images: a new Input of this shape, or the one that was given."""
    given = request.input_tensor
    if given is None:
        return Input(shape)
    if given.ndim != 4:
        raise request.refusal("input_tensor with the axes of a batch of images", given)
    own = given.shape[1:]
    _check_size(request, own)
    if request.pretrained:
        _check_channels(request, own)
    wanted = tuple(request.input_shape or (None,) * 3)
    if any(None not in pair and pair[0] != pair[1] for pair in zip(wanted, own, strict=False)):
        raise request.refusal(
            f"input_shape to be that of input_tensor, {own}", request.input_shape, "Leave it out."
        )
    return given


def source_inputs(symbol: Symbol) -> Any:
    """The Input that a symbol follows from, or a list of them."""
    found: dict[Symbol, None] = {}
    stack, seen = [symbol], {symbol}
    while stack:
        current = stack.pop()
        if isinstance(current.node.layer, InputLayer):
            found[current] = None
        new = [before for before in reversed(current.node.inputs) if before not in seen]
        seen.update(new)
        stack += new
    sources = list(found)
    return sources[0] if len(sources) == 1 else sources


def image_shape(request: Request, fixed_size: bool, default_size: int | None = None) -> Shape:
    """The shape of one image, None where it is free.

    Args:
        request: with input_shape, which may be None.
        fixed_size: whether the classifier on top needs to know height and width.
        default_size: height and width if none are given; that of the request if None.
    """
    size = default_size or request.default_size
    given = None if request.input_shape is None else _checked(request)
    default = _shape(size, size, 3 if given is None or request.pretrained else channels_of(given))
    if request.pretrained and fixed_size:
        if given not in (None, default):
            raise request.refusal(
                f"input_shape={default} with weights='imagenet' and include_top=True",
                given,
                "Resize the images, or pass include_top=False or an input_tensor.",
            )
        return default
    if given is None:
        return default if fixed_size else _shape(None, None, 3)
    _check_size(request, given)
    if fixed_size and None in given:
        raise request.refusal("an input_shape without None with include_top=True", given)
    return given


def size_of(shape: Shape) -> tuple[int | None, int | None]:
    """Height and width of an image."""
    first = 1 if image_data_format() == "channels_first" else 0
    return shape[first], shape[first + 1]


def channels_of(shape: Shape) -> int | None:
    """The number of channels of an image."""
    return shape[0 if image_data_format() == "channels_first" else 2]


def channels_last_only(request: Request) -> None:
    """Refuse the other layout: the network is defined for channels last alone."""
    if image_data_format() == "channels_first":
        raise request.refusal(
            "nnlib.config.image_data_format() to be 'channels_last' for this network",
            "channels_first",
            "Call nnlib.config.set_image_data_format('channels_last').",
        )


def _checked(request: Request) -> Shape:
    shape = request.input_shape
    sizes = tuple(shape) if isinstance(shape, tuple | list) else ()
    if len(sizes) != 3 or not all(n is None or (isinstance(n, int) and n > 0) for n in sizes):
        raise request.refusal("input_shape to be three sizes above 0, or None", shape)
    _check_channels(request, sizes)
    return sizes


def _check_channels(request: Request, shape: Shape) -> None:
    channels = channels_of(shape)
    if request.pretrained and channels != 3:
        raise request.refusal("3 channels with weights='imagenet'", shape)
    if channels is None:
        raise request.refusal("a known number of channels", shape)
    if channels not in (1, 3):
        warnings.warn(
            f"{request.place}: images have 1 or 3 channels as a rule, got {channels} "
            f"(input_shape={shape}).",
            stacklevel=5,
        )


def _check_size(request: Request, shape: Shape) -> None:
    least = request.least_size
    if any(size is not None and size < least for size in size_of(shape)):
        raise request.refusal(f"images of at least {least} x {least}", shape)


def _shape(height: int | None, width: int | None, channels: int | None) -> Shape:
    if image_data_format() == "channels_first":
        return channels, height, width
    return height, width, channels
