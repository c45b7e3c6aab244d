"""How gradients change weights: optax inside, Keras' names, arguments and defaults outside."""

from collections.abc import Mapping
from typing import Any

import optax

from nnlib.core.config_capture import serialize
from nnlib.core.custom_objects import custom_object_scope
from nnlib.core.errors import ArgumentError
from nnlib.core.registries import optimizers as _registry
from nnlib.optimizers import schedules
from nnlib.optimizers.adadelta import Adadelta
from nnlib.optimizers.adafactor import Adafactor
from nnlib.optimizers.adagrad import Adagrad
from nnlib.optimizers.adam import Adam, AdamW
from nnlib.optimizers.adamax import Adamax
from nnlib.optimizers.ftrl import Ftrl
from nnlib.optimizers.lamb import Lamb
from nnlib.optimizers.lion import Lion
from nnlib.optimizers.loss_scale_optimizer import LossScaleOptimizer
from nnlib.optimizers.multi_optimizer import MultiOptimizer
from nnlib.optimizers.muon import Muon
from nnlib.optimizers.nadam import Nadam
from nnlib.optimizers.optax_adapter import OptaxOptimizer
from nnlib.optimizers.optimizer import Optimizer
from nnlib.optimizers.optimizer_map import OptimizerMap
from nnlib.optimizers.rmsprop import RMSprop
from nnlib.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "OptaxOptimizer",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]


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


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Optimizer:
    """The optimizer that `serialize` wrote; `custom_objects` are further classes by name.

    >>> deserialize(serialize(Adam(0.5))).learning_rate.item()
    0.5
    """
    with custom_object_scope(custom_objects):
        return get(config)
