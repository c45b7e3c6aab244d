"""What the estimators share: making, fitting and asking a model."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from nnlib.core.errors import ArgumentError, MissingExtraError, NotCompiledError
from nnlib.models.cloning import clone_model
from nnlib.models.model import Model

try:
    import sklearn
    from sklearn.base import BaseEstimator, clone
    from sklearn.utils.metadata_routing import MetadataRequest
    from sklearn.utils.multiclass import type_of_target
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingExtraError(
        "nnlib.wrappers: expected scikit-learn 1.6 or newer to be installed, got none. Run: pip "
        "install 'nnlib[sklearn]'."
    ) from error


class SKLBase(BaseEstimator):
    """A model as an estimator; see its subclasses.

    Args:
        model: a compiled model, or a function `f(X, y, **model_kwargs)` that returns one. A model
            is cloned for each fit.
        warm_start: whether a fit goes on with the model of the last one, and with the given model
            itself at first.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `Model.fit`; those given to `fit` come first.
    """

    _several_targets = True
    """Whether `y` may have several columns."""
    model_: Model
    """The model that was fitted."""
    history_: Any
    """The History of the last fit."""

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ):
        # scikit-learn wants the arguments as they are; they are looked at in fit.
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    @property
    def epoch_(self) -> int:
        """The epochs of the last fit."""
        return len(self.history_.epoch) if "history_" in vars(self) else 0

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Train a model.

        Args:
            X: (rows, features).
            y: (rows,) or (rows, targets).
            kwargs: arguments of `Model.fit`.

        Raises:
            ArgumentError: if there is no model, and for arguments without use.
            NotCompiledError: for a model that was not compiled with a loss.
        """
        options = {"multi_output": True} if self._several_targets and y is not None else {}
        X, y = validate_data(self, X, y, **options)  # noqa: N806
        y = self._encoded(y)
        model = self._model_for(X, y)
        _require_compiled(model)
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _model_for(self, X: Any, y: Any) -> Any:  # noqa: N803
        if self.warm_start and "model_" in vars(self):
            return self.model_
        if isinstance(self.model, Model):
            if self.model_kwargs:
                raise ArgumentError(
                    f"{type(self).__name__}: expected model_kwargs only with a function that makes "
                    f"a model, got them with {self.model!r}."
                )
            return self.model if self.warm_start else clone_model(self.model)
        if not callable(self.model):
            raise ArgumentError(
                f"{type(self).__name__}: expected a model or a function that makes one, got "
                f"{self.model!r}."
            )
        return self.model(X=X, y=y, **(self.model_kwargs or {}))

    def _raw(self, X: Any) -> np.ndarray:  # noqa: N803
        """The outputs of the fitted model."""
        check_is_fitted(self, "model_")
        return np.asarray(self.model_.predict(validate_data(self, X, reset=False)))

    def _encoded(self, y: Any) -> np.ndarray:
        """The targets as the model learns them: with two axes."""
        type_of_target(y, input_name="y", raise_unknown=True)
        self._target_ndim = y.ndim
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def _like_targets(self, values: np.ndarray) -> np.ndarray:
        """(rows,) if the targets came so."""
        one = self._target_ndim == 1 and values.ndim == 2 and values.shape[1] == 1
        return values[:, 0] if one else values

    # What scikit-learn asks ----------------------------------------------------------------------

    def set_fit_request(self, **kwargs: Any) -> Self:
        """Which metadata `fit` is given by pipelines and searches: `sample_weight=True`.

        Raises:
            ArgumentError: unless `sklearn.set_config(enable_metadata_routing=True)`.
        """
        if not sklearn.get_config()["enable_metadata_routing"]:
            raise ArgumentError(
                "set_fit_request: expected metadata routing to be on, got it off. Call "
                "sklearn.set_config(enable_metadata_routing=True) first."
            )
        self._metadata_request = MetadataRequest(owner=self)
        for param, alias in kwargs.items():
            self._metadata_request.fit.add_request(param=param, alias=alias)
        return self

    def __sklearn_clone__(self) -> Self:
        """An estimator with the same arguments, not fitted.

        The model is shared, since each fit clones it, unless fits go on with it.
        """
        arguments = self.get_params(deep=False)
        model = arguments.pop("model")
        new = {name: clone(value, safe=False) for name, value in arguments.items()}
        copy = _copied(model) if self.warm_start and isinstance(model, Model) else model
        made = type(self)(model=copy, **new)
        if hasattr(self, "_metadata_request"):
            made._metadata_request = clone(self._metadata_request, safe=False)
        return made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = self._several_targets
        return tags


def _copied(model: Model) -> Model:
    """A clone with the same weights."""
    copy = clone_model(model)
    if model.built:
        copy.set_weights(model.get_weights())
    return copy


def _require_compiled(model: Any) -> None:
    if not isinstance(model, Model):
        raise ArgumentError(
            f"nnlib.wrappers: expected the function to return a model, got {model!r}."
        )
    compiled = model.trainer.compiled
    if compiled is None or compiled.loss is None:
        raise NotCompiledError(
            f"{model.name} ({type(model).__name__}): expected a model that was compiled with a "
            "loss, got one that was not. Call model.compile('adam', loss=...) before."
        )
