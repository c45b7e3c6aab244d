"""Errors of training on many devices."""

import json

from nnlib.core.errors import NnlibError


class StrategyError(NnlibError, RuntimeError):
    """Something that a strategy, or the place where it is called, does not allow."""


class ClusterTypeError(NnlibError, TypeError):
    """A cluster that is written with other things than dicts, lists and strings."""


class ClusterKeyError(NnlibError, KeyError, ValueError):
    """A task of a cluster that is told twice."""

    __str__ = Exception.__str__  # a KeyError alone would show the text quoted


class TFConfigError(NnlibError, json.JSONDecodeError):
    """A TF_CONFIG that is not JSON."""


class ProcessError(StrategyError):
    """A process of a gang failed, or did not end in time; the text has the end of its log."""


class DoesNotFitError(StrategyError):
    """A model whose training needs more memory than a device has; the text names a remedy."""
