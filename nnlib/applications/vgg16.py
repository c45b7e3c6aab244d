"""VGG16.

>>> import nnlib as nn
>>> model = nn.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
>>> model.output_shape
(None, 1, 1, 512)
"""

from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.network import application, kernel_files
from nnlib.applications.pixels import centred_bgr as preprocess_input
from nnlib.applications.request import Request
from nnlib.applications.vgg import ABOUT, vgg
from nnlib.core.symbol import Symbol

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]


def _network(request: Request, x: Symbol) -> Symbol:
    return vgg(request, x, (2, 2, 3, 3, 3))


_FILES = kernel_files(
    "vgg16", "vgg16", "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"
)
VGG16 = application("VGG16", _network, _FILES, ABOUT.format(16))
