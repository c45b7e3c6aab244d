"""Buckets of integers inside a trace: each is hashed as the string of its decimal digits."""

import jax
import jax.numpy as jnp

from nnlib.ops import farmhash
from nnlib.ops.uint64 import UInt64, where


class Digits:
    """The decimal strings of integers, as a `farmhash.Text`.

    Args:
        x: (n,) integers of 32 bits, or of 64 where x64 is switched on.
    """

    def __init__(self, x: jax.Array):
        negative = x < 0
        unsigned = jnp.uint64 if x.dtype.itemsize > 4 else jnp.uint32
        size = jnp.where(negative, -x, x).astype(unsigned)
        self.places = 20 if unsigned == jnp.uint64 else 10
        powers = jnp.asarray([10**place for place in range(self.places)], unsigned)
        digits = (size[:, None] // powers[None, :]) % jnp.asarray(10, unsigned)
        count = 1 + jnp.sum(size[:, None] >= powers[None, 1:], axis=1, dtype=jnp.int32)
        self.count = count + negative.astype(jnp.int32)
        self.length = UInt64.of(self.count)
        self._bytes = self._written(digits.astype(jnp.uint32), negative)

    def _written(self, digits: jax.Array, negative: jax.Array) -> jax.Array:
        """(n, places + 9) characters from the left, zeros behind the end."""
        position = jnp.arange(self.places + 9)[None, :]
        index = self.count[:, None] - 1 - position
        character = jnp.take_along_axis(digits, jnp.clip(index, 0, self.places - 1), 1) + 48
        character = jnp.where(negative[:, None] & (position == 0), 45, character)
        return jnp.where(index >= 0, character, 0).astype(jnp.uint32)

    def front(self, offset: int, size: int = 8) -> UInt64:
        """See `farmhash.Text`."""
        return self._word(jnp.full_like(self.count, offset), size)

    def back(self, offset: int, size: int = 8) -> UInt64:
        """See `farmhash.Text`."""
        return self._word(self.count - offset, size)

    def middle(self) -> UInt64:
        """See `farmhash.Text`."""
        return self._word(self.count // 2, 1)

    def _word(self, offset: jax.Array, size: int) -> UInt64:
        """Of offsets outside of the string the result is not used."""
        index = jnp.maximum(offset, 0)[:, None] + jnp.arange(size)[None, :]
        chosen = jnp.take_along_axis(self._bytes, index, 1, mode="clip")
        halves = [jnp.zeros(offset.shape, jnp.uint32)] * 2
        for place in range(size):
            halves[place // 4] = halves[place // 4] | (chosen[:, place] << (8 * (place % 4)))
        return UInt64(halves[1], halves[0])


def _fingerprint(text: Digits) -> UInt64:
    result = farmhash.fingerprint_1_to_3(text)
    result = where(text.count >= 4, farmhash.fingerprint_4_to_7(text), result)
    result = where(text.count >= 8, farmhash.fingerprint_8_to_16(text), result)
    if text.places > 16:
        result = where(text.count >= 17, farmhash.fingerprint_17_to_32(text), result)
    return result


def _keyed(text: Digits, key: tuple[int, int]) -> UInt64:
    result = farmhash.siphash(text, key, 0)
    for words in range(1, text.places // 8 + 1):
        result = where(text.count >= 8 * words, farmhash.siphash(text, key, words), result)
    return result


def integer_buckets(x: jax.Array, buckets: int, key: tuple[int, int] | None = None) -> jax.Array:
    """`hash(str(x)) % buckets`: FarmHash's fingerprint, or SipHash with a key.

    Args:
        x: integers of any shape.
        buckets: their number, below 2**31.
        key: two numbers below 2**64, or None.

    Returns:
        int32 in the shape of x.

    >>> integer_buckets(jnp.arange(5), 3).tolist()
    [1, 0, 1, 0, 2]

    Sources: see `nnlib.ops.farmhash`.
    """
    text = Digits(x.reshape(-1))
    word = _fingerprint(text) if key is None else _keyed(text, key)
    return (word % buckets).reshape(x.shape)


def crossed_integer_buckets(features: list[jax.Array], buckets: int) -> jax.Array:
    """The bucket of a tuple of integers; int32 in the shape of the first.

    >>> crossed_integer_buckets([jnp.arange(3), jnp.arange(3)], 10).shape
    (3,)

    Source: TensorFlow's sparse crosses, which chain the fingerprints of the parts.
    """
    word = farmhash.crossed([UInt64.of(x.reshape(-1)) for x in features])
    return (word % buckets).reshape(features[0].shape)
