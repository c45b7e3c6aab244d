"""Distiller: trains a student on targets and on what a teacher says."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, DTypeError, NotBuiltError, ShapeError
from nnlib.core.frame import current_frame
from nnlib.core.masks import set_masks
from nnlib.core.random import facade_keys
from nnlib.distillation.features import OUTPUTS, feature_graph, run_features
from nnlib.distillation.losses import DistillationLoss
from nnlib.models.model import Model


class Distiller(Model):
    """A model that is its student, and trains it to be like a teacher.

    `loss = w * student_loss + (1 - w) * sum(weight * distillation_loss)`, plus the penalties of
    the student's layers. The logs have `student_loss` and `distillation_loss` besides.

    Args:
        teacher: a trained model; it is frozen here, and runs in inference mode.
        student: the model to train, with inputs and outputs of the same shapes and dtypes. It may
            be used by itself afterwards.
        distillation_losses: a DistillationLoss or a list of them.
        distillation_loss_weights: a number for each; None for 1.
        student_loss_weight: w, from 0 to 1.
        name: of the model.
        kwargs: `trainable` and `dtype`, as for Model.

    Raises:
        ArgumentError: for what is not a model or a loss, and for weights that do not fit.
        ShapeError: for models whose inputs or outputs differ.
        DTypeError: likewise in dtype.

    >>> import numpy as np, nnlib as nn
    >>> teacher = nn.Sequential([nn.Input((4,)), nn.layers.Dense(8), nn.layers.Dense(3)])
    >>> student = nn.Sequential([nn.Input((4,)), nn.layers.Dense(3)])
    >>> distiller = Distiller(teacher, student, nn.distillation.LogitsDistillation(2.0))
    >>> loss = nn.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> distiller.compile("adam", loss)
    >>> x, y = np.random.rand(8, 4).astype("float32"), np.arange(8) % 3
    >>> sorted(distiller.fit(x, y, verbose=0).history)
    ['distillation_loss', 'loss', 'student_loss', 'total_loss']

    Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015.
    """

    loss_parts = ("student", "distillation", "total")

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: Any,
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str | None = "distiller",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        for role, model in (("teacher", teacher), ("student", student)):
            if not isinstance(model, Model):
                raise ArgumentError(f"Distiller: expected {role} to be a model, got {model!r}.")
        for what in ("inputs", "outputs"):
            _check_alike(what, _symbols(teacher, what), _symbols(student, what))
        self.student_loss_weight = _share(student_loss_weight)
        self.distillation_losses, self.distillation_loss_weights = _with_weights(
            distillation_losses, distillation_loss_weights
        )
        for loss in self.distillation_losses:
            loss.validate_model_compatibility(teacher, student)
        self._features_of_teacher = feature_graph(
            teacher, (loss.teacher_layer_name for loss in self.distillation_losses)
        )
        self._features_of_student = feature_graph(
            student, (loss.student_layer_name for loss in self.distillation_losses)
        )
        self.teacher, self.student = teacher, student
        teacher.trainable = False

    def build(self, *inputs: Any) -> None:
        """A teacher whose weights are not declared yet is so for these inputs."""
        if not self.teacher.built:
            self.teacher.declare(*inputs)
        super().build(*inputs)

    def compile(  # type: ignore[override]
        self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any
    ) -> None:
        """Say how to train the student.

        Args:
            optimizer: as in `Model.compile`.
            loss: between the targets and the student's outputs; needed.
            metrics: a list of metrics of the student's outputs.
            kwargs: further arguments of `Model.compile`.
        """
        if loss is None:
            raise ArgumentError(
                f"{self.name} (Distiller): expected a loss for the student's outputs, got none. "
                "With student_loss_weight=0.0 it is only logged."
            )
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """What the student says."""
        set_masks(inputs, mask)
        return self.student(inputs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple[Any, dict[str, Any]]:
        """The loss, and its parts by name; see the class.

        Args:
            x: inputs.
            y: targets; None leaves the student's loss out.
            y_pred: the student's outputs; None runs it.
            sample_weight: of the student's loss.
            training: whether the student runs in training mode.
        """
        if current_frame() is None:  # called by hand, not by a step
            with self.bound(*self.variables, training=training, rng=facade_keys.next_key()):
                return self.compute_loss(x, y, y_pred, sample_weight, training)
        y_pred = self.student(x, training=training) if y_pred is None else y_pred
        student = distillation = jnp.zeros(())
        if self.student_loss_weight > 0 and y is not None:
            student = self.trainer.target_loss(x, y, y_pred, sample_weight)
        if self.student_loss_weight < 1:
            distillation = self._distillation_loss(x, y_pred, training)
        total = self.student_loss_weight * student + (1 - self.student_loss_weight) * distillation
        total = total + sum(self.losses)
        return total, {"student": student, "distillation": distillation, "total": total}

    def _distillation_loss(self, x: Any, y_pred: Any, training: bool) -> Any:
        """The weighted sum of all distillation losses."""
        taught = run_features(self.teacher, self._features_of_teacher, x, training=False)
        learned = {OUTPUTS: y_pred}
        if self._features_of_student is not None:
            learned = run_features(self.student, self._features_of_student, x, training)
            learned[OUTPUTS] = y_pred
        total = jnp.zeros(())
        for loss, weight in zip(
            self.distillation_losses, self.distillation_loss_weights, strict=True
        ):
            theirs = taught[loss.teacher_layer_name or OUTPUTS]
            ours = learned[loss.student_layer_name or OUTPUTS]
            loss.validate_outputs(theirs, ours)
            value = jnp.asarray(loss.compute_loss(theirs, ours))
            if value.ndim:
                raise ShapeError(
                    f"{type(loss).__name__}: expected compute_loss to return a scalar, got shape "
                    f"{value.shape}. Take the mean over the rows."
                )
            total = total + weight * value
        return total


def _symbols(model: Model, what: str) -> list[Any] | None:
    """The symbols of the inputs or outputs; None where they are not known."""
    try:
        return list(getattr(model, what))
    except NotBuiltError:
        return None


def _check_alike(what: str, teacher: list[Any] | None, student: list[Any] | None) -> None:
    if teacher is None or student is None:
        return
    theirs, ours = ([symbol.shape for symbol in side] for side in (teacher, student))
    if len(theirs) != len(ours) or not all(map(_fits, theirs, ours)):
        raise ShapeError(
            f"Distiller: expected teacher and student to have {what} of the same shapes, got "
            f"{theirs} and {ours}."
        )
    for one, other in zip(teacher, student, strict=True):
        if one.dtype != other.dtype:
            raise DTypeError(
                f"Distiller: expected teacher and student to have {what} of the same dtype, got "
                f"{one.dtype} and {other.dtype}."
            )


def _fits(theirs: Any, ours: Any) -> bool:
    pairs = zip(theirs, ours, strict=False)
    return len(theirs) == len(ours) and all(None in pair or pair[0] == pair[1] for pair in pairs)


def _share(weight: Any) -> float:
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not number or not 0 <= weight <= 1:
        raise ArgumentError(
            f"Distiller: expected student_loss_weight to be between 0 and 1, got {weight!r}."
        )
    return float(weight)


def _with_weights(losses: Any, weights: Any) -> tuple[list[Any], list[float]]:
    """The losses as a list, and a weight for each."""
    losses = list(losses) if isinstance(losses, list | tuple) else [losses]
    if not losses or not all(isinstance(loss, DistillationLoss) for loss in losses):
        raise ArgumentError(
            "Distiller: expected distillation_losses to be a DistillationLoss such as "
            f"LogitsDistillation() or a list of them, got {losses!r}."
        )
    weights = [1.0] * len(losses) if weights is None else weights
    weights = list(weights) if isinstance(weights, list | tuple) else [weights]
    if len(weights) != len(losses):
        raise ArgumentError(
            f"Distiller: expected {len(losses)} distillation_loss_weights, one for each loss, got "
            f"{len(weights)}."
        )
    return losses, weights
