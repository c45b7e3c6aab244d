"""Damaged files: read_tflite says what is wrong, quickly; it never crashes, hangs or allocates."""

from __future__ import annotations

import struct
import tracemalloc

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nnlib.tflite_export import TensorSpec, export_tflite, read_tflite
from nnlib.tflite_export.errors import CorruptModelError

W = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
MANY = settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)
INTERESTING = st.one_of(
    st.sampled_from([0, 1, 3, 4, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]),
    st.integers(0, 2**32 - 1),
)


def _content() -> bytes:
    def fn(x: jax.Array) -> jax.Array:
        return jax.nn.softmax(jax.nn.relu(x @ W + 1.0) @ (2 * W))

    return export_tflite(fn, TensorSpec((None, 4)), verify=False).content


CONTENT = _content()


def survives(content: bytes) -> bool:
    """Whether the file reads; the one error that it may give is ours."""
    try:
        info = read_tflite(content)
    except CorruptModelError as error:
        return not (error.where and error.remedy)
    for graph in info.subgraphs:  # what was accepted can be used
        for tensor in graph.tensors:
            assert tensor.bytes >= 0
            tensor.values()
    assert info.ops is not None
    assert info.inputs is not None
    return True


@MANY
@given(length=st.integers(0, len(CONTENT)))
def test_truncation(length: int) -> None:
    survives(CONTENT[:length])


@MANY
@given(flips=st.lists(st.integers(0, 8 * len(CONTENT) - 1), min_size=1, max_size=8))
def test_bit_flips(flips: list[int]) -> None:
    damaged = bytearray(CONTENT)
    for bit in flips:
        damaged[bit // 8] ^= 1 << bit % 8
    survives(bytes(damaged))


@MANY
@given(words=st.lists(st.tuples(st.integers(0, len(CONTENT) // 4 - 1), INTERESTING), min_size=1))
def test_hostile_lengths_and_offsets(words: list[tuple[int, int]]) -> None:
    damaged = bytearray(CONTENT)
    for place, value in words:
        struct.pack_into("<I", damaged, 4 * place, value)
    survives(bytes(damaged))


@MANY
@given(tail=st.binary(max_size=200))
@example(tail=b"")
def test_random_bytes_behind_the_identifier(tail: bytes) -> None:
    survives(struct.pack("<I", 8) + b"TFL3" + tail)


@MANY
@given(content=st.binary(max_size=64))
def test_random_bytes(content: bytes) -> None:
    assert not survives(content)


def test_every_byte_replaced_once() -> None:
    for place in range(len(CONTENT)):
        damaged = bytearray(CONTENT)
        damaged[place] ^= 0xFF
        survives(bytes(damaged))


def _one_table_named_often(count: int) -> bytes:
    """A model whose `count` subgraphs are one table with `count` tensors that are one table."""

    def vector(start: int, target: int) -> bytes:
        places = range(start + 4, start + 4 + 4 * count, 4)
        return struct.pack(f"<I{count}I", count, *(target - place for place in places))

    root, graphs = 36, 48
    graph = graphs + 4 + 4 * count
    tensors = graph + 8
    leaf = tensors + 4 + 4 * count
    return b"".join(
        [
            struct.pack("<I4s", root, b"TFL3"),
            struct.pack("<8H", 14, 12, 4, 0, 8, 0, 0, 0),  # root: version and subgraphs
            struct.pack("<4H", 6, 8, 4, 0),  # subgraph: tensors
            struct.pack("<2H", 4, 4),  # tensor: nothing
            struct.pack("<iII", root - 8, 3, graphs - root - 8),
            vector(graphs, graph),
            struct.pack("<iI", graph - 24, tensors - graph - 4),
            vector(tensors, leaf),
            struct.pack("<i", leaf - 32),
        ]
    )


def test_a_bomb_of_shared_tables_is_refused_at_once() -> None:
    assert survives(_one_table_named_often(3))
    content = _one_table_named_often(20_000)
    tracemalloc.start()
    try:
        assert not survives(content)
        assert tracemalloc.get_traced_memory()[1] < 200 * len(content)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("rank", [65, 1_000_000])
def test_endless_shapes_are_refused(rank: int) -> None:
    place = CONTENT.index(struct.pack("<III", 2, 1, 4))  # the shape [1, 4]
    damaged = bytearray(CONTENT) + bytes(4 * rank)
    struct.pack_into("<I", damaged, place, rank)
    assert not survives(bytes(damaged))
