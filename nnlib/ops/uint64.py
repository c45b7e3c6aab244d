"""Unsigned 64-bit integers as two halves: JAX has 32 bits unless x64 is switched on."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

_WORD = 0xFFFFFFFF


@dataclass(frozen=True)
class UInt64:
    """`high * 2**32 + low`, modulo 2**64; both halves are uint32 arrays of one shape.

    It has the operators of NumPy's uint64, so code that uses them alone serves both.

    >>> import jax.numpy as jnp
    >>> x = UInt64.of(jnp.asarray([0, -1]))
    >>> product = x * 0x123456789ABCDEF0
    >>> [hex(int(half[1])) for half in (product.high, product.low)]
    ['0xedcba987', '0x65432110']
    >>> (x % 1000).tolist()
    [0, 615]
    """

    high: jax.Array
    low: jax.Array

    @classmethod
    def of(cls, x: jax.Array) -> "UInt64":
        """The integers `x`; negative ones as their two's complement."""
        if x.dtype.itemsize > 4:
            return cls((x >> 32).astype(jnp.uint32), (x & _WORD).astype(jnp.uint32))
        negative = x < 0
        return cls(jnp.where(negative, _word(_WORD), _word(0)), x.astype(jnp.uint32))

    def _pair(self, other: "UInt64 | int") -> "UInt64":
        if isinstance(other, UInt64):
            return other
        halves = _word(other >> 32), _word(other & _WORD)
        return UInt64(*(jnp.broadcast_to(half, self.low.shape) for half in halves))

    def __add__(self, other: "UInt64 | int") -> "UInt64":
        other = self._pair(other)
        low = self.low + other.low
        carry = (low < self.low).astype(jnp.uint32)
        return UInt64(self.high + other.high + carry, low)

    def __xor__(self, other: "UInt64 | int") -> "UInt64":
        other = self._pair(other)
        return UInt64(self.high ^ other.high, self.low ^ other.low)

    def __or__(self, other: "UInt64") -> "UInt64":
        return UInt64(self.high | other.high, self.low | other.low)

    def __and__(self, other: int) -> "UInt64":
        pair = self._pair(other)
        return UInt64(self.high & pair.high, self.low & pair.low)

    def __lshift__(self, bits: int) -> "UInt64":
        if bits >= 32:
            return UInt64(self.low << (bits - 32), jnp.zeros_like(self.low))
        return UInt64((self.high << bits) | (self.low >> (32 - bits)), self.low << bits)

    def __rshift__(self, bits: int) -> "UInt64":
        if bits >= 32:
            return UInt64(jnp.zeros_like(self.high), self.high >> (bits - 32))
        return UInt64(self.high >> bits, (self.low >> bits) | (self.high << (32 - bits)))

    def __mul__(self, other: "UInt64 | int") -> "UInt64":
        other = self._pair(other)
        high, low = _product(self.low, other.low)
        return UInt64(high + self.high * other.low + self.low * other.high, low)

    def __mod__(self, divisor: int) -> jax.Array:
        """The remainder as int32; the divisor is below 2**31."""
        bits = 32 - divisor.bit_length()  # as many at a time as a uint32 holds beside the remainder
        rest = jnp.zeros_like(self.low)
        place = 64
        while place:
            step = min(bits, place)
            place -= step
            digit = (
                (self >> place).low & ((1 << step) - 1) if place else self.low & ((1 << step) - 1)
            )
            rest = ((rest << step) | digit) % _word(divisor)
        return rest.astype(jnp.int32)


def where(condition: jax.Array, first: UInt64, second: UInt64) -> UInt64:
    """`first` where the condition holds, else `second`."""
    return UInt64(
        jnp.where(condition, first.high, second.high), jnp.where(condition, first.low, second.low)
    )


def _word(value: int) -> jax.Array:
    return jnp.asarray(value, jnp.uint32)


def _product(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The two halves of a * b, from products of 16 bits."""
    a_low, a_high = a & 0xFFFF, a >> 16
    b_low, b_high = b & 0xFFFF, b >> 16
    lowest = a_low * b_low
    middle = a_low * b_high + (lowest >> 16)
    other = a_high * b_low + (middle & 0xFFFF)
    low = (other << 16) | (lowest & 0xFFFF)
    return a_high * b_high + (middle >> 16) + (other >> 16), low
