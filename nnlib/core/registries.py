"""The registries, each with the module that fills it."""

from nnlib.core.registry import Registry

activations = Registry("activation", "nnlib.activations")
initializers = Registry("initializer", "nnlib.initializers")
regularizers = Registry("regularizer", "nnlib.regularizers")
constraints = Registry("constraint", "nnlib.constraints")
losses = Registry("loss", "nnlib.losses")
metrics = Registry("metric", "nnlib.metrics")
optimizers = Registry("optimizer", "nnlib.optimizers")
