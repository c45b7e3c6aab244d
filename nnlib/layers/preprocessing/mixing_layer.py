"""The base of layers that mix each image with another one of the batch, and their labels too."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ShapeError
from nnlib.core.specs import concrete_dims
from nnlib.layers.checks import place_of
from nnlib.layers.preprocessing.image_layer import ImageLayer


class MixingLayer(ImageLayer):
    """Labels are `weight * label + (1 - weight) * other`."""

    mixes_rows = True

    def transform_labels(self, labels: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        if labels.ndim != 2:
            raise ShapeError(
                f"{place_of(self)}: expected labels of shape (batch, classes) to mix, got "
                f"{concrete_dims(labels.shape)}. Make them one-hot: utils.to_categorical."
            )
        labels = labels.astype(jnp.promote_types(labels.dtype, self.compute_dtype))
        weight = drawn["mix_weight"].reshape((-1, 1)).astype(labels.dtype)
        return weight * labels + (1 - weight) * labels[drawn["permutation_order"]]


def shuffled(key: Any, count: Any) -> jax.Array:
    """The numbers below `count` in a random order; the count may be symbolic."""
    return jnp.argsort(jax.random.bits(key, (count,)))
