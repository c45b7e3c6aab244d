"""The examples in the docstrings of losses, metrics, optimizers and utils are true."""

import doctest
import importlib
import pkgutil

import pytest

import nnlib.losses
import nnlib.metrics
import nnlib.optimizers
import nnlib.utils

PACKAGES = [nnlib.losses, nnlib.metrics, nnlib.optimizers, nnlib.utils]
MODULES = [package.__name__ for package in PACKAGES] + [
    f"{package.__name__}.{module.name}"
    for package in PACKAGES
    for module in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_all_names_exist():
    for package in PACKAGES:
        assert list(package.__all__) == sorted(package.__all__, key=_ruff_order)
        assert all(hasattr(package, name) for name in package.__all__)


def _ruff_order(name):
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
