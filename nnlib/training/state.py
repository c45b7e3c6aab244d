"""TrainState: everything that a training step reads and replaces."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnlib.core.tree import Tree, merge

CARRIED = "carried_state"
"""The entry among metric sums that holds the state of stateful layers in an evaluation."""


class TrainState(NamedTuple):
    """One pytree of arrays, donated to each step and returned by it.

    With the same TrainState and the same batches, training always goes the same way: it is what a
    checkpoint has to hold.
    """

    trainable: Tree
    """Weights that are trained."""
    frozen: Tree
    """Weights of layers with `trainable = False`: no gradient, no optimizer slots."""
    state: Tree
    """Weights declared with `trainable=False`: running statistics, counters."""
    opt: Any
    """The optimizer's state, learning rate included."""
    metrics: dict[str, Any]
    """Running sums behind the logs."""
    rng: jax.Array
    """The key that every step's key is folded from."""
    step: jax.Array
    """The number of steps done, int32."""

    @property
    def params(self) -> Tree:
        """All params in one tree, as `apply` takes them."""
        return merge(self.frozen, self.trainable)


@jax.jit
def copied(tree: Any) -> Any:
    """New arrays with the same values, in one dispatch: steps donate what they are given."""
    return jax.tree.map(jnp.copy, tree)
