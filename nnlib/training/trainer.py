"""Trainer: what a model needs to be trained, and the state of that training."""

import contextlib
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib import losses as losses_
from nnlib import optimizers as optimizers_
from nnlib.core.errors import ArgumentError, NotCompiledError
from nnlib.core.masks import flat_masks
from nnlib.core.random import facade_keys
from nnlib.core.scope import step_on_replicas
from nnlib.core.tree import flatten, partition
from nnlib.models.joining import join_scope
from nnlib.models.trainable import overrides
from nnlib.training import step as steps
from nnlib.training.batch import Batch, as_batch, row_count
from nnlib.training.compiled import Compiled
from nnlib.training.feed import ArrayFeed, Feed
from nnlib.training.find_nonfinite import stop_at_nonfinite
from nnlib.training.objective import Objective
from nnlib.training.padding import keeps_rows_apart
from nnlib.training.placement import ONE_DEVICE, Placement
from nnlib.training.position import Position
from nnlib.training.predictor import Predictor
from nnlib.training.runner import EagerRunner, Runner
from nnlib.training.session import Session, close_others
from nnlib.training.source import Source
from nnlib.training.state import CARRIED, TrainState, copied
from nnlib.training.stream import StreamFeed
from nnlib.training.trained_layers import TrainedLayers

if TYPE_CHECKING:
    from nnlib.models.model import Model


class Trainer:
    """Trains one model. Made by the model on first use; `model.trainer`.

    Args:
        model: the one to train.
    """

    def __init__(self, model: "Model"):
        self.model = model
        self.place = f"{model.name} ({type(model).__name__})"
        self.compiled: Compiled | None = None
        self.objective: Objective | None = None
        self.session: Session | None = None
        self.position = Position()
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.fitting = False
        self.history: Any = None
        self._rng: Any = None
        self._step = 0
        self.trained = TrainedLayers(model)
        self._runners: dict[Any, Any] = {}
        self._rate: Any = None
        self._predictor: Any = None
        self._slots_for: dict[str, Any] | None = None
        self._opt: Any = None
        self._placement: Placement | None = None
        self._sums: dict[str, Any] = {}

    @property
    def placement(self) -> Placement:
        """Where the arrays of its training live, as the strategy of the model says."""
        if self._placement is None:
            strategy = self.model.distribute_strategy
            self._placement = ONE_DEVICE if strategy is None else strategy.placement_of(self.model)
        return self._placement

    # compile -----------------------------------------------------------------------------------

    def compile(self, compiled: Compiled) -> None:
        """Take optimizer, losses and metrics, and note which layers are trained."""
        self.refuse_within_fit("compile")
        self.close()
        compiled.check(self.place)
        if join_scope(self.model):
            self._placement = self._predictor = None
        optimizer = optimizers_.get(compiled.optimizer)
        if compiled.auto_scale_loss and self.model.dtype_policy.name == "mixed_float16":
            optimizer = _scaled(optimizer)
        self.compiled = Compiled(**{**vars(compiled), "optimizer": optimizer})
        self.objective = None
        self._slots_for = self._opt = None
        self._sums = {}
        self._runners = {}
        self.trained.note()
        if compiled.loss is not None and not isinstance(compiled.loss, dict | list | tuple):
            losses_.as_loss(compiled.loss)  # an unknown name is refused here, not at the first fit

    @property
    def optimizer(self) -> Any:
        """The optimizer given to `compile`, as an object."""
        return self.require_compiled("optimizer").optimizer

    def require_compiled(self, caller: str) -> Compiled:
        """The arguments of `compile`; raises NotCompiledError without them."""
        if self.compiled is None:
            raise NotCompiledError(
                f"{self.place}: expected compile() before {caller}, got none. Write "
                "model.compile(optimizer='adam', loss='mse') first."
            )
        return self.compiled

    def refuse_within_fit(self, caller: str) -> None:
        """Raises ArgumentError if called by a callback of a fit of this model."""
        if self.fitting:
            raise ArgumentError(
                f"{self.place}: expected {caller}() outside of the model's own fit, got it in a "
                "callback. Set model.stop_training = True there and call it after fit(); a "
                "learning rate may be set at any time: model.optimizer.learning_rate = 1e-4."
            )

    def prepare_for(self, batch: Batch) -> Objective:
        """Build the model on the first batch, and match losses and metrics to its outputs."""
        model, compiled = self.model, self.compiled or Compiled(None)
        close_others(model, self.session)
        _refuse_several_inputs(model)
        if not model.built:
            model.ensure_declared(batch.x)
        if self.objective is None:
            specs = jax.tree.map(_spec, batch)
            declared = model.declare(specs.x, training=True)
            names, outputs = model.name_outputs(declared), jax.tree.leaves(declared)
            targets = None if batch.y is None else _targets_in_order(specs.y, names)
            self.objective = Objective(
                self.place,
                names,
                outputs,
                targets,
                compiled.loss,
                compiled.loss_weights,
                compiled.metrics,
                compiled.weighted_metrics,
                model.loss_parts if overrides(model, "compute_loss") else None,
            )
        return self.objective

    def pads(self) -> bool:
        """Whether a short last batch may be filled up and masked, with exact results."""
        assert self.objective is not None
        apart = all(keeps_rows_apart(layer) for _, layer in self.model.layout())
        own = overrides(self.model, "train_step", "test_step", "compute_loss")
        return apart and self.objective.counts_by_row and not own

    # The state ---------------------------------------------------------------------------------

    def open(self) -> Session:
        """The session in which steps run; begins one with the weights that the layers have."""
        close_others(self.model, self.session)
        if self.session is None:
            self.session = Session(self, self.make_state())
            self.show_optimizer()
        return self.session

    def close(self) -> None:
        """End the session: layers and optimizer have their arrays again."""
        if self.session is None:
            return
        session, self.session = self.session, None
        self.keep(session.close())

    def make_state(self) -> TrainState:
        """A TrainState of copies, ready to step from."""
        made = self.kept_state()
        return made if self.session is not None else self.placement.state(made)

    def kept_state(self) -> TrainState:
        """A TrainState of copies: weights, optimizer, key and step as they are now."""
        if self.session is not None:
            return copied(self.session.current())
        params, state = copied(self.placement.local(self.model.variables))
        layers = dict(self.model.layout())
        trainable, frozen = partition(params, lambda path: self.trained.holds(layers[path[:-1]]))
        opt: Any = {}
        if self.compiled is not None and self.compiled.optimizer is not None:
            opt = self.optimizer_state(trainable)
        if self._rng is None:
            self._rng = facade_keys.next_key()
        objective, sums = self.objective, self._sums
        sums = copied(sums) if objective is None or sums else objective.zeros()
        step, rng = jnp.asarray(self._step, jnp.int32), jnp.copy(self._rng)
        # Slots may have stayed where weights were before somebody put these elsewhere.
        return self.placement.local(TrainState(trainable, frozen, state, opt, sums, rng, step))

    def optimizer_state(self, trainable: Any) -> Any:
        """The state kept from before, if it was made for these weights; else a new one.

        Slots belong to this model, the learning rate to the optimizer: two models may share one.
        """
        shapes = {path: leaf.shape for path, leaf in flatten(trainable).items()}
        if self._opt is None or shapes != self._slots_for:
            self._slots_for = shapes
            return self.placement.made(self.optimizer.init, trainable)
        shown = self.optimizer.state
        if shown and "learning_rate" in shown and "learning_rate" in self._opt:
            return copied({**self._opt, "learning_rate": shown["learning_rate"]})
        return copied(self._opt)

    def load_state(self, state: TrainState) -> None:
        """Go on from `state`: weights, optimizer, key and step."""
        if self.session is not None:
            self.session.advance(self.placement.state(copied(state)))
            self.show_optimizer()
            return
        state = self.placement.local(copied(state))
        self.model.variables = (state.params, state.state)
        self.keep(state)

    def keep(self, state: TrainState) -> None:
        """Go on from all of `state` but its weights."""
        state = self.placement.local(state)
        self._rng, self._step, self._sums = state.rng, int(state.step), state.metrics
        if self.compiled is not None and self.compiled.optimizer is not None:
            self._opt = self.compiled.optimizer.state = state.opt
            self._slots_for = {p: leaf.shape for p, leaf in flatten(state.trainable).items()}

    def reset_metrics(self) -> None:
        """Begin the running sums again."""
        self._sums = {}
        if self.session is not None and self.objective is not None:
            self.session.advance(self.current()._replace(metrics=self.zero_sums()))

    # Evaluation --------------------------------------------------------------------------------

    @property
    def stateful(self) -> bool:
        """Whether a layer carries its state from batch to batch, also in evaluation."""
        return any(getattr(layer, "stateful", False) for _, layer in self.model.layout())

    def zero_sums(self) -> dict[str, Any]:
        """The sums behind the logs before a first step."""
        assert self.objective is not None
        return self.placement.rows(self.objective.zeros())

    def test_sums(self, state: TrainState) -> dict[str, Any]:
        """What an evaluation begins with: metric sums, and the state of stateful layers."""
        sums = self.zero_sums()
        return sums | {CARRIED: copied(state.state)} if self.stateful else sums

    def keep_test_state(self, sums: dict[str, Any]) -> None:
        """Let stateful layers go on from where an evaluation left them."""
        if CARRIED not in sums:
            return
        if self.session is not None:
            self.session.advance(self.current()._replace(state=sums[CARRIED]))
        else:
            self.model.variables = (self.model.variables[0], self.placement.local(sums[CARRIED]))

    def show_optimizer(self) -> None:
        """Let the optimizer tell its learning rate and step while the session has the rest."""
        assert self.session is not None
        opt = self.session.state.opt
        if isinstance(opt, dict) and "learning_rate" in opt:
            shown = copied({name: opt[name] for name in ("learning_rate", "step")})
            self._rate = shown["learning_rate"]
            self.optimizer.state = shown

    def current(self) -> TrainState:
        """The state to step from, with a learning rate set meanwhile."""
        session = self.open()
        state = session.current()
        shown = getattr(self.compiled and self.compiled.optimizer, "state", None)
        if self._rate is not None and shown and shown["learning_rate"] is not self._rate:
            self._rate = shown["learning_rate"]
            rate = jax.tree.map(jnp.copy, self._rate)  # several of them in a MultiOptimizer
            state = state._replace(opt={**state.opt, "learning_rate": rate})
            session.state = state
        return state

    # Steps -------------------------------------------------------------------------------------

    def train_step(self, state: TrainState, data: Any) -> tuple[TrainState, dict[str, Any]]:
        """The default of `Model.train_step`."""
        batch = as_batch(data)
        objective = self.objective or self.prepare_for(batch)
        return steps.train_step(self.model, objective, self.optimizer, state, batch)

    def test_step(self, state: TrainState, data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The default of `Model.test_step`."""
        batch = as_batch(data)
        objective = self.objective or self.prepare_for(batch)
        return steps.test_step(self.model, objective, state, batch)

    def predict_step(self, state: TrainState, data: Any) -> Any:
        """The default of `Model.predict_step`."""
        return self.model.apply(state.params, state.state, as_batch(data).x, rng=state.rng)[0]

    def finish(self) -> None:
        """The end of a fit: optimizers that average weights put the averages in their place."""
        state = self.current()
        if self.optimizer.averages(state.opt) is not None:
            trainable = self.optimizer.finalize_variable_values(state.trainable, state.opt)
            self.open().advance(state._replace(trainable=trainable))

    def runner(self, kind: str, batch_size: int, masked: bool) -> Any:
        """The compiled steps of a kind ("train", "test"); kept until the next compile()."""
        key = kind, batch_size, masked
        if key not in self._runners:
            step = self._train if kind == "train" else self._test
            eager = self.compiled is not None and self.compiled.eager
            make = EagerRunner if eager else Runner
            self._runners[key] = make(step, batch_size, masked, self.placement)
        return self._runners[key]

    def _train(self, state: TrainState, _: Any, batch: Batch) -> tuple[TrainState, Any]:
        data = batch.plain() if overrides(self.model, "train_step") else batch
        with self._as_compiled():
            new, logs = self.model.train_step(state, data)
        if self.require_compiled("fit").eager:
            stop_at_nonfinite(self.model, batch, state, logs)
        return new, logs

    def _test(self, sums: Any, state: TrainState, batch: Batch) -> tuple[Any, Any]:
        data = batch.plain() if overrides(self.model, "test_step") else batch
        state = state._replace(metrics=sums, state=sums.get(CARRIED, state.state))
        with self._as_compiled():
            return self.model.test_step(state, data)

    @contextlib.contextmanager
    def _as_compiled(self) -> Iterator[None]:
        """A step is traced by the flags of `compile`, and knows how its batch is cut."""
        placement = self.placement
        with self.trained.in_force(), step_on_replicas(placement.replicas), placement.step():
            yield

    def compute_loss(self, x: Any, y: Any, y_pred: Any, weight: Any, training: bool) -> Any:
        """The default of `Model.compute_loss`."""
        return self.target_loss(x, y, y_pred, weight) + sum(self.model.losses)

    def target_loss(self, x: Any, y: Any, y_pred: Any, weight: Any) -> Any:
        """The losses given to `compile`, without penalties."""
        batch = Batch(x, y, weight)
        objective = self.objective or self.prepare_for(batch)
        return objective.loss(y_pred, batch, flat_masks(y_pred))[0]

    def predictor(self) -> Any:
        """The compiled prediction step; kept, since no compile() changes it."""
        if self._predictor is None:
            self._predictor = Predictor(self.model, self.placement)
        return self._predictor

    # Data --------------------------------------------------------------------------------------

    def feed(self, data: Any, batch_size: int, place: str) -> Feed:
        """Batches of arrays or of a stream, with targets checked against losses and outputs."""
        feed: Feed
        if isinstance(data, StreamFeed):
            feed, y = data, data.first_batch().y
            self.prepare_for(feed.first_batch())
        else:
            size = min(batch_size, row_count(data.x))
            source, y = Source(data, size, self.placement), data.y
            self.prepare_for(source.first_batch())
            feed = ArrayFeed(source, self.pads())
        assert self.objective is not None
        if y is not None:
            self.objective.check_targets(jax.tree.map(np.asarray, self.placement.whole(y)), place)
        return feed


def _scaled(optimizer: Any) -> Any:
    """The optimizer with dynamic loss scaling, unless it scales the loss already."""
    scales = isinstance(optimizer, optimizers_.LossScaleOptimizer)
    if scales or optimizer.loss_scale_factor is not None:
        return optimizer
    return optimizers_.LossScaleOptimizer(optimizer)


def _spec(leaf: Any) -> jax.ShapeDtypeStruct:
    dtype = jax.dtypes.canonicalize_dtype(leaf.dtype)
    return jax.ShapeDtypeStruct(leaf.shape, dtype)


def _targets_in_order(y: Any, names: list[str]) -> list[Any]:
    if not isinstance(y, dict):
        return jax.tree.leaves(y)
    return [y.get(name, y.get(f"output_{index + 1}")) for index, name in enumerate(names)]


def _refuse_several_inputs(model: "Model") -> None:
    """Data is one argument, a list or dict where there are several inputs."""
    parameters = inspect.signature(model.call).parameters.values()
    needed = [
        p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    if len(needed) > 1:
        raise ArgumentError(
            f"{model.name} ({type(model).__name__}): expected call(self, inputs) with one argument "
            f"for the data, got call(self, {', '.join(needed)}). Take a list and unpack it: "
            f"{', '.join(needed)} = inputs."
        )
