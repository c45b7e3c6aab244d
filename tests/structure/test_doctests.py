"""The examples in docstrings are executed."""

import doctest
import importlib
import pkgutil

import jax
import pytest

import nnlib


def modules():
    for package in ("nnlib", "nnlib.tflite_export", "nnlib.distributed"):
        yield package
        path = importlib.import_module(package).__path__
        for found in pkgutil.walk_packages(path, f"{package}."):
            yield found.name


@pytest.mark.parametrize("name", sorted(set(modules())))
def test_docstrings(name):
    exporter = nnlib.tflite_export
    names = {n: getattr(exporter, n) for n in exporter.__all__} if "tflite_export" in name else {}
    with jax.numpy_rank_promotion("allow"):  # as users have it
        failed, _ = doctest.testmod(
            importlib.import_module(name),
            extraglobs={"nn": nnlib, **names},
            optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
        )
    assert failed == 0
