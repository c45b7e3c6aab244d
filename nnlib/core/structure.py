"""What a layer holds: its name, its dtypes, its flags, and the layers below it."""

from typing import TYPE_CHECKING, Any

from nnlib.core import declare
from nnlib.core.dtypes import DTypePolicy
from nnlib.core.dtypes import get as get_policy
from nnlib.core.frame import current_frame
from nnlib.core.internals import Internals
from nnlib.core.naming import snake_case
from nnlib.core.specs import Weight
from nnlib.core.symbol import Node
from nnlib.core.tree import Path

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


class Structure:
    """The part of `Layer` that can be asked without computing anything."""

    _core: Internals

    @property
    def name(self) -> str:
        """The name given, else the one its model gave it, else its class in snake case."""
        core = self._core
        return core.name or core.assigned_name or snake_case(type(self).__name__)

    @property
    def explicit_name(self) -> str | None:
        """The name given by the user, or None."""
        return self._core.name

    @property
    def dtype_policy(self) -> Any:
        """The dtypes that weights are kept and computed in."""
        return self._core.policy or get_policy(None)

    def own_policy(self) -> DTypePolicy:
        """The policy itself, or what it says for the path of this layer if it is a map."""
        core, frame = self._core, current_frame()
        if core.own_policy is not None:
            return core.own_policy
        policy = self.dtype_policy
        if frame is None or not policy.by_path:
            return policy.at(self.name)
        core.own_policy = policy.at(frame.policy_path(self))
        return core.own_policy

    @property
    def compute_dtype(self) -> str:
        """The dtype of computation."""
        return self.own_policy().compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self.own_policy().variable_dtype

    dtype = variable_dtype

    @property
    def built(self) -> bool:
        """Whether its weights are declared."""
        return self._core.built

    @built.setter
    def built(self, value: bool) -> None:
        self._core.built = bool(value)

    @property
    def trainable(self) -> bool:
        """Whether its weights are trained; setting it sets all layers below too."""
        return self._core.trainable

    @trainable.setter
    def trainable(self: "Layer", value: bool) -> None:  # type: ignore[misc]
        for _, layer in self.layout():
            layer._core.trainable = bool(value)

    @property
    def own_weights(self) -> dict[str, Weight]:
        """The declarations of its own weights by attribute name."""
        return self._core.weights

    @property
    def nodes(self) -> list[Node]:
        """Its calls on symbols."""
        return self._core.nodes

    @property
    def input(self: "Layer") -> Any:  # type: ignore[misc]
        """The symbols of its first call."""
        args, _ = declare.first_node(self).arguments()
        return args[0] if len(args) == 1 else args

    @property
    def output(self: "Layer") -> Any:  # type: ignore[misc]
        """The symbols that its first call returned."""
        return declare.first_node(self).outputs

    def children(self: "Layer") -> list[tuple[str, "Layer"]]:  # type: ignore[misc]
        """(name, layer) of the layers held in attributes, lists and dicts.

        They come in the order in which they were put there, as Keras counts them: a layer appended
        to a list stands behind what was assigned before.
        """
        times = self._core.assigned

        def when(child: tuple[str, "Layer"]) -> int:
            return max(times.get(child[0].split("/")[0], 0), child[1]._core.born)

        return sorted(declare.children_in(vars(self)), key=when)

    def layout(self: "Layer") -> list[tuple[Path, "Layer"]]:  # type: ignore[misc]
        """(path, layer) of itself and all below, each once: its first path names a shared layer."""
        return declare.layout(self)

    def weight_specs(self: "Layer") -> list[tuple[Path, "Layer", str, Weight]]:  # type: ignore[misc]
        """(path of the layer, layer, name, declaration) of every weight."""
        return [(p, la, n, w) for p, la in self.layout() for n, w in la.own_weights.items()]
