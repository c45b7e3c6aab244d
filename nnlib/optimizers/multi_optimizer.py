"""Several optimizers for one model, each with weights of its own."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import optimizers
from nnlib.optimizers.optimizer import Optimizer, State
from nnlib.optimizers.optimizer_map import OptimizerMap, WeightInfo, checked_inner
from nnlib.optimizers.rules import by_path


@optimizers.register("multi_optimizer", "MultiOptimizer")
class MultiOptimizer(Optimizer):
    """Each weight is trained by the optimizer that `optimizer_map` has for it.

    The state is {"learning_rate": {index: float32}, "step": int32, "optimizers": {index: state}},
    with the indices of `optimizers` as strings. Each one clips, averages and accumulates by itself.

    Args:
        optimizer_map: an OptimizerMap, or a function from a weight (with `path`, `name`, `shape`
            and `dtype`) to its Optimizer. The function is asked once for each path.
        loss_scale_factor: as in Optimizer, for all of them.
        name: for logs.

    Raises:
        ArgumentError: for anything else, and for optimizers that wrap others. Learning rates are
            read and set at the single `optimizers`.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> optimizer = nn.optimizers.MultiOptimizer(
    ...     nn.optimizers.OptimizerMap(nn.optimizers.SGD(0.5), {"head/.*": nn.optimizers.SGD(2.0)}))
    >>> params = {"body": {"w": jnp.array(1.0)}, "head": {"w": jnp.array(1.0)}}
    >>> updates, _ = optimizer.update(params, optimizer.init(params), params)
    >>> float(updates["body"]["w"]), float(updates["head"]["w"])
    (-0.5, -2.0)
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Any], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
        **unknown: Any,
    ):
        if not callable(optimizer_map) or isinstance(optimizer_map, Optimizer):
            raise ArgumentError(
                "MultiOptimizer: expected an OptimizerMap or a function from a weight to its "
                f"Optimizer, got {optimizer_map!r}."
            )
        self.optimizer_map = optimizer_map
        self.optimizers: list[Optimizer] = []
        self._chosen: dict[str, str] = {}
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name, **unknown)
        if isinstance(optimizer_map, OptimizerMap):
            mapped = (optimizer_map[key] for key in optimizer_map)
            for inner in (*mapped, optimizer_map.default_optimizer):
                self._index(inner)

    def init(self, params: Any) -> State:
        states = {i: self._inner(i).init(own) for i, own in self._parts(params, params).items()}
        return self._joined(jnp.int32(0), states)

    def update(self, grads: Any, state: State, params: Any = None) -> tuple[Any, State]:
        if params is None:
            raise ArgumentError(
                f"{self.name}: expected update(grads, state, params), got no params."
            )
        grads = self._parts(jax.tree.map(self._unscaled, grads), params)
        changes, states = {}, {}
        for i, own in self._parts(params, params).items():
            rate = state["learning_rate"].get(i)
            inner = state["optimizers"][i] | ({} if rate is None else {"learning_rate": rate})
            changes[i], states[i] = self._inner(i).update(grads[i], inner, own)
        return self._whole(changes, params), self._joined(state["step"] + 1, states)

    def averages(self, state: State) -> Any:
        """The running means of the weights, None for those of optimizers without `use_ema`."""
        inner = state["optimizers"].items()
        kept = {i: mean for i, own in inner if (mean := self._inner(i).averages(own)) is not None}
        if not kept:
            return None
        parts = list(kept.values())
        return jax.tree.map(
            lambda *found: next((mean for mean in found if mean is not None), None),
            *parts,
            is_leaf=lambda leaf: leaf is None,
        )

    def finalize_variable_values(self, var_list: Any, state: State) -> Any:
        ends = {
            i: self._inner(i).finalize_variable_values(own, state["optimizers"][i])
            for i, own in self._parts(var_list, var_list).items()
        }
        return self._whole(ends, var_list)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """As `Optimizer.exclude_from_weight_decay`, at each of the optimizers known so far."""
        for inner in self.optimizers:
            inner.exclude_from_weight_decay(var_list, var_names)

    # Which weights belong to which optimizer -----------------------------------------------------

    def _index(self, inner: Any) -> str:
        checked_inner("MultiOptimizer", inner)
        if not any(inner is known for known in self.optimizers):
            self.optimizers.append(inner)
        return str(next(i for i, known in enumerate(self.optimizers) if known is inner))

    def _inner(self, index: str) -> Optimizer:
        return self.optimizers[int(index)]

    def _indices(self, params: Any) -> list[str]:
        for path, weight in by_path(params):
            if path not in self._chosen:
                info = WeightInfo(path, jnp.shape(weight), weight.dtype)
                self._chosen[path] = self._index(self.optimizer_map(info))
        return [self._chosen[path] for path, _ in by_path(params)]

    def _parts(self, tree: Any, params: Any) -> dict[str, Any]:
        """{index: the tree with None for the leaves of the others}."""
        indices = self._indices(params)
        structure: Any = jax.tree.structure(params)
        leaves = structure.flatten_up_to(tree)

        def part(index: str) -> Any:
            own = zip(indices, leaves, strict=True)
            return structure.unflatten([leaf if i == index else None for i, leaf in own])

        return {index: part(index) for index in dict.fromkeys(indices)}

    def _whole(self, parts: dict[str, Any], params: Any) -> Any:
        structure: Any = jax.tree.structure(params)
        leaves = {index: structure.flatten_up_to(part) for index, part in parts.items()}
        indices = self._indices(params)
        return structure.unflatten([leaves[index][n] for n, index in enumerate(indices)])

    # The state that is shown ---------------------------------------------------------------------

    def _joined(self, step: jax.Array, states: dict[str, State]) -> State:
        rates = {i: own["learning_rate"] for i, own in states.items() if "learning_rate" in own}
        rest = {i: {n: v for n, v in own.items() if n != "learning_rate"}
                for i, own in states.items()}  # fmt: skip
        return {"learning_rate": rates, "step": step, "optimizers": rest}

    @property
    def state(self) -> State | None:
        """What is known of the state, with learning rates set at `optimizers` meanwhile."""
        shown = self.__dict__.get("_shown")
        if shown is None:
            return None
        old = shown["learning_rate"]
        rates = {i: (self._inner(i).state or {})["learning_rate"] for i in old}
        if any(rates[i] is not old[i] for i in old):
            self.__dict__["_shown"] = shown = shown | {"learning_rate": rates}
        return shown

    @state.setter
    def state(self, value: State | None) -> None:
        self.__dict__["_shown"] = value
        for number, inner in enumerate(self.optimizers):
            inner.state = None if value is None else _state_of(value, str(number))

    @property
    def learning_rate(self) -> Any:
        """Refused: each of `optimizers` has its own."""
        raise AttributeError(_RATES)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(_RATES)


_RATES = (
    "MultiOptimizer: expected the learning rate of one of its optimizers, got that of all. "
    "Write optimizer.optimizers[0].learning_rate."
)


def _state_of(whole: State, index: str) -> State | None:
    """What `whole` tells of one optimizer; None of one without weights."""
    rate = whole["learning_rate"].get(index)
    own = whole.get("optimizers", {}).get(index, {})
    if rate is None and not own:
        return None
    return {**own, "step": whole["step"]} | ({} if rate is None else {"learning_rate": rate})
