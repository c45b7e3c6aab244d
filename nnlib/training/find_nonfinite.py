"""Which layer is the first to put out NaN or infinity."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import NonFiniteLossError
from nnlib.core.layer import Layer

if TYPE_CHECKING:
    from nnlib.models.model import Model
    from nnlib.training.position import Position
    from nnlib.training.state import TrainState


def find_nonfinite(model: "Model", x: Any, state: "TrainState | None" = None) -> str | None:
    """The first thing on the way of `x` through the model that is not finite, in words.

    Looks at the inputs, then at the weights, then at the output of every layer in the order in
    which they run, in training mode.

    Args:
        model: a built model.
        x: one batch of inputs.
        state: the weights to use; the model's own if None.

    Returns:
        A sentence, or None if everything is finite.

    >>> import numpy as np, nnlib as nn
    >>> model = nn.Sequential([nn.layers.Dense(2, input_shape=(1,), name="first")])
    >>> model.layers[0].bias = [np.inf, 0.0]
    >>> find_nonfinite(model, np.ones((1, 1), "float32"))
    'the weight first/bias holds 1 non-finite value of 2'
    """
    if state is None:
        state = model.get_train_state()
    if bad := _count(x):
        return f"the input holds {bad}"
    for path, layer, name, _ in model.weight_specs():
        array = _leaf(state, (*path, name))
        if bad := _count(array):
            return f"the weight {'/'.join((*path, name))} holds {bad}"
        del layer
    found: list[str] = []

    def look(layer: Layer, path: str, out: Any) -> None:
        bad = None if found else _count(out)
        if bad:
            kind = type(layer).__name__
            found.append(f"the output of {path or layer.name} ({kind}) holds {bad}")

    model.apply_full(
        state.params,
        state.state,
        x,
        training=True,
        rng=jax.random.fold_in(state.rng, state.step),
        observer=look,
    )
    return found[0] if found else None


def stop_at_nonfinite(model: "Model", batch: Any, state: "TrainState", logs: Any) -> None:
    """Stop at the first step whose loss is not finite, and say where that began."""
    if "loss" not in logs or bool(jnp.isfinite(logs["loss"])):
        return
    where = find_nonfinite(model, batch.x, state) or "every layer is finite, the loss is not"
    raise NonFiniteLossError(
        f"fit: expected a finite loss, got {float(logs['loss'])} at step {int(state.step)}: "
        f"{where}. Check the data, lower the learning rate, or clip gradients (clipnorm=1.0)."
    )


def raise_if_nan(sums: dict[str, Any], position: "Position") -> None:
    """NonFiniteLossError, if the loss of one of these steps was NaN."""
    first = int(sums.get("first_nan", -1))
    if first < 0:
        return
    batch = first - position.epoch_step
    raise NonFiniteLossError(
        f"fit: expected a finite loss, got NaN at step {first} (epoch {position.epoch + 1}, "
        f"batch {batch}). Check the data for NaN, lower the learning rate, or clip gradients "
        "(clipnorm=1.0). To find the layer, train again with compile(..., run_eagerly=True): "
        "it stops at that step and names the first layer that is not finite."
    )


def _leaf(state: "TrainState", path: tuple[str, ...]) -> Any:
    for tree in (state.trainable, state.frozen, state.state):
        node: Any = tree
        for part in path:
            node = node.get(part) if isinstance(node, dict) else None
        if node is not None:
            return node
    return None


def _count(tree: Any) -> str | None:
    """For example "3 non-finite values of 12"; None if all are finite."""
    arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    arrays = [a.astype(np.float32) for a in arrays if not np.issubdtype(a.dtype, np.integer)]
    bad = sum(int(np.sum(~np.isfinite(a))) for a in arrays)
    total = sum(a.size for a in arrays)
    return f"{bad} non-finite value{'s' if bad > 1 else ''} of {total}" if bad else None
