"""What one step is given."""

from typing import Any, NamedTuple

import jax

from nnlib.core.errors import DataError


class Batch(NamedTuple):
    """Inputs, targets and weights of one step; x and y may be lists or dicts of arrays."""

    x: Any
    y: Any = None
    sample_weight: Any = None
    """(batch,) or (batch, ...): how much each loss value counts."""
    row_mask: jax.Array | None = None
    """(batch,) of 1 and 0: rows of 0 only fill up the last batch and do not count at all."""

    def plain(self) -> tuple[Any, ...]:
        """(x, y) or (x, y, sample_weight): what a step written by a user is given."""
        return self[:2] if self.sample_weight is None else self[:3]


def as_batch(data: Any) -> Batch:
    """A Batch from `(x,)`, `(x, y)`, `(x, y, sample_weight)`, a Batch, or inputs alone."""
    if isinstance(data, Batch):
        return data
    if not isinstance(data, tuple):
        return Batch(data)
    if len(data) > 4:
        raise DataError(f"train_step: expected (x, y, sample_weight), got {len(data)} things.")
    return Batch(*data)


def row_count(tree: Any) -> int:
    """The size of the batch axis."""
    return int(jax.tree.leaves(tree)[0].shape[0])
