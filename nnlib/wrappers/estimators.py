"""The estimators: a classifier, a regressor and a transformer."""

from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.wrappers.base import SKLBase

# Behind `base`, which says what to do where scikit-learn is missing.
from sklearn.base import ClassifierMixin, RegressorMixin, TransformerMixin  # isort: skip
from sklearn.utils.multiclass import type_of_target  # isort: skip


class SKLearnClassifier(ClassifierMixin, SKLBase):
    """A model that tells classes, as an estimator of scikit-learn.

    The model learns one column for each class, 1 for the class of the row and 0 for all others,
    also where there are two classes: end it with that many units.

    Args:
        model: a compiled model, or a function `f(X, y, **model_kwargs)` that returns one, given
            the columns as `y`. A model is cloned for each fit.
        warm_start: whether a fit goes on with the model of the last one, and with the given model
            itself at first.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `Model.fit`; those given to `fit` come first.

    After `fit` it has `model_`, `history_` and `classes_`, the labels in order.

    Raises:
        ArgumentError: for targets that are not classes, or all of one.

    >>> import numpy as np, nnlib as nn
    >>> def make(X, y, units):
    ...     model = nn.Sequential([
    ...         nn.Input(X.shape[1:]), nn.layers.Dense(units, "relu"),
    ...         nn.layers.Dense(y.shape[1], "softmax")])
    ...     model.compile(nn.optimizers.Adam(0.1), "categorical_crossentropy")
    ...     return model
    >>> classifier = SKLearnClassifier(make, model_kwargs={"units": 8})
    >>> X = np.array([[0.0], [0.1], [1.0], [1.1]])
    >>> classifier.fit(X, ["cat", "cat", "dog", "dog"], epochs=40, verbose=0).predict(X).tolist()
    ['cat', 'cat', 'dog', 'dog']
    """

    _several_targets = False
    classes_: np.ndarray

    def _encoded(self, y: Any) -> np.ndarray:
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ArgumentError(
                "SKLearnClassifier: expected y to be labels of two or more classes, got "
                f"{kind.replace('-', ' ')} targets. Only binary and multiclass target types are "
                f"supported. Unknown label type: {kind}."
            )
        columns = super()._encoded(y)
        self.classes_, numbers = np.unique(columns[:, 0], return_inverse=True)
        if len(self.classes_) < 2:
            raise ArgumentError(
                "SKLearnClassifier: expected two classes or more, got one class, "
                f"{self.classes_.tolist()}."
            )
        return np.eye(len(self.classes_))[numbers.reshape(-1)]

    def decision_function(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        """The outputs of the model, (rows, classes)."""
        return self._raw(X)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The label with the largest output for each row."""
        best = np.argmax(self._raw(X), axis=-1)
        return self._like_targets(self.classes_[best][:, None])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, SKLBase):
    """A model that tells numbers, as an estimator of scikit-learn.

    Args:
        model: a compiled model, or a function `f(X, y, **model_kwargs)` that returns one, given
            `y` with two axes. A model is cloned for each fit.
        warm_start: whether a fit goes on with the model of the last one, and with the given model
            itself at first.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `Model.fit`; those given to `fit` come first.

    After `fit` it has `model_` and `history_`.

    >>> import numpy as np, nnlib as nn
    >>> model = nn.Sequential([nn.Input((1,)), nn.layers.Dense(1)])
    >>> model.compile(nn.optimizers.SGD(0.5), "mse")
    >>> X = np.array([[-1.0], [0.0], [1.0]])
    >>> regressor = SKLearnRegressor(model, fit_kwargs={"epochs": 50, "verbose": 0})
    >>> regressor.fit(X, 2 * X[:, 0]).predict(X).round(2).tolist()
    [-2.0, 0.0, 2.0]
    """

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        """The outputs of the model, in the shape of the targets."""
        return self._like_targets(self._raw(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, SKLBase):
    """A model whose outputs are features for the next step, as a transformer of scikit-learn.

    Args:
        model: a compiled model, or a function `f(X, y, **model_kwargs)` that returns one. A model
            is cloned for each fit.
        warm_start: whether a fit goes on with the model of the last one, and with the given model
            itself at first.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `Model.fit`; those given to `fit` come first.

    After `fit` it has `model_` and `history_`.

    >>> import numpy as np, nnlib as nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> transformer = SKLearnTransformer(model, fit_kwargs={"verbose": 0})
    >>> transformer.fit_transform(np.ones((4, 3)), np.zeros((4, 2))).shape
    (4, 2)
    """

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        """The outputs of the model, in the shape of the targets."""
        return self._like_targets(self._raw(X))

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """The outputs of the model."""
        return self._raw(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
