"""Keys by path: adding a layer changes the random numbers of no other layer."""

import hashlib
import random as python_random
from typing import Any

import jax
import numpy as np

from nnlib.core.errors import ArgumentError

Key = Any  # a typed PRNG key: jax.random.key(0)


def fold(key: Key, *names: object) -> Key:
    """A key for a path: `fold(key, "encoder", "dense", "kernel")`.

    The names are hashed, so the key depends on the path alone and not on what else exists.
    Source: the idea is Penzai's (`derive_param_key`).
    """
    digest = hashlib.sha1("/".join(map(str, names)).encode()).digest()
    return jax.random.fold_in(key, int.from_bytes(digest[:4], "big"))


class SeedSequence:
    """The process-wide source of keys for the eager facade; pure code never reads it."""

    def __init__(self, seed: int = 0):
        self.seed, self.draws = seed, 0

    def restart(self, seed: int) -> None:
        """Begin again from `seed`."""
        self.seed, self.draws = seed, 0

    def next_key(self) -> Key:
        """A fresh key; the n-th one after a restart is always the same."""
        with jax.ensure_compile_time_eval():
            key = jax.random.fold_in(jax.random.key(self.seed), self.draws)
        self.draws += 1
        return key


facade_keys = SeedSequence()


def set_random_seed(seed: int) -> None:
    """Seed everything that draws without an explicit key: Python, NumPy and nnlib's facade.

    Args:
        seed: an integer from 0 to 2**32 - 1.

    Raises:
        ArgumentError: for anything else.

    >>> import nnlib as nn, numpy as np
    >>> def fresh_kernel():
    ...     nn.utils.set_random_seed(7)
    ...     layer = nn.layers.Dense(3)
    ...     layer(np.ones((1, 2), "float32"))
    ...     return layer.kernel
    >>> bool((fresh_kernel() == fresh_kernel()).all())
    True
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ArgumentError(
            f"set_random_seed: expected an integer from 0 to 2**32 - 1, got {seed!r}."
        )
    python_random.seed(seed)
    np.random.seed(seed)
    facade_keys.restart(seed)
