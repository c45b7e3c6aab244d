"""Configs that Keras 2 wrote, as Keras 3 writes them."""

from collections.abc import Mapping
from typing import Any


def modern_graph(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config of a functional model."""
    return config


def modern_stack(config: Any) -> Mapping[str, Any]:
    """The config of a Sequential model."""
    return config
