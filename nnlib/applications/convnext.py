"""ConvNeXt: convolutional blocks made as those of vision transformers are.

>>> import nnlib as nn
>>> model = nn.applications.ConvNeXtTiny(
...     weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg"
... )
>>> model.output_shape
(None, 768)
"""

from collections.abc import Callable
from typing import Any

import jax

from nnlib import initializers, layers
from nnlib.applications.blocks import channels
from nnlib.applications.image_input import channels_last_only, image_input, image_shape
from nnlib.applications.imagenet_utils import decode_predictions
from nnlib.applications.network import GOOGLE, Pretrained, documented, model_of, pooled
from nnlib.applications.pixels import unchanged as preprocess_input
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol
from nnlib.models import Model, Sequential

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "decode_predictions",
    "preprocess_input",
]

EPSILON = 1e-6
"""Of the layer normalisations."""

_HASHES = {
    "Tiny": (
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    "Small": (
        "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
    "Base": (
        "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
    "Large": (
        "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
    "XLarge": (
        "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
}
_ABOUT = """ConvNeXt {}, for channels last.

Images have pixels from 0 to 255: the network begins with its own normalisation, unless
`include_preprocessing=False` or there are not 3 channels.

Source: Liu et al., "A ConvNet for the 2020s", CVPR 2022, arXiv 2201.03545."""


class LayerScale(layers.Layer):
    """`y = gamma * x`, with one trained gamma for each channel.

    Args:
        init_values: that each gamma begins with.
        projection_dim: number of channels.

    >>> import numpy as np
    >>> LayerScale(0.5, 2)(np.ones((1, 2), "float32")).tolist()
    [[0.5, 0.5]]

    Source: Touvron et al., "Going deeper with image transformers", ICCV 2021.
    """

    gamma: jax.Array

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, x: Any) -> None:
        """Declare gamma."""
        start = initializers.Constant(self.init_values)
        self.gamma = self.add_weight((self.projection_dim,), start)

    def call(self, x: jax.Array) -> jax.Array:
        """Scale the channels."""
        return x * self.gamma.reshape((1,) * (x.ndim - 1) + (-1,))


def _layer_norm(name: str | None) -> layers.Layer:
    return layers.LayerNormalization(epsilon=EPSILON, name=name)


def _standardised(x: Symbol, name: str) -> Symbol:
    """Pixels of mean 0 and deviation 1 over ImageNet."""
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    normalization = layers.Normalization(
        mean=[value * 255 for value in mean],
        variance=[(value * 255) ** 2 for value in deviation],
        name=f"{name}_prestem_normalization",
    )
    return normalization(x)


def _smaller(name: str, stage: int, filters: int) -> Sequential:
    """What stands in front of a stage: patches of 4 x 4, later of 2 x 2, become one place."""
    if stage == 0:
        conv = layers.Conv2D(filters, 4, strides=4, name=f"{name}_stem_conv")
        return Sequential([conv, _layer_norm(f"{name}_stem_layernorm")], name=f"{name}_stem")
    index = stage - 1
    conv = layers.Conv2D(filters, 2, strides=2, name=f"{name}_downsampling_conv_{index}")
    norm = _layer_norm(f"{name}_downsampling_layernorm_{index}")
    return Sequential([norm, conv], name=f"{name}_downsampling_block_{index}")


def _block(x: Symbol, name: str) -> Any:
    """A depthwise 7 x 7 convolution and two Dense, added to x."""
    count, y = channels(x), x
    for layer in (
        layers.Conv2D(count, 7, padding="same", groups=count, name=f"{name}_depthwise_conv"),
        _layer_norm(f"{name}_layernorm"),
        layers.Dense(4 * count, name=f"{name}_pointwise_conv_1"),
        layers.Activation("gelu", name=f"{name}_gelu"),
        layers.Dense(count, name=f"{name}_pointwise_conv_2"),
        LayerScale(1e-6, count, name=f"{name}_layer_scale"),
        layers.Activation("linear", name=f"{name}_identity"),
    ):
        y = layer(y)
    return x + y  # type: ignore[operator]


def _classified(request: Request, x: Symbol, name: str) -> Symbol:
    x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
    x = _layer_norm(f"{name}_head_layernorm")(x)
    dense = layers.Dense(
        request.classes, activation=request.classifier_activation, name=f"{name}_head_dense"
    )
    return dense(x)


def _pooled(request: Request, x: Symbol) -> Symbol:
    return _layer_norm(None)(pooled(request, x))


def _convnext(
    size: str, repeats: tuple[int, ...], filters: tuple[int, ...]
) -> Callable[..., Model]:
    title, stem = f"ConvNeXt{size}", f"convnext_{size.lower()}"
    files = Pretrained(f"{GOOGLE}convnext/", f"{stem}.h5", f"{stem}_notop.h5", _HASHES[size])

    def build(
        include_top: bool = True,
        include_preprocessing: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = stem,
    ) -> Model:
        request = Request(
            title,
            include_top,
            weights,
            input_tensor,
            input_shape,
            pooling,
            classes,
            classifier_activation,
            name,
        )
        channels_last_only(request)
        x = image = image_input(request, image_shape(request, fixed_size=bool(include_top)))
        if include_preprocessing and channels(image) == 3:
            x = _standardised(x, name)
        for stage, (count, width) in enumerate(zip(repeats, filters, strict=True)):
            x = _smaller(name, stage, width)(x)
            for block in range(count):
                x = _block(x, f"{name}_stage_{stage}_block_{block}")
        x = _classified(request, x, name) if include_top else _pooled(request, x)
        return model_of(request, image, x, files)

    build.__name__ = build.__qualname__ = title
    return documented(build, _ABOUT.format(size))


_LONG = (3, 3, 27, 3)
ConvNeXtTiny = _convnext("Tiny", (3, 3, 9, 3), (96, 192, 384, 768))
ConvNeXtSmall = _convnext("Small", _LONG, (96, 192, 384, 768))
ConvNeXtBase = _convnext("Base", _LONG, (128, 256, 512, 1024))
ConvNeXtLarge = _convnext("Large", _LONG, (192, 384, 768, 1536))
ConvNeXtXLarge = _convnext("XLarge", _LONG, (256, 512, 1024, 2048))
