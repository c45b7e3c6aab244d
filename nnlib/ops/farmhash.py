"""FarmHash fingerprints and SipHash of byte strings, in any 64-bit arithmetic.

The functions here use the operators of their words alone: they run on NumPy's uint64 on the host
and on `UInt64` inside a trace. The bytes come from a `Text`.

Sources: Pike, "FarmHash" (fingerprint64 is its variant "na"); Aumasson & Bernstein, "SipHash: a
fast short-input PRF", INDOCRYPT 2012.
"""

from typing import Any, Protocol

_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CROSS = 0xC6A4A7935BD1E995
_CROSS_SEED = 0xDECAFCAFFE


class Text(Protocol):
    """Byte strings, zeros behind their ends, read as little-endian numbers of 64 bits."""

    length: Any
    """The numbers of bytes, as 64-bit words."""

    def front(self, offset: int, size: int = 8) -> Any:
        """The `size` bytes that begin `offset` bytes behind the beginning."""

    def back(self, offset: int, size: int = 8) -> Any:
        """The `size` bytes that begin `offset` bytes before the end."""

    def middle(self) -> Any:
        """The byte at half of the length."""


def _rotate(word: Any, bits: int) -> Any:
    return (word >> bits) | (word << (64 - bits))


def _fold(word: Any) -> Any:
    return word ^ (word >> 47)


def _mix(u: Any, v: Any, factor: Any) -> Any:
    a = _fold((u ^ v) * factor)
    return _fold((v ^ a) * factor) * factor


def _factor(text: Text) -> Any:
    return text.length * 2 + _K2


def fingerprint_0(text: Text) -> Any:
    """Of strings without bytes."""
    return (text.length ^ text.length) + _K2


def fingerprint_1_to_3(text: Text) -> Any:
    """Of strings of 1 to 3 bytes."""
    y = text.front(0, 1) + (text.middle() << 8)
    z = text.length + (text.back(1, 1) << 2)
    return _fold(y * _K2 ^ z * _K0) * _K2


def fingerprint_4_to_7(text: Text) -> Any:
    """Of strings of 4 to 7 bytes."""
    return _mix(text.length + (text.front(0, 4) << 3), text.back(4, 4), _factor(text))


def fingerprint_8_to_16(text: Text) -> Any:
    """Of strings of 8 to 16 bytes."""
    factor = _factor(text)
    a, b = text.front(0) + _K2, text.back(8)
    return _mix(_rotate(b, 37) * factor + a, (_rotate(a, 25) + b) * factor, factor)


def fingerprint_17_to_32(text: Text) -> Any:
    """Of strings of 17 to 32 bytes."""
    factor = _factor(text)
    a, b = text.front(0) * _K1, text.front(8)
    c, d = text.back(8) * factor, text.back(16) * _K2
    first = _rotate(a + b, 43) + _rotate(c, 30) + d
    return _mix(first, a + _rotate(b + _K2, 18) + c, factor)


def fingerprint_33_to_64(text: Text) -> Any:
    """Of strings of 33 to 64 bytes."""
    factor = _factor(text)
    a, b = text.front(0) * _K2, text.front(8)
    c, d = text.back(8) * factor, text.back(16) * _K2
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    z = _mix(y, a + _rotate(b + _K2, 18) + c, factor)
    e, f = text.front(16) * factor, text.front(24)
    g, h = (y + text.back(32)) * factor, (z + text.back(24)) * factor
    first = _rotate(e + f, 43) + _rotate(g, 30) + h
    return _mix(first, e + _rotate(f + a, 18) + g, factor)


def fingerprint_long(text: Text, blocks: int) -> Any:
    """Of strings of more than 64 bytes, all with `blocks = (length - 1) // 64`."""
    zero = text.length ^ text.length
    seed = 81
    x = text.front(0) + (seed * _K2) % 2**64
    y = zero + (seed * _K1 + 113) % 2**64
    z = _fold(y * _K2 + 113) * _K2
    state = x, y, z, (zero, zero), (zero, zero)
    for block in range(blocks):
        state = _absorb(state, [text.front(64 * block + 8 * i) for i in range(8)])
    x, y, z, v, w = state
    factor = ((z & 0xFF) << 1) + _K1
    w = w[0] + ((text.length + (2**64 - 1)) & 63), w[1]
    v = v[0] + w[0], v[1]
    w = w[0] + v[0], w[1]
    last = [text.back(64 - 8 * i) for i in range(8)]
    x, y, z, v, w = _absorb((x, y, z, v, w), last, factor, 9)
    first = _mix(v[0], w[0], factor) + _fold(y) * _K0 + z
    return _mix(first, _mix(v[1], w[1], factor) + x, factor)


def _absorb(state: Any, words: list[Any], factor: Any = _K1, weight: int = 1) -> Any:
    """The state after one block of 64 bytes."""
    x, y, z, v, w = state
    x = _rotate(x + y + v[0] + words[1], 37) * factor
    y = _rotate(y + v[1] + words[6], 42) * factor
    x = x ^ (w[1] * weight)
    y = y + v[0] * weight + words[5]
    z = _rotate(z + w[0], 33) * factor
    v = _weak(words[:4], v[1] * factor, x + w[0])
    w = _weak(words[4:], z + w[1], y + words[2])
    return z, y, x, v, w


def _weak(words: list[Any], a: Any, b: Any) -> tuple[Any, Any]:
    first, second, third, fourth = words
    a = a + first
    b = _rotate(b + a + fourth, 21)
    total = a + second + third
    return total + fourth, b + _rotate(total, 44) + a


def siphash(text: Text, key: tuple[int, int], words: int) -> Any:
    """SipHash-2-4 of strings that all have `words = length // 8`."""
    zero = text.length ^ text.length
    constants = 0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573
    v = [zero + (c ^ k) for c, k in zip(constants, key * 2, strict=True)]
    for index in range(words):
        v = _compress(v, text.front(8 * index))
    v = _compress(v, text.front(8 * words) | (text.length << 56))
    v[2] = v[2] ^ 0xFF
    for _ in range(4):
        v = _round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _compress(v: list[Any], word: Any) -> list[Any]:
    v = _round(_round([*v[:3], v[3] ^ word]))
    return [v[0] ^ word, *v[1:]]


def _round(v: list[Any]) -> list[Any]:
    a, b, c, d = v
    a, c = a + b, c + d
    b, d = _rotate(b, 51) ^ a, _rotate(d, 48) ^ c
    a = _rotate(a, 32)
    c, a = c + b, a + d
    b, d = _rotate(b, 47) ^ c, _rotate(d, 43) ^ a
    return [a, b, _rotate(c, 32), d]


def crossed(hashes: list[Any]) -> Any:
    """One fingerprint from several, in order."""
    result: Any = (hashes[0] ^ hashes[0]) + _CROSS_SEED
    for word in hashes:
        result = (result ^ _CROSS ^ (_fold(word * _CROSS) * _CROSS)) * _CROSS
        result = _fold(_fold(result) * _CROSS)
    return result
