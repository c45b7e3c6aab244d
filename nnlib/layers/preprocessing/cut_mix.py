"""CutMix: a window of each image from another one."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.layers.dropout import checked_seed
from nnlib.layers.preprocessing.arguments import factor_range
from nnlib.layers.preprocessing.draws import symmetric_beta, uniform, windows
from nnlib.layers.preprocessing.mixing_layer import MixingLayer, shuffled


class CutMix(MixingLayer):
    """A window of each image replaced by that of another image of the batch, while training.

    Labels are mixed by area: `weight * label + (1 - weight) * other`. Single images stay as they
    are.

    Args:
        factor: of the sizes: a number alpha is drawn for the batch, from 0 to f for a number f from
            0 to 1, else from the first to the second of two numbers; the weights then come from
            the distribution Beta(alpha, alpha).
        seed: an integer mixed into the key of the call; draws still differ from step to step.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, height, width, channels), or a dict with labels of shape (batch, classes).

    Output shape:
        The input's.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> data = {"images": jnp.ones((4, 6, 6, 3)), "labels": jnp.eye(4)}
    >>> nn.layers.CutMix()(data)["labels"].sum(-1).round(4).tolist()
    [1.0, 1.0, 1.0, 1.0]

    Source: Yun et al., "CutMix", ICCV 2019.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        self.factor = factor_range("CutMix", "factor", factor, 0, 1)
        self.seed = checked_seed("CutMix", seed)

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        for_alpha, for_weight, for_place, for_order = jax.random.split(key, 4)
        count, height, width = images.shape[:3]
        alpha = uniform(for_alpha, (), self.factor) + 1e-6
        weight = symmetric_beta(for_weight, alpha, count)
        shares = jnp.sqrt(1 - weight)[:, None]
        shares = jnp.concatenate([shares, shares], axis=1)
        return {
            "permutation_order": shuffled(for_order, count),
            "batch_masks": windows(for_place, shares, height, width),
            "mix_weight": weight,
        }

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return jnp.where(drawn["batch_masks"], images[drawn["permutation_order"]], images)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        return self.transform_images(masks, drawn)
