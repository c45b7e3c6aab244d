"""MixUp: each image blended with another one."""

from typing import Any

import jax

from nnlib.layers.checks import positive_number
from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.color_layer import per_image
from nnlib.layers.preprocessing.draws import symmetric_beta
from nnlib.layers.preprocessing.mixing_layer import MixingLayer, shuffled


class MixUp(MixingLayer):
    """`weight * x + (1 - weight) * other` for images, labels and masks alike, while training.

    Args:
        alpha: of the distribution Beta(alpha, alpha) of the weights, above 0.
        data_format: "channels_last" or "channels_first"; None for the global setting.
        seed: an integer mixed into the key of the call; draws still differ from step to step.

    Input shape:
        (batch, height, width, channels), or a dict with labels of shape (batch, classes).

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> data = {"images": jnp.ones((4, 6, 6, 3)), "labels": jnp.eye(4)}
    >>> nn.layers.MixUp()(data)["labels"].sum(-1).round(4).tolist()
    [1.0, 1.0, 1.0, 1.0]

    Source: Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        self.alpha = positive_number("MixUp", "alpha", alpha)
        self.seed = checked_seed("MixUp", seed)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        for_weight, for_order = jax.random.split(key)
        count = images.shape[0]
        return {
            "mix_weight": symmetric_beta(for_weight, self.alpha, count),
            "permutation_order": shuffled(for_order, count),
        }

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        weight = per_image(drawn["mix_weight"], images)
        return weight * images + (1 - weight) * images[drawn["permutation_order"]]

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self.transform_images(masks.astype(self.compute_dtype), drawn)
