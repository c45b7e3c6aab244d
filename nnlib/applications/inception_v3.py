"""Inception V3: blocks of parallel branches with windows of several sizes.

>>> import nnlib as nn
>>> model = nn.applications.InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3))
>>> model.output_shape
(None, 1, 1, 2048)
"""

from nnlib.applications.blocks import concatenate
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.inception import Conv, Inception
from nnlib.applications.network import application, classified, kernel_files, pooled
from nnlib.applications.pixels import from_minus_one_to_one as preprocess_input
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

_ABOUT = """Inception V3.

Images go through `inception_v3.preprocess_input`: from -1 to 1.

Source: Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016,
arXiv 1512.00567."""


class _InceptionV3(Inception):
    """The blocks that V3 alone has."""

    def forked(self, x: Symbol, name: str | None, *convs: Conv) -> Symbol:
        """Convolutions, then 1 x 3 and 3 x 1 beside each other."""
        x = self.convs(x, *convs)
        fork = [self.conv(x, 384, (1, 3)), self.conv(x, 384, (3, 1))]
        return concatenate(fork, name)

    def factorised(self, x: Symbol, name: str, width: int) -> Symbol:
        """7 x 7 windows as 1 x 7 and 7 x 1."""
        row, column = (width, (1, 7)), (width, (7, 1))
        once = [(width, 1), row, (192, (7, 1))]
        twice = [(width, 1), column, row, column, (192, (1, 7))]
        return self.same_size(x, name, 192, [[(192, 1)], once, twice])

    def widest(self, x: Symbol, index: int) -> Symbol:
        """The last blocks, at 8 x 8."""
        parts = [
            self.conv(x, 320, 1),
            self.forked(x, f"mixed9_{index}", (384, 1)),
            self.forked(x, None, (448, 1), (384, 3)),
            self.mean_branch(x, 192),
        ]
        return concatenate(parts, f"mixed{9 + index}")


def _network(request: Request, x: Symbol) -> Symbol:
    net = _InceptionV3()
    x = net.stem(x)
    double = [(64, 1), (96, 3), (96, 3)]
    for index, mean in enumerate([32, 64, 64]):
        x = net.same_size(x, f"mixed{index}", mean, [[(64, 1)], [(48, 1), (64, 5)], double])
    x = net.half_size(x, "mixed3", [[(384, 3)], double])
    for index, width in enumerate([128, 160, 160, 192], start=4):
        x = net.factorised(x, f"mixed{index}", width)
    long = [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)]
    x = net.half_size(x, "mixed8", [[(192, 1), (320, 3)], long])
    for index in (0, 1):
        x = net.widest(x, index)
    return classified(request, x) if request.include_top else pooled(request, x)


_FILES = kernel_files(
    "inception_v3",
    "inception_v3",
    "9a0d58056eeedaa3f26cb7ebd46da564",
    "bcbd6486424b2319ff4ef7d526e38f63",
)
InceptionV3 = application(
    "InceptionV3", _network, _FILES, _ABOUT, name="inception_v3", sizes=(299, 75)
)
