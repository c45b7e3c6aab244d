"""What may be given as `seed`: an integer, a SeedGenerator, a key, or nothing."""

import random as python_random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.compat import is_traced
from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError, RandomKeyError
from nnlib.core.frame import current_frame
from nnlib.core.random import facade_keys

WORD = 0xFFFFFFFF


class SeedGenerator(Configurable):
    """A seed of which every draw is another: `seed=generator` instead of `seed=7`.

    Outside of `call` it counts its draws. Inside `call`, where nothing may be counted, the keys
    come from the call's own (`apply(..., rng=key)`, or that of the training step), mixed with the
    seed, so draws differ from step to step and a run can be repeated.

    Args:
        seed: an integer; None for one from Python's `random`, which `set_random_seed` seeds.
        name: for logs.

    Raises:
        ArgumentError: for a seed that is no integer.
        RandomKeyError: in jit, vmap or scan outside of `call`: the draw would become a constant.

    >>> import nnlib as nn
    >>> generator = nn.random.SeedGenerator(7)
    >>> first, second = (nn.random.normal((2,), seed=generator) for _ in range(2))
    >>> bool((first == second).any())
    False
    >>> bool((first == nn.random.normal((2,), seed=7)).all())
    True
    """

    __module__ = "nnlib.random"

    def __init__(self, seed: int | None = None, name: str | None = None):
        if seed is not None and not _is_int(seed):
            raise ArgumentError(
                f"SeedGenerator: expected seed to be an integer or None, got {seed!r}."
            )
        self.name = name or "seed_generator"
        self.seed = seed
        start = python_random.randint(1, int(1e9)) if seed is None else int(seed)
        self._state = (start & WORD, 0)

    @property
    def state(self) -> np.ndarray:
        """Seed and number of draws so far, two uint32."""
        return np.array(self._state, np.uint32)

    def next(self, ordered: bool = True) -> Any:
        """The key of the next draw.

        Args:
            ordered: False for a sequence that looks random itself, with few repetitions.
        """
        frame = current_frame()
        if frame is not None:
            return jax.random.fold_in(frame.draw_key(frame.root), self._state[0])
        if is_traced():
            raise RandomKeyError(
                f"{self.name}: expected a SeedGenerator outside of jit, vmap and scan, got it "
                "inside: every run would draw the same. Pass a key in: seed=jax.random.key(...)."
            )
        seed, draws = self._state
        key = _key((seed, draws))
        self._state = (seed, (draws + 1) & WORD) if ordered else (_mixed(seed), _mixed(draws))
        return key


def key_of(place: str, seed: Any) -> Any:
    """The key to draw with: `seed` itself if it is one, else one made from it.

    None stands for the key of the call in progress, outside of one for the next of the process.

    Raises:
        ArgumentError: for anything else.
        RandomKeyError: for None in jit, vmap or scan outside of `call`.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if _is_int(seed):
        return _key((int(seed) & WORD, 0))
    if isinstance(seed, jax.Array) and (_is_typed_key(seed) or _is_raw_key(seed)):
        return seed
    if seed is not None:
        raise ArgumentError(
            f"{place}: expected seed to be an integer, a SeedGenerator, a jax.random.key or None, "
            f"got {seed!r}."
        )
    frame = current_frame()
    if frame is not None:
        return frame.draw_key(frame.root)
    if is_traced():
        raise RandomKeyError(
            f"{place}: expected a seed inside jit, vmap or scan, got none: every run would draw "
            "the same. Pass a key in: seed=jax.random.key(...)."
        )
    return facade_keys.next_key()


def _key(words: tuple[int, int]) -> Any:
    with jax.ensure_compile_time_eval():
        data = jnp.array(np.array(words, np.uint32))
        return jax.random.wrap_key_data(data, impl="threefry2x32")


def _mixed(word: int) -> int:
    return (word + 1) * 5387 % 933199


def _is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_typed_key(value: jax.Array) -> bool:
    return jnp.issubdtype(value.dtype, jax.dtypes.prng_key) and value.ndim == 0


def _is_raw_key(value: jax.Array) -> bool:
    return value.dtype == jnp.uint32 and value.ndim == 1
