"""Errors of training on many devices."""

from nnlib.core.errors import NnlibError


class StrategyError(NnlibError, RuntimeError):
    """Something that a strategy, or the place where it is called, does not allow."""


class DoesNotFitError(StrategyError):
    """A model whose training needs more memory than a device has; the text names a remedy."""
