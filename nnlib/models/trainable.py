"""The training half of Model: what users call. The work is done in `nnlib.training`."""

import importlib
from typing import TYPE_CHECKING, Any

from nnlib.core.errors import ArgumentError
from nnlib.models.joining import join_scope, strategy_of

if TYPE_CHECKING:
    from nnlib.models.model import Model
    from nnlib.training.history import History
    from nnlib.training.state import TrainState
    from nnlib.training.trainer import Trainer


def overrides(model: Any, *methods: str) -> bool:
    """Whether the class of a model has its own version of one of these methods."""
    return any(getattr(type(model), name) is not getattr(Trainable, name) for name in methods)


class Trainable:
    """`compile`, `fit`, `evaluate`, `predict` and the steps they are made of.

    Models come before training in the order of imports, so training is reached by name.
    """

    loss_parts: tuple[str, ...] = ()
    """Names of what an own `compute_loss` returns besides the loss, `(loss, {name: value})`. Their
    means stand in the logs as `<name>_loss`."""

    @property
    def trainer(self) -> "Trainer":
        """Optimizer, losses, metrics and the state of training of this model."""
        attributes = self.__dict__
        if "_trainer" not in attributes:
            attributes["_trainer"] = importlib.import_module("nnlib.training").Trainer(self)
        return attributes["_trainer"]

    @property
    def distribute_strategy(self) -> Any:
        """The strategy of `nnlib.distributed` in whose `scope()` it was made, or None."""
        return strategy_of(self)

    def __getstate__(self: Any) -> dict[str, Any]:
        """For copies and pickles: the arguments of `compile` and the state instead of a Trainer."""
        state = dict(vars(self))
        state.pop("_strategy", None)  # devices are not copied; a copy belongs where it is made
        trainer = state.pop("_trainer", None)
        if trainer is None or trainer.compiled is None:
            return state
        reached = trainer.make_state()._replace(metrics={}) if self.built else None
        return state | {"_trained": (trainer.compiled, reached)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        compiled, reached = state.pop("_trained", (None, None))
        vars(self).update(state)
        join_scope(self)
        if compiled is not None:
            self.trainer.compile(compiled)
        if reached is not None:
            self.trainer.load_state(reached)

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | None = None,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        experimental_steps_per_execution: int | None = None,
    ) -> None:
        """Say how to train, and which layers: their `trainable` flags count as they are now.

        Args:
            optimizer: a name, an Optimizer, or an optax transformation.
            loss: a name, a Loss or a function `f(y_true, y_pred)`; a list or dict of them for
                several outputs, by the names of the outputs or as `output_1`, `output_2`, ...
            loss_weights: a list or dict of numbers for several losses.
            metrics: names, Metrics or functions; for several outputs a list or dict of lists.
            weighted_metrics: likewise, weighted by `sample_weight`.
            run_eagerly: True steps without compiling, for the debugger.
            steps_per_execution: batches per dispatch; None lets `fit` find what is fastest.
            jit_compile: "auto" or True to compile the steps; False is `run_eagerly=True`.
            auto_scale_loss: whether the policy "mixed_float16" brings a LossScaleOptimizer.
            experimental_steps_per_execution: an older name of `steps_per_execution`.

        Raises:
            UnknownNameError: for a name that is not known; the text lists close matches.
        """
        if experimental_steps_per_execution is not None:
            if steps_per_execution is not None:
                raise ArgumentError("compile: expected steps_per_execution once, got both names.")
            steps_per_execution = experimental_steps_per_execution
        training = importlib.import_module("nnlib.training")
        self.trainer.compile(
            training.Compiled(
                optimizer,
                loss,
                loss_weights,
                metrics,
                weighted_metrics,
                run_eagerly,
                steps_per_execution,
                jit_compile,
                auto_scale_loss,
            )
        )

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> "History":
        """Train for some epochs.

        Args:
            x: an array, or a list or dict of them for several inputs; rows on the first axis. Or
                an iterable of batches `(x, y)` or `(x, y, sample_weight)`: an `nnlib.data.Dataset`,
                a PyDataset, a generator, a dataset of Grain, torch or TensorFlow. A thread makes
                its next batches ready on the device while a step runs.
            y: targets, likewise; None for an iterable.
            batch_size: rows per step; 32 if None. A short last batch counts exactly as it is.
            epochs: the number of the last epoch.
            verbose: 0 for silence, 1 for a progress bar, 2 for a line per epoch; "auto" for a bar
                where someone is watching and lines in a log file.
            callbacks: Callback objects.
            validation_split: the fraction of the last rows to hold out.
            validation_data: `(x, y)`, `(x, y, sample_weight)` or an iterable of batches.
            shuffle: whether each pass takes the rows in a new order; iterables have their own.
            class_weight: a dict from class number to weight.
            sample_weight: a weight per row, or per step of a sequence, (batch, time); a list or
                dict of them for several outputs.
            initial_epoch: the number of the first epoch, to go on from a checkpoint.
            steps_per_epoch: batches in an epoch; None for a whole pass. Data that can be read
                again then goes on from epoch to epoch, and begins anew where it ends.
            validation_steps: batches of the validation data to look at; None for all.
            validation_batch_size: as `batch_size` if None.
            validation_freq: evaluate after every so many epochs, or after the epochs of this
                list, counted from 1.

        Returns:
            A History: `history.history["loss"]` has one value per epoch.

        Raises:
            DataError: for data that cannot be trained on.
            NonFiniteLossError: if the loss turns NaN.

        >>> import numpy as np, nnlib as nn
        >>> model = nn.Sequential([nn.layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=3, verbose=0)
        >>> history.epoch
        [0, 1, 2]
        """
        return importlib.import_module("nnlib.training").fit(
            self,
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Losses and metrics on data, in inference mode.

        Args:
            x: as in `fit`.
            y: as in `fit`.
            batch_size: rows per step; 32 if None.
            verbose: 0 for silence, else a line at the end.
            sample_weight: as in `fit`.
            steps: batches to look at; None for all.
            callbacks: Callback objects.
            return_dict: whether names come along.

        Returns:
            The loss; or `[loss, metric, ...]` with metrics; or a dict with `return_dict=True`.
        """
        return importlib.import_module("nnlib.training").evaluate(
            self,
            x,
            y,
            batch_size=batch_size,
            verbose=verbose,
            sample_weight=sample_weight,
            steps=steps,
            callbacks=callbacks,
            return_dict=return_dict,
        )

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for all rows as NumPy arrays, in inference mode; needs no `compile`.

        Args:
            x: an array, or a list or dict of them for several inputs; or an iterable of batches,
                of which only x is looked at.
            batch_size: rows per step; 32 if None.
            steps: batches to predict for; None for all.
            verbose: 1 or 2 to print a line with the time; "auto" and 0 print nothing.
            callbacks: Callback objects.
        """
        return importlib.import_module("nnlib.training").predict(
            self,
            x,
            batch_size=batch_size,
            verbose=verbose,
            steps=steps,
            callbacks=callbacks,
        )

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on one batch; its losses and metrics, as `evaluate` returns them."""
        return importlib.import_module("nnlib.training").train_on_batch(
            self, x, y, sample_weight, class_weight, return_dict
        )

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Losses and metrics of one batch alone."""
        return self.evaluate(
            x, y, 2**31 - 1, verbose=0, sample_weight=sample_weight, return_dict=return_dict
        )

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        return self.predict(x, 2**31 - 1, verbose=0)

    def reset_metrics(self) -> None:
        """Zero the running metric sums that `get_train_state` hands out."""
        importlib.import_module("nnlib.training").reset_metrics(self)

    # Pure steps, to override or to call alone ---------------------------------------------------

    def train_step(self, state: "TrainState", data: Any) -> "tuple[TrainState, dict[str, Any]]":
        """One step: `(new state, logs)`. Pure; override it for another way to train.

        Args:
            state: a TrainState, from `get_train_state()`.
            data: `(x, y)` or `(x, y, sample_weight)`.
        """
        return self.trainer.train_step(state, data)

    def test_step(self, state: "TrainState", data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """One batch of an evaluation: `(new metric sums, logs)`. Pure."""
        return self.trainer.test_step(state, data)

    def predict_step(self, state: "TrainState", data: Any) -> Any:
        """The outputs for one batch `x`, or `(x, ...)`. Pure; override it for other outputs."""
        return self.trainer.predict_step(state, data)

    def reset_states(self: "Model") -> None:  # type: ignore[misc]
        """Let stateful layers begin anew, as before the first batch."""
        for _, layer in self.layout():
            if layer is not self and hasattr(layer, "reset_states"):
                layer.reset_states()

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss of a batch, a scalar. Pure; override it to train by something else.

        The default is the losses given to `compile` and the penalties in `self.losses`. Layers of
        the model may be called in it. To log what the loss is made of, return
        `(loss, {name: value})` and name the parts in `loss_parts`.

        >>> import jax.numpy as jnp, numpy as np, nnlib as nn
        >>> class Robust(nn.Sequential):
        ...     def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        ...         return jnp.mean(jnp.abs(y - y_pred)) + sum(self.losses)
        >>> model = Robust([nn.layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd")
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), verbose=0)
        """
        return self.trainer.compute_loss(x, y, y_pred, sample_weight, training)

    def get_train_state(self) -> "TrainState":
        """Copies of weights, optimizer state, key and step: what `train_step` takes."""
        return self.trainer.make_state()

    def set_train_state(self, state: "TrainState") -> None:
        """Go on from this state."""
        self.trainer.load_state(state)

    # What training left behind --------------------------------------------------------------

    @property
    def optimizer(self) -> Any:
        """The optimizer given to `compile`."""
        return self.trainer.optimizer

    @property
    def history(self) -> Any:
        """The History of the last fit."""
        return self.trainer.history

    @property
    def stop_training(self) -> bool:
        """Set it to True in a callback to end the fit."""
        return self.trainer.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self.trainer.stop_training = bool(value)

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self.trainer.compiled is not None

    @property
    def stop_evaluating(self) -> bool:
        """Set it to True in a callback to end the evaluation after this batch."""
        return self.trainer.stop_evaluating

    @stop_evaluating.setter
    def stop_evaluating(self, value: bool) -> None:
        self.trainer.stop_evaluating = bool(value)

    @property
    def stop_predicting(self) -> bool:
        """Set it to True in a callback to end the prediction after this batch."""
        return self.trainer.stop_predicting

    @stop_predicting.setter
    def stop_predicting(self, value: bool) -> None:
        self.trainer.stop_predicting = bool(value)

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, in order; known after the first batch."""
        objective = self.trainer.objective
        return ["loss"] if objective is None else objective.log_names
