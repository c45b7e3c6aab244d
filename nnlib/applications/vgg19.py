"""VGG19.

>>> import nnlib as nn
>>> model = nn.applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3))
>>> model.output_shape
(None, 1, 1, 512)
"""

from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.network import application, kernel_files
from nnlib.applications.pixels import centred_bgr as preprocess_input
from nnlib.applications.request import Request
from nnlib.applications.vgg import ABOUT, vgg
from nnlib.core.symbol import Symbol

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]


def _network(request: Request, x: Symbol) -> Symbol:
    return vgg(request, x, (2, 2, 4, 4, 4))


_FILES = kernel_files(
    "vgg19", "vgg19", "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"
)
VGG19 = application("VGG19", _network, _FILES, ABOUT.format(19))
