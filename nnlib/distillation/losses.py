"""How far a student is from its teacher."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib import losses as losses_
from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.distillation.features import require_graph


class DistillationLoss(Configurable):
    """The base: subclasses write `compute_loss`.

    >>> import jax.numpy as jnp
    >>> class Gap(DistillationLoss):
    ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
    ...         return jnp.max(jnp.abs(teacher_outputs - student_outputs))
    >>> float(Gap().compute_loss(jnp.ones(2), jnp.zeros(2)))
    1.0
    """

    teacher_layer_name: str | None = None
    """The layer of the teacher whose output is compared; None for the teacher's outputs."""
    student_layer_name: str | None = None
    """Likewise of the student."""

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """A scalar; pure."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected compute_loss(teacher_outputs, student_outputs), "
            "got none."
        )

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuse outputs of different structure.

        Raises:
            ShapeError: if lists or dicts differ.
        """
        self._check_structure(student_outputs, teacher_outputs, "the student's outputs")

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse models that the loss cannot be used with."""

    def _check_structure(self, tree: Any, outputs: Any, what: str) -> None:
        got, want = _structure(tree), _structure(outputs)
        if got != want:
            raise ShapeError(
                f"{type(self).__name__}: expected {what} to have the structure of the teacher's "
                f"outputs, {want}, got {got}."
            )


class _OverOutputs(DistillationLoss):
    """A loss for each output, or one for the only output.

    Args:
        loss: a name, a Loss or a function; a list or dict of them, with None for outputs that do
            not count.
    """

    loss: Any
    _made: Any

    def _functions(self, loss: Any) -> Any:
        made = jax.tree.map(losses_.get, loss, is_leaf=_is_loss)
        if all(function is None for function in jax.tree.leaves(made, is_leaf=_is_loss)):
            raise ArgumentError(
                f"{type(self).__name__}: expected a loss for at least one output, got {loss!r}."
            )
        return made

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuse outputs of another structure than each other's or that of `loss`."""
        super().validate_outputs(teacher_outputs, student_outputs)
        self._check_structure(self._made, teacher_outputs, "loss")

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> jax.Array:
        """The sum of the mean losses of the outputs."""
        functions = jax.tree.leaves(self._made, is_leaf=_is_loss)
        pairs = zip(
            functions,
            jax.tree.leaves(teacher_outputs),
            jax.tree.leaves(student_outputs),
            strict=True,
        )
        return sum(
            (jnp.mean(self._one(f, t, s)) for f, t, s in pairs if f is not None),
            start=jnp.zeros(()),
        )

    def _one(self, function: Any, teacher: Any, student: Any) -> Any:
        return function(teacher, student)


class LogitsDistillation(_OverOutputs):
    """A loss between outputs divided by a temperature.

    `kl_divergence` compares probabilities: `T ** 2 * KL(softmax(teacher / T), softmax(student /
    T))`. Any other loss is given the divided outputs as they are, `loss(teacher / T, student / T)`.

    Args:
        temperature: T, above 0. Higher ones show more of what the teacher thinks of the classes
            that it did not choose.
        loss: a name, a Loss or a function; for several outputs a list or dict of them, with None
            for those that do not count.

    Raises:
        ArgumentError: for another temperature, and if no output has a loss.

    >>> import jax.numpy as jnp
    >>> loss = LogitsDistillation(temperature=2.0)
    >>> round(float(loss.compute_loss(jnp.array([[2.0, 0.0]]), jnp.array([[0.0, 0.0]]))), 4)
    0.4438

    Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015.
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence"):
        number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
        if not number or not temperature > 0:
            raise ArgumentError(
                "LogitsDistillation: expected temperature to be a number above 0, got "
                f"{temperature!r}."
            )
        self.temperature, self.loss = temperature, loss
        self._made = self._functions(loss)

    def _one(self, function: Any, teacher: Any, student: Any) -> Any:
        teacher, student = teacher / self.temperature, student / self.temperature
        if function is losses_.kl_divergence or isinstance(function, losses_.KLDivergence):
            teacher, student = jax.nn.softmax(teacher), jax.nn.softmax(student)
            return jnp.mean(function(teacher, student)) * self.temperature**2
        return function(teacher, student)


class FeatureDistillation(_OverOutputs):
    """A loss between what a layer of the teacher and one of the student return.

    Args:
        loss: a name, a Loss or a function; a list or dict of them where the layers return one,
            with None for what does not count.
        teacher_layer_name: None for the teacher's outputs.
        student_layer_name: None for the student's outputs.

    Raises:
        ArgumentError: if no output has a loss.

    >>> import jax.numpy as jnp
    >>> float(FeatureDistillation("mae").compute_loss(jnp.ones((2, 3)), jnp.zeros((2, 3))))
    1.0

    Source: Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015.
    """

    def __init__(
        self,
        loss: Any = "mse",
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
    ):
        self.loss = loss
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name
        self._made = self._functions(loss)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse models that do not have these layers, or no graph to find them in.

        Raises:
            NotBuiltError: for a model with `call` of its own, and one whose inputs are not known.
            UnknownNameError: for a layer that is not there.
        """
        named = ((teacher, self.teacher_layer_name), (student, self.student_layer_name))
        for model, name in named:
            if name is not None:
                require_graph(model, name)
                model.get_layer(name)


def _is_loss(item: Any) -> bool:
    """Whether it stands for a loss or for none, and holds no further ones."""
    if isinstance(item, dict):
        return "class_name" in item
    return not isinstance(item, list | tuple)


def _structure(tree: Any) -> Any:
    return jax.tree.structure(jax.tree.map(lambda _: 0, tree, is_leaf=_is_loss))
