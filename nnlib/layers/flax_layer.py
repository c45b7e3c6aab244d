"""FlaxLayer: a module of Flax as a layer."""

import inspect
from collections.abc import Mapping
from typing import Any

import jax

from nnlib.core.errors import ArgumentError, MissingExtraError
from nnlib.layers.dropout import seeded
from nnlib.layers.jax_layer import JaxLayer


class FlaxLayer(JaxLayer):
    """`module.apply(variables, inputs)` for a module of `flax.linen`.

    The collection "params" is trained; all others (such as "batch_stats") are state. While
    training, random numbers come under the name "dropout". Needs `pip install 'nnlib[flax]'`.

    Args:
        module: a `flax.linen.Module`.
        method: the method to call, itself or its name; `__call__` if None. It gets `training` if it
            takes that.
        variables: what `module.init` returned, to begin with; made when the layer is built if None.
        kwargs: `seed`, as for JaxLayer, and name, trainable, dtype.

    Input shape:
        What the module takes.

    Output shape:
        What it returns.

    Raises:
        ArgumentError: for what is not such a module, or a method that it lacks.
        MissingExtraError: if Flax is not installed.

    >>> import flax.linen, jax.numpy as jnp, nnlib as nn
    >>> nn.layers.FlaxLayer(flax.linen.Dense(3))(jnp.ones((2, 4))).shape
    (2, 3)
    """

    def __init__(self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any):
        linen = _linen()
        if not isinstance(module, linen.Module):
            raise ArgumentError(
                f"FlaxLayer: expected module to be a flax.linen.Module, got {module!r}."
            )
        if isinstance(method, str) and not hasattr(module, method):
            raise ArgumentError(f"FlaxLayer: expected a method of the module, got {method!r}.")
        function = getattr(module, method) if isinstance(method, str) else method
        takes = "training" in inspect.signature(function or module.__call__).parameters
        mutable = linen.DenyList(["params"])

        def options(training: bool) -> dict[str, Any]:
            return {"method": method} | ({"training": training} if takes else {})

        def call_fn(params: Any, state: Any, rng: Any, inputs: Any, training: bool) -> Any:
            variables = {**params, **state}
            out, new = module.apply(
                variables, inputs, rngs=rng, mutable=mutable, **options(training)
            )
            return out, {name: new[name] for name in state}

        def init_fn(rng: Any, inputs: Any, training: bool) -> Any:
            return _split(module.init(rng, inputs, **options(training)))

        params, state = (None, None) if variables is None else _split(variables)
        super().__init__(call_fn, init_fn, params, state, **kwargs)
        self.module, self.method = module, method

    def init_rng(self, key: Any) -> dict[str, Any]:
        """Keys by Flax's names."""
        params, dropout = jax.random.split(key)
        return {"params": params, "dropout": dropout}

    def call_rng(self) -> dict[str, Any]:
        """A key by Flax's name."""
        return {"dropout": seeded(self.next_key(), self.seed)}

    def inference_rng(self) -> dict[str, Any]:
        """No keys."""
        return {}


def _split(variables: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Trained collections, and all others."""
    params = {name: tree for name, tree in variables.items() if name == "params"}
    return params, {name: tree for name, tree in variables.items() if name != "params"}


def _linen() -> Any:
    try:
        from flax import linen  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "FlaxLayer: expected Flax to be installed. Write pip install 'nnlib[flax]'."
        ) from error
    return linen
