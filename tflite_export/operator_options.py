"""Options of operators, read back by the layouts that the writer writes them with."""

from __future__ import annotations

from typing import Any

from .builtin_names import TYPE_NAMES
from .flatbuffer_reader import Table
from .schema_tables import ACTIVATIONS, OPTION_TABLES, PADDINGS, option_table_name

# Fields of the option tables that are numbers of subgraphs.
NESTED_GRAPHS: dict[str, tuple[int, ...]] = {"IF": (0, 1), "WHILE": (0, 1), "CALL_ONCE": (0,)}

_ACTIVATION_NAMES = {number: name for name, number in ACTIVATIONS.items()}
_PADDING_NAMES = {number: name for name, number in PADDINGS.items()}


def read_options(kind: str, operator: Table) -> dict[str, Any]:
    """The options of an operator, {} where the exporter does not know their layout.

    Args:
        kind: name of the operator.
        operator: its table.

    Returns:
        Values by name: names of paddings, activations and types, numbers otherwise.

    Raises:
        CorruptModelError: the option table has another type than the operator's, or a value that
            does not exist.
    """
    name = option_table_name(kind)
    union = operator.scalar(3, "uint8", "builtin_options_type")
    if name is None or union == 0:
        return {}
    layout = OPTION_TABLES[name]
    if union != layout.union_id:
        raise operator.content.corrupt(
            f"{operator.where}.builtin_options_type", f"{layout.union_id} ({name})", str(union)
        )
    table = operator.child(4, "builtin_options")
    if table is None:
        return {}
    return {
        field: _plain(table, field, kind, table.scalar(slot, kind.lower(), field, default))
        for field, (slot, kind, default) in layout.fields.items()
    }


def _plain(table: Table, field: str, kind: str, value: Any) -> Any:
    if kind == "Bool":
        return bool(value)
    names: dict[int, str] | None = None
    if field == "padding":
        names = _PADDING_NAMES
    elif field == "fused_activation_function":
        names = {**_ACTIVATION_NAMES, 4: "TANH", 5: "SIGN_BIT"}
    elif field.endswith("_type"):
        names = dict(enumerate(TYPE_NAMES))
    if names is None:
        return value
    if value not in names:
        raise table.content.corrupt(
            f"{table.where}.{field}", f"a number from {min(names)} to {max(names)}", str(value)
        )
    return names[value]
