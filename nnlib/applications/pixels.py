"""`preprocess_input` of each kind of network."""

from typing import Any

from nnlib.applications.imagenet_utils import preprocess_input


def centred_bgr(x: Any, data_format: str | None = None) -> Any:
    """Pixels from 0 to 255 in the order BGR, less the means of ImageNet; x stays as it is.

    Args:
        x: images in RGB, an array or a symbol, (height, width, 3) or with a batch axis in front.
        data_format: "channels_last" or "channels_first"; None for the global setting.
    """
    return preprocess_input(x, data_format, "caffe")


def from_minus_one_to_one(x: Any, data_format: str | None = None) -> Any:
    """Pixels from 0 to 255 as `x / 127.5 - 1`; x stays as it is.

    Args:
        x: images, an array or a symbol.
        data_format: "channels_last", "channels_first" or None: the same here.
    """
    return preprocess_input(x, data_format, "tf")


def standardised(x: Any, data_format: str | None = None) -> Any:
    """Pixels from 0 to 255 with mean 0 and deviation 1 over ImageNet; x stays as it is.

    Args:
        x: images in RGB, an array or a symbol, (height, width, 3) or with a batch axis in front.
        data_format: "channels_last" or "channels_first"; None for the global setting.
    """
    return preprocess_input(x, data_format, "torch")


def unchanged(x: Any, data_format: str | None = None) -> Any:
    """The pixels themselves, from 0 to 255: the network begins with its own rescaling.

    Args:
        x: images.
        data_format: of no effect.
    """
    return x
