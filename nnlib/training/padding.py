"""Whether a short last batch may be filled up and masked: only where no result can tell."""

from typing import Any

from nnlib.core.rows import is_ours, keeps_rows_apart
from nnlib.losses.alignment import is_across_rows
from nnlib.metrics import Metric

__all__ = ["counts_by_row", "keeps_rows_apart"]


def counts_by_row(function: Any) -> bool:
    """Whether a loss or metric is one of nnlib's, which leave masked rows out exactly."""
    inner = getattr(function, "fn", type(function))
    if isinstance(function, Metric) and is_across_rows(inner):
        return False  # a mean over batches of what looks at the batch as a whole
    return is_ours(type(function)) and is_ours(inner)
