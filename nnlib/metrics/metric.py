"""Metric: a number that builds up over batches. A pure core, and the facade Keras users know."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.arguments import pure_initializer
from nnlib.core.compat import is_traced
from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError, StateWriteError
from nnlib.core.naming import snake_case
from nnlib.core.registries import initializers
from nnlib.core.settings import floatx
from nnlib.metrics.bridge import (
    CHILDREN,
    build_bridges,
    held_in,
    is_bridged,
    joined,
    own_part,
    purely_written,
)
from nnlib.metrics.scope import State, scope_of
from nnlib.metrics.stateless import StatelessMethods, own_names
from nnlib.metrics.variable import Declared, MetricVariable

_AGGREGATIONS = ("none", "sum", "mean", "only_first_replica")


class Metric(StatelessMethods, Configurable):
    """The base of metrics, which may be written in two ways.

    Pure: `init() -> state`, a dict of arrays; `update(state, y_true, y_pred, sample_weight=None)
    -> state`, in which a weight of 0 leaves a row out exactly, whatever it holds; and
    `compute(state) -> value`. All three work inside jit.

    As in Keras: `add_variable` in `__init__`, `assign` in `update_state`, and `result`. The pure
    functions then come by themselves: they run these methods while the variables stand for the
    state that was passed in. So both kinds of methods are there for every metric.

    Args:
        dtype: the float type to compute in; None for `floatx()`.
        name: for logs; None for the class name in snake_case.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> class Largest(nn.metrics.Metric):
    ...     def init(self):
    ...         return {"largest": jnp.float32(-jnp.inf)}
    ...     def update(self, state, y_true, y_pred, sample_weight=None):
    ...         keep = True if sample_weight is None else sample_weight[:, None] != 0
    ...         largest = jnp.max(jnp.where(keep, y_pred, -jnp.inf))
    ...         return {"largest": jnp.maximum(state["largest"], largest)}
    ...     def compute(self, state):
    ...         return state["largest"]
    >>> metric = Largest()
    >>> metric.update_state(jnp.zeros((2, 1)), jnp.array([[3.0], [1.0]]))
    >>> float(metric.result())
    3.0
    >>> class Total(nn.metrics.Metric):
    ...     def __init__(self, name="total", **kwargs):
    ...         super().__init__(name=name, **kwargs)
    ...         self.total = self.add_variable(shape=(), initializer="zeros", name="total")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.total.assign_add(jnp.sum(y_pred))
    ...     def result(self):
    ...         return self.total
    >>> metric = Total()
    >>> float(metric.compute(metric.update(metric.init(), None, jnp.ones(3)))), float(metric.total)
    (3.0, 0.0)
    """

    shaped_by_data = False  # whether `prepare` must see a batch before `init` is complete

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        build_bridges(cls)

    def __init__(self, dtype: Any = None, name: str | None = None):
        if name is not None and (not isinstance(name, str) or not name):
            raise ArgumentError(
                f"{type(self).__name__}: expected name to be a non-empty string, got {name!r}."
            )
        self.name = name or snake_case(type(self).__name__)
        self.dtype = jnp.dtype(getattr(dtype, "compute_dtype", dtype) or floatx()).name
        self._declared: dict[str, Declared] = {}
        self._state: State | None = None

    # The pure core ----------------------------------------------------------------------------

    def init(self) -> State:
        """The state before any batch."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected init(), update(state, ...) and compute(state), "
            "got no init. They are pure: state is a dict of arrays, returned and not assigned. "
            "Or write update_state() and result() over variables of add_variable()."
        )

    def update(self, state: State, *args: Any, **kwargs: Any) -> State:
        """The state after another batch."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected update(state, y_true, y_pred, sample_weight=None), "
            "got none."
        )

    def compute(self, state: State) -> jax.Array:
        """The value of a state."""
        raise NotImplementedError(f"{type(self).__name__}: expected compute(state), got none.")

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """Look at the shapes of a batch before the first one; `init` may depend on them."""

    # Variables --------------------------------------------------------------------------------

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str | None = "sum",
        name: str | None = None,
    ) -> MetricVariable:
        """A new variable: an array that `update_state` may assign.

        Args:
            shape: of the array.
            initializer: of its first value; `reset_state` returns to that. None for zeros.
            dtype: None for `floatx()`.
            aggregation: "none", "sum", "mean" or "only_first_replica": how Keras joins the values
                of several processes. Here one program sees the whole batch, so there is nothing
                to join, whatever it is.
            name: its key in the state; None for "variable".

        Raises:
            ArgumentError: for an unknown aggregation, before `super().__init__()`, and for a
                metric that is written purely.
        """
        if "_declared" not in vars(self):
            raise ArgumentError(
                f"{type(self).__name__}: expected super().__init__() before add_variable(), got "
                "none. Call it first in __init__."
            )
        if not is_bridged(type(self)):
            raise ArgumentError(
                f"{self.name}: expected a metric that is written with update_state() and result(), "
                "got add_variable() in one with init(), update() and compute(). Put the array "
                "into the dict that init() returns."
            )
        if aggregation not in (None, *_AGGREGATIONS):
            raise ArgumentError(
                f"{self.name}: expected aggregation to be one of {', '.join(_AGGREGATIONS)}, "
                f"got {aggregation!r}."
            )
        key = self._free_key(name or "variable")
        start = pure_initializer(initializers.get("zeros" if initializer is None else initializer))
        dims = (shape,) if isinstance(shape, int) else tuple(shape)
        self._declared[key] = Declared(dims, start, jnp.dtype(dtype or floatx()))
        if self._state is not None or scope_of(self) is not None:
            self.write_state({key: self._declared[key].initial()})
        return MetricVariable(self, key)

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> MetricVariable:
        """An older name of `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def _free_key(self, name: str) -> str:
        key, number, taken = name, 0, {*self._declared, *self._pure_init(), CHILDREN}
        while key in taken:
            number += 1
            key = f"{name}_{number}"
        return key

    @property
    def variables(self) -> list[MetricVariable]:
        """The arrays of the facade's state, those of metrics held as attributes behind."""
        own = [MetricVariable(self, name) for name in own_names(self)]
        return own + [v for child in self.children().values() for v in child.variables]

    # State ------------------------------------------------------------------------------------

    def own_state(self) -> State:
        """The state as of now, without the metrics held as attributes."""
        if (scope := scope_of(self)) is not None:
            return scope.states[id(self)]
        if self._state is None:
            own = own_part(self.init())
            if is_traced():
                return own  # made of tracers: nothing to keep
            self._state = own
        return self._state

    def write_state(self, values: State) -> None:
        """Put values into the state as of now.

        Raises:
            StateWriteError: under jit, vmap or grad outside of `update`, and as in Scope.
        """
        if (scope := scope_of(self)) is not None:
            scope.write(self, values)
        elif is_traced():
            raise StateWriteError(
                f"{self.name}: expected update_state() outside of jit, vmap and grad, got a write "
                f"of {', '.join(values)} within. The pure state = metric.update(state, ...) and "
                "metric.compute(state) work there."
            )
        else:
            self._state = {**self.own_state(), **values}

    @property
    def state(self) -> State:
        """The facade's state; assign one to continue from it."""
        return joined(
            self.own_state(), {name: child.state for name, child in self.children().items()}
        )

    @state.setter
    def state(self, value: State) -> None:
        self._state = own_part(value)
        for name, child in self.children().items():
            child.state = value[CHILDREN][name]

    def initial_state(self) -> State:
        """The state of a new metric: as `init`, but for what `reset_state` may assign."""
        declared = {key: variable.initial() for key, variable in self._declared.items()}
        children = {name: child.init() for name, child in self.children().items()}
        return joined({**self._pure_init(), **declared}, children)

    def children(self) -> "dict[str, Metric]":
        """The metrics held as attributes, by name; none where a state is written purely."""
        if not is_bridged(type(self)):
            return {}
        return dict(pair for name, value in vars(self).items() for pair in held_in(name, value))

    def _pure_init(self) -> State:
        init = purely_written(type(self), "init")
        state: State = {} if init is Metric.init else init(self)
        return state

    # The facade -------------------------------------------------------------------------------

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in another batch: `update`, on the facade's own state."""
        state = self.own_state()
        if self.shaped_by_data:
            purely_written(type(self), "prepare")(self, *args, **kwargs)
            state = {**self._pure_init(), **state}
        self.write_state(purely_written(type(self), "update")(self, state, *args, **kwargs))

    def result(self) -> Any:
        """The value over all batches since `reset_state`."""
        return purely_written(type(self), "compute")(self, self.own_state())

    def reset_state(self) -> None:
        """Begin again."""
        if (scope := scope_of(self)) is not None:
            scope.write(self, own_part(self.initial_state()))
        else:
            self._state = None
        for child in self.children().values():
            child.reset_state()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this metric again, as plain data."""
        config = super().get_config()
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in config.items()}

    def __setattr__(self, name: str, value: Any) -> None:
        if scope_of(self) is not None and _has_tracer(value):
            raise StateWriteError(
                f"{self.name}: expected arrays to be kept in variables, got attribute {name!r} "
                "assigned while update_state() is compiled. Make it one in __init__: "
                f"self.{name} = self.add_variable(...), and self.{name}.assign(...) here."
            )
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _has_tracer(value: Any) -> bool:
    leaves = jax.tree.leaves(value, is_leaf=lambda leaf: isinstance(leaf, MetricVariable))
    return any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
