"""Writes docs/features.md from docs/surface.toml and the package; run it with `make docs`."""

import importlib
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
OWN_MODULES = ["training", "data", "ops", "distributed", "tflite_export"]
"""Modules that Keras does not have."""
HEAD = """# Features

What this version has of the public names of Keras 3.15, and what it has besides. `make docs` writes
this page from `docs/surface.toml` and the package; tests compare all three.

| Module | Keras' names | There | Left out |
|---|---|---|---|
"""


def surface() -> tuple[dict[str, list[str]], dict[str, str]]:
    """Keras' names by module, and the reasons for names or modules that are left out."""
    data = tomllib.loads((HERE / "surface.toml").read_text())
    left_out = data.pop("left_out")
    return {
        m: [n for names in kinds.values() for n in names] for m, kinds in data.items()
    }, left_out


def own_names(module: str) -> list[str]:
    """The public names of a module of ours."""
    try:
        return sorted(importlib.import_module(f"nnlib.{module}").__all__)
    except ImportError:
        return []


def table() -> str:
    """The whole page."""
    listed, left_out = surface()
    rows, parts = [], []
    for module in [*listed, *OWN_MODULES]:
        wanted = listed.get(module, [])
        missing = {n: left_out[f"{module}.{n}"] for n in wanted if f"{module}.{n}" in left_out}
        if module in left_out:
            missing = dict.fromkeys(wanted, left_out[module])
        there = sorted(set(wanted) - set(missing))
        besides = [name for name in own_names(module) if name not in wanted]
        rows.append(f"| `nnlib.{module}` | {len(wanted)} | {len(there)} | {len(missing)} |")
        parts.append(_section(module, there, besides, missing))
    return HEAD + "\n".join(rows) + "\n\n" + "\n".join(parts)


def _section(module: str, there: list[str], besides: list[str], missing: dict[str, str]) -> str:
    lines = [f"## `nnlib.{module}`", ""]
    if there:
        lines += [_code(there), ""]
    if besides:
        lines += [f"Besides Keras': {_code(besides)}" if there else _code(besides), ""]
    for reason in dict.fromkeys(missing.values()):
        names = [name for name, why in missing.items() if why == reason]
        lines += [f"Left out: {_code(names)} - {reason}.", ""]
    return "\n".join(lines)


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    (HERE / "features.md").write_text(table())
