"""Every number of our schema tables against the schema that ships in ai_edge_litert."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from nnlib.tflite_export import schema_tables as ours
from nnlib.tflite_export.lowering import LOWERINGS

_TYPE_NAMES = {"bool": "BOOL"}


class _Recorder:
    """Stands in for a flatbuffer builder and records what a field's function would write."""

    def __init__(self) -> None:
        self.call: tuple[str, int, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        def record(slot: int, value: Any, default: Any) -> None:
            self.call = (name, slot, default)

        return record


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _fields(table: str) -> dict[str, tuple[str, int, Any]]:
    """Scalar fields of a schema table: name to (builder method, slot, default)."""
    found = {}
    for name, add in inspect.getmembers(schema, inspect.isfunction):
        match = re.fullmatch(rf"{table}Add(\w+)", name)
        if match:
            recorder = _Recorder()
            add(recorder, 0)
            found[_snake(match[1])] = recorder.call
    return found


@pytest.mark.parametrize("name", ours.BUILTIN_OPERATORS)
def test_builtin_operator(name: str) -> None:
    assert getattr(schema.BuiltinOperator, name) == ours.BUILTIN_OPERATORS[name]


@pytest.mark.parametrize("name", ours.OPTION_TABLES)
def test_option_table(name: str) -> None:
    table = ours.OPTION_TABLES[name]
    assert getattr(schema.BuiltinOptions, name) == table.union_id
    theirs = _fields(name)
    for field, (slot, kind, default) in table.fields.items():
        assert theirs[field] == (f"Prepend{kind}Slot", slot, default), field


def test_tensor_types() -> None:
    for dtype, number in {**ours.STORED_TYPES, **ours.INNER_TYPES}.items():
        assert getattr(schema.TensorType, _TYPE_NAMES.get(dtype.name, dtype.name.upper())) == number


def test_enumerations() -> None:
    for name, number in ours.PADDINGS.items():
        assert getattr(schema.Padding, name) == number
    for name, number in ours.MIRRORS.items():
        assert getattr(schema.MirrorPadMode, name) == number
    for name, number in ours.ACTIVATIONS.items():
        assert getattr(schema.ActivationFunctionType, name) == number


def test_operators_name_the_table_that_the_schema_has() -> None:
    """Where the schema has a table called after the operator, it is the one that we write."""
    plain = {n.lower(): n for n in vars(schema.BuiltinOptions) if not n.startswith("_")}
    for kind in ours.BUILTIN_OPERATORS:
        own = plain.get(kind.replace("_", "").lower() + "options")
        if own is not None:
            assert ours.option_table_name(kind) == own


def test_unlisted_fields_default_to_what_we_mean() -> None:
    """Fields that we never write must mean nothing special by default."""
    harmless = {None, 0, 1}
    for name, table in ours.OPTION_TABLES.items():
        for field, (_, _, default) in _fields(name).items():
            assert field in table.fields or default in harmless, (name, field)


def test_lowerings_are_registered_once_and_callable() -> None:
    assert len(LOWERINGS) > 80
    assert all(callable(lowering) for lowering in LOWERINGS.values())


def test_shared_zero_is_float32() -> None:
    assert ours.TENSOR_TYPES[np.dtype(np.float32)] == 0
