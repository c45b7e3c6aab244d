"""What training makes small. Functions return one value per sample; classes also reduce."""

import inspect
from typing import Any

from nnlib.core.config_capture import serialize
from nnlib.core.errors import ArgumentError
from nnlib.core.registries import losses as _registry
from nnlib.losses.alignment import form_of_classes
from nnlib.losses.circle_loss import Circle, circle
from nnlib.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from nnlib.losses.ctc_loss import CTC, ctc
from nnlib.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
)
from nnlib.losses.hinge import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from nnlib.losses.loss import Loss, LossFunction
from nnlib.losses.masking import apply_mask
from nnlib.losses.regression import (
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from nnlib.losses.segmentation import Dice, Tversky, dice, tversky
from nnlib.losses.similarity import (
    CosineSimilarity,
    KLDivergence,
    cosine_similarity,
    kl_divergence,
)

__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunction",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "apply_mask",
    "as_loss",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

_registry.register("LossFunction", "LossFunctionWrapper")(LossFunction)
_CLASSES: dict[Any, Any] = {
    binary_crossentropy: BinaryCrossentropy,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    categorical_hinge: CategoricalHinge,
    circle: Circle,
    cosine_similarity: CosineSimilarity,
    ctc: CTC,
    dice: Dice,
    hinge: Hinge,
    huber: Huber,
    kl_divergence: KLDivergence,
    log_cosh: LogCosh,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_error: MeanSquaredError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    poisson: Poisson,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    squared_hinge: SquaredHinge,
    tversky: Tversky,
}


def get(identifier: Any) -> Any:
    """The loss of a name, config, class, instance or callable; None for None.

    As in Keras, "mse" gives the function and "MeanSquaredError" a Loss.

    >>> get("mse") is mean_squared_error, get({"class_name": "Huber", "config": {"delta": 2.0}})
    (True, <Huber name=huber_loss>)
    """
    return _registry.get(identifier)


def deserialize(name: Any, custom_objects: Any = None) -> Any:
    """The loss of what `serialize` wrote; `custom_objects` maps further names to them.

    >>> deserialize(serialize(Huber(delta=2.0))).kwargs
    {'delta': 2.0}
    """
    return _registry.deserialize(name, custom_objects)


_CROSSENTROPIES = (BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy)


def as_loss(identifier: Any, y_true: Any = None, y_pred: Any = None) -> Loss:
    """A Loss for whatever `compile(loss=...)` was given.

    "crossentropy" ("ce") means the binary form for outputs of one unit, the sparse form for
    targets without a class axis, and else the categorical form; the binary one as long as no
    shapes are known.

    Args:
        identifier: a name, config, class, instance or function.
        y_true: anything with the targets' `.shape`; None where there are none.
        y_pred: anything with the output's `.shape`.

    Raises:
        UnknownNameError: for a name that is no loss.
        ArgumentError: for None.

    >>> as_loss("mse"), as_loss(lambda y_true, y_pred: (y_true - y_pred) ** 2)
    (<MeanSquaredError name=mean_squared_error>, <LossFunction name=lambda>)
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        known = y_true is not None and y_pred is not None
        return _CROSSENTROPIES[form_of_classes(y_true.shape, y_pred.shape) if known else 0]()
    loss = get(identifier)
    if isinstance(loss, Loss):
        return loss
    if inspect.isfunction(loss) and loss in _CLASSES:
        return _CLASSES[loss]()
    if loss is None:
        raise ArgumentError(
            "loss: expected a name, a Loss or a function of (y_true, y_pred), got None. "
            "Known names: " + ", ".join(_registry.names()) + "."
        )
    return LossFunction(loss)
