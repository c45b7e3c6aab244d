"""From a metric written as in Keras, by `update_state` and `result`, to the pure functions."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.metrics.scope import State, opened

CHILDREN = "metrics"  # where the states of metrics held as attributes stand


def own_part(state: Mapping[str, Any]) -> State:
    """A state without those of metrics held as attributes."""
    return {name: value for name, value in state.items() if name != CHILDREN}


def joined(own: Mapping[str, Any], children: Mapping[str, Any]) -> State:
    """The inverse of `own_part`."""
    return {**own, CHILDREN: dict(children)} if children else dict(own)


def held_in(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """(name, metric) of the metrics in an attribute: itself, or those in a list or dict."""
    if hasattr(type(value), "add_variable"):  # a Metric; asked by duck so that no import circles
        yield name, value
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from held_in(f"{name}_{index}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from held_in(f"{name}_{key}", item)


def _taken_apart(metric: Any, state: State) -> dict[int, State]:
    """A state by the identity of the metrics that it is made of."""
    apart = {id(metric): own_part(state)}
    for name, child in metric.children().items():
        apart |= _taken_apart(child, state[CHILDREN][name])
    return apart


def _put_together(metric: Any, states: dict[int, State]) -> State:
    children = {name: _put_together(child, states) for name, child in metric.children().items()}
    return joined(states[id(metric)], children)


def init_by_reset(self: Any) -> State:
    """The state before any batch: first values, then what the class's `reset_state` assigns."""
    state = self.initial_state()
    with opened(_taken_apart(self, state)) as scope:
        self.reset_state()
    return _put_together(self, scope.states)


def update_by_facade(self: Any, state: State, *args: Any, **kwargs: Any) -> State:
    """The state after another batch, by the class's `update_state`."""
    with opened(_taken_apart(self, state)) as scope:
        self.update_state(*args, **kwargs)
    return _put_together(self, scope.states)


def compute_by_facade(self: Any, state: State) -> Any:
    """The value of a state, by the class's `result`."""
    with opened(_taken_apart(self, state), writable=False):
        return jax.tree.map(jnp.asarray, self.result())


def prepare_by_trace(self: Any, *args: Any, **kwargs: Any) -> None:
    """Run `update_state` on shapes once: it may make its variables only then."""
    jax.eval_shape(lambda *arrays: self.update(self.init(), *arrays, **kwargs), *args)


FACADE = ("update_state", "result", "reset_state")
BRIDGES: dict[str, Callable[..., Any]] = {
    "init": init_by_reset,
    "update": update_by_facade,
    "compute": compute_by_facade,
    "prepare": prepare_by_trace,
}


def build_bridges(cls: type) -> None:
    """Give a class that overrides any of the facade the pure functions that run it."""
    if any(name in vars(cls) for name in FACADE):
        for name, bridge in BRIDGES.items():
            if name not in vars(cls):
                setattr(cls, name, bridge)


def is_bridged(cls: Any) -> bool:
    """Whether the pure functions of a class run its facade."""
    return cls.init is init_by_reset or cls.update is update_by_facade


def purely_written(cls: type, name: str) -> Callable[..., Any]:
    """The pure method `name` that the class or its nearest base wrote itself."""
    methods = (vars(base)[name] for base in cls.__mro__ if name in vars(base))
    return next(method for method in methods if method is not BRIDGES[name])
