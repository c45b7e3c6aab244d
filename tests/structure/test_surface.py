"""The surface that docs/surface.toml claims: every name is there, or has a reason not to be."""

import importlib
import inspect
import tomllib
from pathlib import Path

import pytest

SURFACE = tomllib.loads((Path(__file__).parents[2] / "docs" / "surface.toml").read_text())
LEFT_OUT = SURFACE.pop("left_out")
CLAIMED = [
    (module, name)
    for module, kinds in SURFACE.items()
    for names in kinds.values()
    for name in names
    if module not in LEFT_OUT and f"{module}.{name}" not in LEFT_OUT
]


def found(module, name):
    try:
        return getattr(importlib.import_module(f"nnlib.{module}"), name)
    except (ImportError, AttributeError):
        try:
            return importlib.import_module(f"nnlib.{module}.{name}")
        except ImportError:
            return None


@pytest.mark.parametrize("module", sorted({module for module, _ in CLAIMED}))
def test_what_is_claimed_is_there(module):
    missing = [name for owner, name in CLAIMED if owner == module and found(module, name) is None]
    assert not missing


def test_what_is_left_out_is_not_there_and_has_a_reason():
    for name, reason in LEFT_OUT.items():
        module, _, last = name.rpartition(".")
        assert len(reason) > 10
        assert found(module, last) is None if module else found(name, "__all__") is None, name


def test_the_list_is_that_of_keras(keras):
    """No name on it is made up: the installed Keras has every one."""
    for module, kinds in SURFACE.items():
        theirs = importlib.import_module(f"keras.{module}")
        listed = [name for names in kinds.values() for name in names]
        assert not [name for name in listed if not hasattr(theirs, name)]
        assert len(listed) == len(set(listed))


def test_classes_are_classes_and_functions_are_functions(keras):
    for module, name in CLAIMED:
        theirs = getattr(importlib.import_module(f"keras.{module}"), name)
        ours = found(module, name)
        assert inspect.isclass(theirs) <= (inspect.isclass(ours) or callable(ours)), name
        assert inspect.ismodule(theirs) <= inspect.ismodule(ours), name
