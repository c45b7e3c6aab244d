"""Which optimizer trains which weights, by their paths."""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

from nnlib.core.config_capture import Configurable, serialize
from nnlib.core.errors import ArgumentError
from nnlib.optimizers.optimizer import Optimizer


class WeightInfo(NamedTuple):
    """What a function that chooses optimizers is told of a weight."""

    path: str
    """"encoder/dense_1/kernel"."""
    shape: tuple[int, ...]
    dtype: Any

    @property
    def name(self) -> str:
        """The last part of the path: "kernel"."""
        return self.path.rpartition("/")[2]


class OptimizerMap(Configurable, MutableMapping[str, Optimizer]):
    """Optimizers by whole path, else by a regular expression that matches the whole path.

    Args:
        default_optimizer: for weights that no key matches.
        optimizer_map: a dict to begin with.

    Raises:
        ArgumentError: for what is no Optimizer, a key given twice, and, on lookup, for a path
            that two expressions match.

    >>> import nnlib as nn
    >>> chosen = nn.optimizers.OptimizerMap(nn.optimizers.SGD())
    >>> chosen["encoder/.*"] = nn.optimizers.Adam()
    >>> chosen["encoder/dense/kernel"], chosen["decoder/dense/kernel"]
    (<Adam name=adam>, <SGD name=sgd>)
    """

    def __init__(
        self,
        default_optimizer: Optimizer,
        optimizer_map: Mapping[str, Optimizer] | None = None,
    ):
        self.default_optimizer = checked_inner("OptimizerMap", default_optimizer)
        self._optimizers: dict[str, Optimizer] = {}
        if optimizer_map is not None and not isinstance(optimizer_map, Mapping):
            raise ArgumentError(
                f"OptimizerMap: expected optimizer_map to be a dict, got {optimizer_map!r}."
            )
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizers:
            return self._optimizers[key]
        matching = [pattern for pattern in self._optimizers if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ArgumentError(
                f"OptimizerMap: expected one key to match {key!r}, got {' and '.join(matching)}."
            )
        return self._optimizers[matching[0]] if matching else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str) or key in self._optimizers:
            raise ArgumentError(f"OptimizerMap: expected a new path as a key, got {key!r}.")
        self._optimizers[key] = checked_inner("OptimizerMap", optimizer)

    def __delitem__(self, key: str) -> None:
        del self._optimizers[key]

    def __len__(self) -> int:
        return len(self._optimizers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizers)

    def __contains__(self, key: object) -> bool:
        return key in self._optimizers

    def __call__(self, weight: WeightInfo) -> Optimizer:
        """The optimizer of a weight."""
        return self[weight.path]

    def get_config(self) -> dict[str, Any]:
        """What makes it again, with the keys added since."""
        return {
            "default_optimizer": serialize(self.default_optimizer),
            "optimizer_map": serialize(self._optimizers),
        }


def checked_inner(place: str, optimizer: Any) -> Optimizer:
    """`optimizer`, if it may stand beside others for one model."""
    wraps = hasattr(optimizer, "inner_optimizer") or hasattr(optimizer, "optimizers")
    if not isinstance(optimizer, Optimizer) or wraps:
        raise ArgumentError(
            f"{place}: expected Optimizers that wrap no others, got {optimizer!r}. Wrap the whole: "
            "LossScaleOptimizer(MultiOptimizer(...))."
        )
    if optimizer.loss_scale_factor is not None:
        raise ArgumentError(
            f"{place}: expected optimizers without loss_scale_factor, got {optimizer!r} with one. "
            "Give it to the MultiOptimizer: there is one loss."
        )
    return optimizer
