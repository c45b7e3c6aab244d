"""Keras' stateless methods: the pure core over a flat list of arrays, in the order of variables."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax

from nnlib.core.errors import ArgumentError
from nnlib.metrics.bridge import CHILDREN, joined, own_part
from nnlib.metrics.scope import State
from nnlib.metrics.variable import plain


class StatelessMethods:
    """What Metric has of them; `variables` says which array stands where."""

    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any
    ) -> list[jax.Array]:
        """The arrays after another batch; nothing is kept.

        >>> import nnlib as nn
        >>> metric = nn.metrics.Sum()
        >>> arrays = metric.stateless_update_state(metric.stateless_reset_state(), [1.0, 3.0])
        >>> float(metric.stateless_result(arrays))
        4.0
        """
        state = state_of(self, metric_variables)
        return arrays_of(self, self.update(state, *args, **kwargs))  # type: ignore[attr-defined]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """The value of the arrays."""
        return self.compute(state_of(self, metric_variables))  # type: ignore[attr-defined]

    def stateless_reset_state(self) -> list[jax.Array]:
        """The arrays before any batch."""
        return arrays_of(self, self.init())  # type: ignore[attr-defined]


def own_names(metric: Any) -> list[str]:
    """The names of a metric's own arrays, in the order in which they were declared."""
    return list(own_part(metric.initial_state()))


def arrays_of(metric: Any, state: State) -> list[jax.Array]:
    """The arrays of a state in a list."""
    arrays = [state[name] for name in own_names(metric)]
    for name, child in metric.children().items():
        arrays += arrays_of(child, state[CHILDREN][name])
    return arrays


def state_of(metric: Any, arrays: Sequence[Any]) -> State:
    """The state of a list of arrays or variables."""
    wanted = len(arrays_of(metric, metric.init()))
    if len(arrays) != wanted:
        raise ArgumentError(
            f"{metric.name}: expected {wanted} arrays, one for each of its variables, "
            f"got {len(arrays)}. Begin with metric.stateless_reset_state()."
        )
    return _taken_from(metric, iter(arrays))


def _taken_from(metric: Any, arrays: Iterator[Any]) -> State:
    own = {name: plain(next(arrays)) for name in own_names(metric)}
    children = {name: _taken_from(child, arrays) for name, child in metric.children().items()}
    return joined(own, children)
