"""What all layers over images share: batches or single ones, axis orders, labels and masks."""

import functools
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import concrete_dims
from nnlib.layers.checks import place_of
from nnlib.layers.dropout import seeded
from nnlib.layers.spatial import checked_data_format

_PARTS = ("images", "labels", "segmentation_masks")


class ImageLayer(Layer):
    """Base of layers over images: subclasses see batches with the channels last.

    A subclass draws its parameters in `draw` and applies them in `transform_images`,
    `transform_labels` and `transform_segmentation_masks`. Called directly, without `training=`, it
    augments: such layers serve in pipelines of data. Inside a model, `fit` augments and `evaluate`
    and `predict` do not.

    Args:
        data_format: "channels_last" or "channels_first"; None for the global setting.
        bounding_box_format: only None: boxes are not moved along.

    Call arguments:
        data: images, or a dict of "images", "labels" and "segmentation_masks".
        training: whether images are changed at random.
        key: a `jax.random.key` to draw with, needed inside vmap or scan.
    """

    applies_always: ClassVar[bool] = False
    """Whether images are changed in inference too."""
    draws: ClassVar[bool] = True
    keeps_dtype: ClassVar[bool] = False
    """Whether integers stay integers; else they become floats of the compute dtype."""
    data_format: str
    seed: int | None = None

    def __init__(
        self, data_format: str | None = None, bounding_box_format: Any = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        own = type(self).__name__
        self.data_format = checked_data_format(own, data_format)
        if bounding_box_format is not None:
            raise ArgumentError(
                f"{own}: expected no bounding_box_format, got {bounding_box_format!r}. nnlib does "
                "not move bounding boxes along with images; leave them out."
            )

    # What subclasses write ---------------------------------------------------------------------

    def draw(self, key: Any, images: jax.Array) -> dict[str, Any]:
        """The parameters of this call for (batch, height, width, channels) of images.

        The key is None in inference, and for layers that draw nothing.
        """
        return {}

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        """The new images, (batch, height, width, channels)."""
        raise NotImplementedError(f"{type(self).__name__}: expected transform_images, got none.")

    def transform_labels(self, labels: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        """The new labels, (batch, ...)."""
        return labels

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        """The new masks, (batch, height, width, channels)."""
        return masks

    # The call ----------------------------------------------------------------------------------

    def call(self, data: Any, training: bool = True, key: Any = None) -> Any:
        given = data if isinstance(data, dict) else {"images": data}
        self._check(given)
        single = given["images"].ndim == 3
        parts = {n: self._inwards(n, given[n], single) for n in _PARTS if n in given}
        if training or self.applies_always:
            drawing = training and self.draws
            parts = _transformed(self, parts, self.key_of_call(key) if drawing else None)
        parts = {n: self._outwards(n, part, single) for n, part in parts.items()}
        return {**data, **parts} if isinstance(data, dict) else parts["images"]

    def key_of_call(self, key: Any) -> Any:
        """The key that was given or else one of its own, with the layer's seed in it."""
        return seeded(self.next_key() if key is None else key, self.seed)

    def _inwards(self, name: str, part: Any, single: bool) -> jax.Array:
        part = jnp.asarray(part)
        part = part[None] if single else part
        if name != "labels" and self.data_format == "channels_first":
            part = jnp.moveaxis(part, 1, -1)
        cast = name == "images" and not self.keeps_dtype
        return part.astype(self.compute_dtype) if cast else part

    def _outwards(self, name: str, part: jax.Array, single: bool) -> jax.Array:
        if name == "images" and not self.keeps_dtype:
            part = part.astype(self.compute_dtype)
        if name != "labels" and self.data_format == "channels_first":
            part = jnp.moveaxis(part, -1, 1)
        return part[0] if single else part

    def _check(self, given: dict[str, Any]) -> None:
        if "bounding_boxes" in given:
            raise ArgumentError(
                f"{place_of(self)}: expected images, labels and segmentation masks, got bounding "
                "boxes too. nnlib does not move them along with images; leave them out."
            )
        if "images" not in given:
            raise ArgumentError(
                f"{place_of(self)}: expected an array or a dict with 'images', got a dict of "
                f"{sorted(given)}."
            )
        rank = len(given["images"].shape)
        for name in ("images", "segmentation_masks"):
            shape = given[name].shape if name in given else given["images"].shape
            if rank not in (3, 4) or len(shape) != rank:
                raise ShapeError(
                    f"{place_of(self)}: expected {name} with {rank if rank in (3, 4) else '3 or 4'}"
                    f" axes, got shape {concrete_dims(shape)}. Use (height, width, channels), with "
                    "a batch axis in front if there are several."
                )

    def check_channels(self, images: jax.Array, *allowed: int) -> None:
        """Raise a ShapeError unless the images, channels last, have so many channels."""
        if images.shape[-1] not in allowed:
            counts = " or ".join(map(str, allowed))
            raise ShapeError(
                f"{place_of(self)}: expected images of {counts} channels, got {images.shape[-1]}. "
                f"Its data_format is {self.data_format!r}."
            )

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`, with the data format spelled out."""
        config = super().get_config()
        return config | ({"data_format": self.data_format} if "data_format" in config else {})


@functools.partial(jax.jit, static_argnums=0)
def _transformed(layer: ImageLayer, parts: dict[str, Any], key: Any) -> dict[str, Any]:
    """All parts, by the same parameters. Compiled, since pipelines of data call it on arrays."""
    drawn = layer.draw(key, parts["images"])
    transforms = {
        "images": layer.transform_images,
        "labels": layer.transform_labels,
        "segmentation_masks": layer.transform_segmentation_masks,
    }
    return {name: transforms[name](part, drawn) for name, part in parts.items()}
