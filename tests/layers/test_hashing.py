"""Hashes: published vectors, the bins that Keras and TensorFlow document, host against trace."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import Input, Model, layers
from nnlib.layers.preprocessing import host_hashing
from nnlib.ops.integer_hashing import crossed_integer_buckets, integer_buckets
from nnlib.ops.uint64 import UInt64

# fingerprint64 of the first so many bytes of the text, by pyfarmhash 0.5.1 (Google's C++).
TEXT = b"The quick brown fox jumps over the lazy dog. " * 5
FARMHASH = {
    0: 0x9AE16A3B2F90404F,
    1: 0x12F77CD62637857A,
    3: 0x85887769DDCC73FD,
    4: 0xF4ED8B2E41E836A5,
    7: 0xFB3B4353192E2B87,
    8: 0x46D0FFB3EE9D8C07,
    16: 0x3BF6BD3BEBD31655,
    17: 0xC7A32DA958C02DBD,
    32: 0xB65964DEE7761262,
    33: 0xF25FEA09DB06B3D6,
    64: 0x8CC2288614B078A0,
    65: 0x739D9BC2566B1CBC,
    128: 0x5AE1AA6FECFD621A,
    129: 0xFB199FBF9A28AAD2,
    200: 0x8E4FBC7BF85CAF9,
}
# SipHash-2-4 of bytes(range(n)), key bytes(range(16)), from the reference implementation.
SIPHASH = {0: 0x726FDB47DD0E0E31, 1: 0x74F839C593DC67FD, 8: 0x93F5F5799A932462, 15: 0xA129CA6149BE45E5}  # fmt: skip
KEY = 0x0706050403020100, 0x0F0E0D0C0B0A0908
INTEGERS = np.array([0, 5, -5, 10, -100, 12345, 1234567, -12345678, 2**31 - 1, -(2**31)])
FIVE = ["omar", "stringer", "marlo", "wire", "skywalker"]


def objects(items):
    return np.array([*items, None], object)[:-1]


def test_farmhash_of_every_length_class():
    words = host_hashing.fingerprints(objects([TEXT[:n] for n in FARMHASH]))
    assert words.tolist() == list(FARMHASH.values())


def test_siphash_of_the_reference():
    words = host_hashing.keyed_hashes(objects([bytes(range(n)) for n in SIPHASH]), KEY)
    assert words.tolist() == list(SIPHASH.values())


def test_text_is_hashed_as_utf8():
    texts = np.array(["häß 漢字", "a"])
    assert host_hashing.buckets(texts, 1000).tolist()[0] == 0x2EC787B9013CF00D % 1000


# (arguments, values, bins): examples and tests of Keras.
DOCUMENTED = [
    ({"num_bins": 3}, "ABCDE", [1, 0, 1, 1, 2]),
    ({"num_bins": 3, "mask_value": ""}, ["A", "B", "", "C", "D"], [1, 1, 0, 2, 2]),
    ({"num_bins": 3, "salt": [133, 137]}, "ABCDE", [1, 2, 1, 0, 2]),
    ({"num_bins": 3, "salt": 133}, "ABCDE", [0, 0, 2, 1, 0]),
    ({"num_bins": 1}, "ABCDE", [0] * 5),
    ({"num_bins": 2}, FIVE, [0, 0, 1, 0, 0]),
    ({"num_bins": 3, "mask_value": "omar"}, FIVE, [0, 1, 2, 1, 1]),
    ({"num_bins": 2, "salt": [211, 137]}, FIVE, [1, 0, 1, 0, 1]),
    ({"num_bins": 3}, [0, 1, 2, 3, 4], [1, 0, 1, 0, 2]),
    ({"num_bins": 3, "salt": [133, 137]}, [0, 1, 2, 3, 4], [1, 1, 2, 0, 1]),
    ({"num_bins": 3, "output_mode": "count"}, [0, 1, 2, 3, 4], [2.0, 2.0, 1.0]),
    ({"num_bins": 3, "output_mode": "multi_hot"}, [0, 2, 0, 2], [0.0, 1.0, 0.0]),
]


@pytest.mark.parametrize(("arguments", "values", "bins"), DOCUMENTED)
def test_bins_of_keras(arguments, values, bins):
    layer = layers.Hashing(**arguments)
    out = layer(np.array(list(values)))
    assert isinstance(out, jax.Array)
    assert out.tolist() == bins
    assert layers.Hashing.from_config(layer.get_config())(list(values)).tolist() == bins


def test_one_hot_takes_the_place_of_an_axis_of_one():
    layer = layers.Hashing(3, output_mode="one_hot")
    want = np.eye(3)[[1, 0, 1, 0, 2]]
    np.testing.assert_array_equal(layer(np.arange(5)), want)
    np.testing.assert_array_equal(layer(np.arange(5)[:, None]), want)
    np.testing.assert_array_equal(layer("0"), want[0])


@pytest.mark.parametrize("key", [None, (133, 137)])
def test_traced_integers_go_where_strings_of_digits_go(key):
    for count in (2, 1000, 2**31 - 1):
        host = host_hashing.buckets(INTEGERS.astype(str), count, key)
        traced = integer_buckets(jnp.asarray(INTEGERS, jnp.int32), count, key)
        assert traced.tolist() == host.tolist()


def test_traced_integers_of_64_bits():
    values = np.array([10**15, 10**16, -(10**18), 2**63 - 1, -(2**63), 7])
    with jax.enable_x64(True):
        for key in (None, (133, 137)):
            traced = integer_buckets(jnp.asarray(values), 1000, key)
            assert traced.tolist() == host_hashing.buckets(values, 1000, key).tolist()


def test_words_of_64_bits_follow_python():
    generator = np.random.default_rng(0)
    a, b = (generator.integers(0, 2**64, 20, np.uint64) for _ in range(2))
    halves = [UInt64(jnp.asarray(x >> 32, "uint32"), jnp.asarray(x & 0xFFFFFFFF, "uint32"))
              for x in (a, b)]  # fmt: skip
    operations = [
        lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x ^ y, lambda x, y: (x << 3) | (y >> 40),
        lambda x, y: (x << 40) ^ (y >> 7), lambda x, y: x + 2**63 + 5, lambda x, y: y & 0xFF,
    ]  # fmt: skip
    for operation in operations:
        out = operation(*halves)
        joined = (np.asarray(out.high, np.uint64) << np.uint64(32)) | np.asarray(out.low)
        assert joined.tolist() == operation(a, b).tolist()
    for divisor in (3, 1000, 2**16, 2**31 - 1):
        assert (halves[0] % divisor).tolist() == (a % np.uint64(divisor)).tolist()


# HashedCrossing ----------------------------------------------------------------------------------

LETTERS, NUMBERS = np.array(list("ABABA")), np.array([101, 101, 101, 102, 102])
CROSSED = [1, 4, 1, 1, 3]


def test_crosses_of_keras():
    layer = layers.HashedCrossing(5)
    assert layer((LETTERS, NUMBERS)).tolist() == CROSSED
    assert layer([LETTERS[:, None], NUMBERS[:, None]]).tolist() == [[bin] for bin in CROSSED]
    assert layers.HashedCrossing(10)(["A", 101]).tolist() == 1
    hot = layers.HashedCrossing(5, output_mode="one_hot")
    np.testing.assert_array_equal(hot((LETTERS, NUMBERS)), np.eye(5)[CROSSED])
    np.testing.assert_array_equal(hot((LETTERS[:, None], NUMBERS[:, None])), np.eye(5)[CROSSED])


def test_traced_crosses_equal_those_on_the_host():
    features = [INTEGERS, INTEGERS[::-1], np.arange(len(INTEGERS))]
    host = host_hashing.crossed_buckets(features, 97)
    traced = crossed_integer_buckets([jnp.asarray(f, jnp.int32) for f in features], 97)
    assert traced.tolist() == host.tolist()


def test_a_model_crosses_strings_with_integers():
    letter, number = Input((1,), dtype="string", name="letter"), Input((1,), dtype="int32")
    bins = layers.HashedCrossing(5)([letter, number])
    model = Model([letter, number], layers.CategoryEncoding(5, "one_hot")(bins))
    out = model.predict([LETTERS, NUMBERS])
    np.testing.assert_array_equal(out, np.eye(5)[CROSSED])
    np.testing.assert_array_equal(model([LETTERS, NUMBERS]), out)
