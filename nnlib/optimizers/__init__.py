"""How gradients change weights: optax inside, Keras' names, arguments and defaults outside."""

from collections.abc import Mapping
from typing import Any

import optax

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import optimizers as _registry
from nnlib.optimizers import schedules
from nnlib.optimizers.adam import Adam, AdamW
from nnlib.optimizers.optax_adapter import OptaxOptimizer
from nnlib.optimizers.optimizer import Optimizer
from nnlib.optimizers.rmsprop import RMSprop
from nnlib.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "OptaxOptimizer", "Optimizer", "RMSprop", "get", "schedules"]


def get(identifier: Any) -> Optimizer:
    """The optimizer of a name, config, class, instance or optax transformation.

    Raises:
        UnknownNameError: for a name that is not known.
        ArgumentError: for anything else.

    >>> get("adam"), get(optax.lion(1e-4))
    (<Adam name=adam>, <OptaxOptimizer name=optax_optimizer>)
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, optax.GradientTransformation):
        return OptaxOptimizer(identifier)
    known = isinstance(identifier, str | type | Mapping)
    made = _registry.get(identifier) if known else None
    if isinstance(made, Optimizer):
        return made
    raise ArgumentError(
        f"optimizer: expected a name ({', '.join(_registry.names())}), an Optimizer or an optax "
        f"transformation, got {identifier!r}."
    )
