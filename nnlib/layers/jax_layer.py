"""JaxLayer: pure functions of JAX, with their weights, as a layer."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, StateWriteError
from nnlib.core.layer import Layer
from nnlib.core.specs import ShapeSpec
from nnlib.layers.checks import place_of
from nnlib.layers.dropout import checked_seed, seeded


class JaxLayer(Layer):
    """`call_fn(params, state, rng, inputs, training)`, of which arguments may be left out.

    The function may look across the batch: `fit` never fills up a batch that it sees.

    Args:
        call_fn: takes `inputs`, and any of `params`, `state`, `rng`, `training`, under these names
            in any order. It returns the outputs, or `(outputs, new_state)` if it takes a state.
        init_fn: takes `inputs`, and any of `rng` and `training`; returns params, or `(params,
            state)` if `call_fn` takes a state. It is called on ones, with 1 for unknown sizes.
        params: a pytree of arrays to begin with, instead of `init_fn`.
        state: likewise.
        seed: an integer mixed into the key of the draws.

    Input shape:
        What the function takes.

    Output shape:
        What it returns.

    Raises:
        ArgumentError: for a function with other arguments, or for one that takes params or a state
            where there is nothing to begin with.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> def double(params, inputs):
    ...     return params["factor"] * inputs
    >>> layer = nn.layers.JaxLayer(double, params={"factor": jnp.array(2.0)})
    >>> layer(jnp.ones(2)).tolist()
    [2.0, 2.0]
    """

    mixes_rows = True  # it may: nobody knows what the function does

    def __init__(
        self,
        call_fn: Callable[..., Any],
        init_fn: Callable[..., Any] | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.call_fn, self.init_fn = call_fn, init_fn
        self.params, self.state = params, state
        self.seed = checked_seed(type(self).__name__, seed)
        known = ("params", "state", "rng", "inputs", "training")
        self._call_names = argument_names(call_fn, "call_fn", known)
        wanted = {"params", "state"} & set(self._call_names)
        if init_fn is not None:
            self._init_names = argument_names(init_fn, "init_fn", ("rng", "inputs", "training"))
        elif wanted and params is None and state is None:
            raise ArgumentError(
                f"{type(self).__name__}: expected init_fn, params or state for a call_fn that "
                f"takes {' and '.join(sorted(wanted))}, got none."
            )

    def build(self, inputs: Any) -> None:
        if self.params is None and self.state is None and self.init_fn is not None:
            make = self._initial_trees(inputs)
            trees = jax.eval_shape(make, jax.random.key(0))
        else:
            trees = self.params, self.state
            make = _constantly(trees)
        self._trees = {
            kind: self._declare(kind, tree, lambda key, i=index: make(key)[i])  # type: ignore[misc]
            for index, (kind, tree) in enumerate(zip(("params", "state"), trees, strict=True))
        }

    def call(self, inputs: Any, training: bool = False) -> Any:
        given: dict[str, Any] = {"inputs": inputs, "training": training}
        for kind in ("params", "state"):
            names, structure = self._trees[kind]
            given[kind] = jax.tree.unflatten(structure, [getattr(self, n) for n in names])
        if "rng" in self._call_names:
            given["rng"] = self.call_rng() if training else self.inference_rng()
        out = self.call_fn(*(given[name] for name in self._call_names))
        if "state" not in self._call_names:
            return out
        out, new_state = out
        self._write_state(new_state)
        return out

    def init_rng(self, key: Any) -> Any:
        """What `init_fn` gets as its rng."""
        return key

    def call_rng(self) -> Any:
        """What `call_fn` gets as its rng while training."""
        return seeded(self.next_key(), self.seed)

    def inference_rng(self) -> Any:
        """What `call_fn` gets as its rng otherwise."""
        return None

    def _initial_trees(self, specs: Any) -> Callable[[Any], tuple[Any, Any]]:
        """A function from a key to params and state."""

        def make(key: Any) -> tuple[Any, Any]:
            inputs = jax.tree.map(_ones, specs, is_leaf=_is_spec)
            given = {"rng": self.init_rng(key), "inputs": inputs, "training": True}
            out = self.init_fn(*(given[name] for name in self._init_names))  # type: ignore[misc]
            return out if "state" in self._call_names else (out, None)

        return make

    def _declare(self, kind: str, tree: Any, make: Callable[[Any], Any]) -> tuple[list[str], Any]:
        """File a weight for each array of a tree; returns their names, and the structure."""
        leaves, structure = jax.tree.flatten_with_path(tree)
        names = []
        for index, (path, value) in enumerate(leaves):
            name = f"{kind}.{jax.tree_util.keystr(path, simple=True, separator='.')}".rstrip(".")
            leaf = value if hasattr(value, "dtype") else np.asarray(value)
            floating = jnp.issubdtype(leaf.dtype, jnp.floating)
            weight = self.add_weight(
                leaf.shape,
                _leaf_of(make, index),
                None if floating else leaf.dtype,
                trainable=kind == "params",
            )
            setattr(self, name, weight)
            names.append(name)
        return names, structure

    def _write_state(self, new_state: Any) -> None:
        names, structure = self._trees["state"]
        leaves, new_structure = jax.tree.flatten(new_state)
        if new_structure != structure:
            raise StateWriteError(
                f"{place_of(self)}: expected a new state of the structure {structure}, "
                f"got {new_structure}."
            )
        self.update(**dict(zip(names, leaves, strict=True)))


def argument_names(function: Any, kind: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments of a function, if they are among those known and `inputs` is one of them."""
    if not callable(function):
        raise ArgumentError(f"JaxLayer: expected {kind} to be a function, got {function!r}.")
    names = tuple(inspect.signature(function).parameters)
    if "inputs" not in names or not set(names) <= set(known):
        raise ArgumentError(
            f"JaxLayer: expected {kind} to take inputs and any of "
            f"{', '.join(n for n in known if n != 'inputs')}, got ({', '.join(names)})."
        )
    return names


def _leaf_of(make: Callable[[Any], Any], index: int) -> Callable[..., jax.Array]:
    """An initializer that returns one leaf of what `make` returns; the rest is not computed."""

    def initial(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        pick = jax.jit(lambda k: jnp.asarray(jax.tree.leaves(make(k))[index], dtype))
        return pick(key)

    return initial


def _constantly(trees: tuple[Any, Any]) -> Callable[[Any], tuple[Any, Any]]:
    return lambda key: trees


def _is_spec(leaf: Any) -> bool:
    return isinstance(leaf, ShapeSpec)


def _ones(spec: Any) -> jax.Array:
    return jnp.ones([1 if size is None else size for size in spec.shape], spec.dtype)
