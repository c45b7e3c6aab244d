"""Masks: which entries of an array are real. They travel beside arrays, never on them.

A mask is a boolean array over the first axes of its array, True where an entry counts. Within a
pure call the frame knows the masks of its arrays. Outside of one a table does, for as long as the
array lives, so that `lstm(embedding(ids))` means the same there.
"""

import functools
import inspect
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import jax

from nnlib.core.frame import current_frame

if TYPE_CHECKING:
    from nnlib.core.layer import Layer

_kept: dict[int, tuple[weakref.ref, Any]] = {}


def mask_of(array: Any) -> Any:
    """The mask of an array that a layer returned, or None."""
    frame = current_frame()
    if frame is not None and id(array) in frame.masks:
        return frame.masks[id(array)][1]
    reference, mask = _kept.get(id(array), (None, None))
    return mask if reference is not None and reference() is array else None


def set_mask(array: Any, mask: Any) -> None:
    """Let `mask` travel with `array` from here on."""
    frame = current_frame()
    if frame is not None:
        frame.masks[id(array)] = (array, mask)  # held, so that no other array gets its id
        return
    key = id(array)
    _kept[key] = (weakref.ref(array, lambda _: _kept.pop(key, None)), mask)


def set_masks(tree: Any, masks: Any) -> None:
    """Give each array of `tree` its mask from `masks`, which has the same structure or is None."""
    found = jax.tree.leaves(masks, is_leaf=lambda mask: mask is None)
    for leaf, mask in zip(jax.tree.leaves(tree), found, strict=False):
        if mask is not None:
            set_mask(leaf, mask)


def masks_of(tree: Any) -> Any:
    """The masks of the arrays of a pytree in its structure; None where there is none at all."""
    masks = jax.tree.map(mask_of, tree)
    return masks if jax.tree.leaves(masks) else None


def flat_masks(tree: Any) -> list[Any]:
    """A mask or None for each array of a pytree."""
    return [mask_of(leaf) for leaf in jax.tree.leaves(tree)]


def same_mask(new: Any, old: Any) -> Any:
    """`new`, with the mask of the array that it was made from."""
    if new is not old and (mask := mask_of(old)) is not None:
        set_mask(new, mask)
    return new


@functools.cache
def call_parameters(cls: Any) -> tuple[str, ...]:
    """The names of the arguments of `call`."""
    return tuple(inspect.signature(cls.call).parameters)[1:]


def with_masks(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """`kwargs`, and the masks of arguments that `call` takes and that were not given.

    `mask` is that of the first argument, `query_mask` that of `query`, and so on.
    """
    names = call_parameters(cls)
    given = dict(zip(names, args, strict=False)) | kwargs
    found = {}
    for number, (name, value) in enumerate(given.items()):
        for wanted in (f"{name}_mask", "mask")[: 2 if number == 0 else 1]:
            free = wanted not in given or (wanted in kwargs and kwargs[wanted] is None)
            if wanted in names and free and (mask := masks_of(value)) is not None:
                found[wanted] = mask
    return kwargs | found


def _takes_masks(cls: Any) -> bool:
    return any(name == "mask" or name.endswith("_mask") for name in call_parameters(cls))


def pass_mask_on(layer: "Layer", place: str, first: Any, previous: Any, out: Any) -> None:
    """Give the outputs the masks that follow from `previous`, the mask of the first argument."""
    if not layer.passes_masks:
        if previous is not None and not _takes_masks(type(layer)):
            warnings.warn(
                f"{place}: expected a layer that knows what to do with masks, got a masked input; "
                "the mask ends here. Set supports_masking = True in the class if it may go on, or "
                "write compute_mask(self, inputs, mask).",
                stacklevel=2,
            )
        return
    leaves = jax.tree.leaves(out)
    if all(mask_of(leaf) is not None for leaf in leaves):
        return  # layers within have said so
    masks = jax.tree.leaves(layer.compute_mask(first, previous), is_leaf=lambda mask: mask is None)
    set_masks(
        leaves,
        [new if mask_of(leaf) is None else None for leaf, new in zip(leaves, masks, strict=False)],
    )
