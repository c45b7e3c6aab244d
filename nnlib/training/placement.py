"""Where the arrays of a training live. Here: on the one device that JAX takes by default."""

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.training.batch import Batch
from nnlib.training.peers import ALONE, Peers
from nnlib.training.state import TrainState


class Placement:
    """The arrays of a training on the default device.

    Strategies of `nnlib.distributed` bring one that spreads them over a mesh. Every method takes
    and returns a tree of arrays of the same structure and values.
    """

    replicas = 1
    """Into how many parts the rows of a batch are cut."""
    copies = 1
    """On how many devices of this process `rows` puts each array as a whole."""
    peers: Peers = ALONE
    """The processes that run the same steps."""

    @property
    def processes(self) -> int:
        """How many processes run the same steps: all of them have to take the same decisions."""
        return self.peers.count

    def state(self, state: TrainState) -> TrainState:
        """A state, where its steps run."""
        return state

    def rows(self, tree: Any) -> Any:
        """Arrays of all rows (or keys, orders, sums) that every device reads as a whole."""
        return jax.tree.map(jnp.asarray, tree)

    def batch(self, batch: Batch) -> Batch:
        """One batch from the host, ready for its step."""
        return jax.tree.map(jnp.asarray, batch)

    def spread(self, batch: Batch) -> Batch:
        """Within the trace of a step: its batch, cut along the rows."""
        return batch

    def kept(self, carry: Any) -> Any:
        """Within the trace of a step: what the step passes on, where it was before."""
        return carry

    def logs(self, logs: Any) -> Any:
        """Within the trace of a step: its logs, where every process can read them."""
        return logs

    def step(self) -> contextlib.AbstractContextManager[None]:
        """Within it a step is traced: layers read their weights as the placement says."""
        return contextlib.nullcontext()

    def made(self, function: Callable[[Any], Any], tree: Any) -> Any:
        """What `function` makes of trained weights (an optimizer's slots), compiled."""
        return jax.jit(function)(tree)  # one compilation, not one per shape

    def local(self, tree: Any) -> Any:
        """Weights as layers keep them between trainings, on the same devices.

        Arrays that nobody has put anywhere come along with the others by themselves.
        """
        arrays = [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array)]
        places = {frozenset(array.devices()) for array in arrays if array.committed}
        if len(places) < 2:
            return tree
        (default,) = jnp.zeros(()).devices()
        if not all(array.sharding.is_fully_replicated for array in arrays):
            warnings.warn(
                "Model: expected weights on the same devices, got some of them cut over several, "
                f"as by a strategy that trained their layers: all are brought to {default}, whole. "
                "Build, compile and train the model in the scope of that strategy.",
                stacklevel=2,
            )
        return jax.device_put(tree, default)  # layers that several strategies have trained

    def whole(self, tree: Any) -> Any:
        """Outputs of a step, for NumPy."""
        return tree


ONE_DEVICE = Placement()
