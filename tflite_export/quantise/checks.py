"""Samples with the function's results, to compare files with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ..quick_compile import quick_jit
from ..trace import Traced

_EXAMPLES = 64  # to compare on: enough to tell sound from broken
_LEAST_SAMPLES = 3


@dataclass(frozen=True)
class Check:
    """A sample, and what the function makes of it.

    Args:
        inputs: one array for each input.
        outputs: one array for each output.
    """

    inputs: list[np.ndarray]
    outputs: list[np.ndarray]


def spread(samples: Sequence[list[np.ndarray]]) -> list[int]:
    """Numbers of samples to compare on: the first, the last, and some at equal distances."""
    if not samples:
        return []
    rows = len(samples[0][0]) if samples[0] and samples[0][0].ndim else 1
    count = min(len(samples), max(_LEAST_SAMPLES, _EXAMPLES // rows))
    return np.linspace(0, len(samples) - 1, count).round().astype(int).tolist()


def checks_of(
    fn: Callable[..., Any], traced: Traced, samples: Sequence[list[np.ndarray]]
) -> list[Check]:
    """Run a function on samples.

    Args:
        fn: the function.
        traced: what the export traced it to.
        samples: one list of arrays for each, in the order of the inputs.

    Returns:
        Samples with results.
    """
    call, checks = quick_jit(fn), []
    for sample in samples:
        results = call(*jax.tree_util.tree_unflatten(traced.tree, sample))
        leaves = jax.tree_util.tree_leaves(results)
        checks.append(Check(sample, [np.asarray(leaf) for leaf in leaves]))
    return checks
