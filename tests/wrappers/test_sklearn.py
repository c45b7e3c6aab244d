"""Estimators within scikit-learn: its own checks, clones, searches and pipelines."""

import functools
import sys

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks as checks

import nnlib as nn
from nnlib.core.errors import ArgumentError, MissingExtraError, NotCompiledError
from nnlib.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

generator = np.random.default_rng(0)
X = generator.normal(size=(24, 2))
LABELS = np.where(X[:, 0] > 0, "right", "left")


def make(X, y, loss="mse", units=4, rate=0.1):  # noqa: N803
    last = "softmax" if loss == "categorical_crossentropy" else None
    model = nn.Sequential([nn.Input((X.shape[1],)), nn.layers.Dense(units, "relu"),
                           nn.layers.Dense(y.shape[1], last)])  # fmt: skip
    model.compile(nn.optimizers.Adam(rate), loss)
    return model


def fixed(bias="zeros"):
    model = nn.Sequential([nn.Input((2,)), nn.layers.Dense(1, bias_initializer=bias)])
    model.compile(nn.optimizers.SGD(0.1), "mse")
    return model


QUIET = {"verbose": 0}
ESTIMATORS = {
    "classifier": SKLearnClassifier(
        make, model_kwargs={"loss": "categorical_crossentropy"}, fit_kwargs=QUIET
    ),
    "regressor": SKLearnRegressor(make, fit_kwargs=QUIET),
    "transformer": SKLearnTransformer(make, fit_kwargs=QUIET),
}
QUICK = [
    checks.check_estimator_cloneable,
    checks.check_estimator_repr,
    checks.check_estimator_tags_renamed,
    checks.check_estimators_unfitted,
    checks.check_get_params_invariance,
    checks.check_no_attributes_set_in_init,
    checks.check_set_params,
    checks.check_valid_tag_types,
    checks.check_requires_y_none,
]


@pytest.mark.parametrize("check", QUICK, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_checks_of_scikit_learn(kind, check):
    check(type(ESTIMATORS[kind]).__name__, clone(ESTIMATORS[kind]))


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("regressor", checks.check_n_features_in_after_fitting),
        ("regressor", checks.check_estimators_nan_inf),
        ("regressor", functools.partial(checks.check_estimators_pickle, readonly_memmap=False)),
        ("classifier", checks.check_classifiers_one_label),
    ],
)
def test_checks_that_fit(kind, check):
    check(type(ESTIMATORS[kind]).__name__, clone(ESTIMATORS[kind]))


def test_signatures_of_keras(keras):
    for ours in (SKLearnClassifier, SKLearnRegressor, SKLearnTransformer):
        theirs = getattr(keras.wrappers, ours.__name__)
        assert ours._get_param_names() == theirs._get_param_names()
        public = {name for name in dir(theirs) if not name.startswith("_")}
        assert public <= set(dir(ours))


def test_classes_of_any_label():
    classifier = clone(ESTIMATORS["classifier"]).fit(X, LABELS, epochs=30)
    assert classifier.classes_.tolist() == ["left", "right"]
    assert classifier.score(X, LABELS) > 0.8
    outputs = classifier.decision_function(X)
    assert outputs.shape == (24, 2)
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[outputs.argmax(1)])
    assert (classifier.epoch_, clone(classifier).epoch_) == (30, 0)
    assert classifier.fit_kwargs == QUIET


def test_a_search_over_arguments_of_the_model():
    pipeline = make_pipeline(StandardScaler(), clone(ESTIMATORS["classifier"]))
    kwargs = [{"loss": "categorical_crossentropy", "rate": rate} for rate in (1e-6, 0.1)]
    grid = {"sklearnclassifier__model_kwargs": kwargs}
    pipeline.set_params(sklearnclassifier__fit_kwargs={"epochs": 25, "verbose": 0})
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, LABELS)
    assert search.best_params_["sklearnclassifier__model_kwargs"]["rate"] == 0.1
    assert search.best_score_ > 0.7


def test_a_model_is_cloned_for_each_fit_unless_warm():
    model = fixed()
    before = model.get_weights()
    y = X[:, 0]
    regressor = SKLearnRegressor(model, fit_kwargs={"epochs": 60, "verbose": 0}).fit(X, y)
    assert regressor.model_ is not model
    assert all(map(np.array_equal, model.get_weights(), before))
    assert regressor.predict(X).shape == (24,)
    assert regressor.score(X, y) > 0.9
    assert regressor.fit(X, y[:, None], epochs=1).predict(X).shape == (24, 1)
    warm = SKLearnRegressor(fixed(), warm_start=True, fit_kwargs=QUIET)
    twin = clone(warm)
    assert twin.model is not warm.model
    assert all(map(np.array_equal, twin.model.get_weights(), warm.model.get_weights()))
    assert warm.fit(X, y).fit(X, y).model_ is warm.model
    assert warm.model.optimizer.state["step"] == 2
    made = SKLearnRegressor(make, warm_start=True, fit_kwargs=QUIET).fit(X, y)
    first = made.model_
    assert made.fit(X, y).model_ is first


def test_weights_of_samples_are_routed():
    transformer = clone(ESTIMATORS["transformer"]).set_params(model=fixed("ones"))
    regressor = SKLearnRegressor(fixed(), fit_kwargs={"epochs": 20, "verbose": 0})
    weights = np.where(np.arange(24) < 12, 1.0, 0.0)
    y = np.where(np.arange(24) < 12, 1.0, -7.0)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(regressor.set_fit_request(sample_weight=True))
        transformer.set_fit_request(sample_weight=False)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), routed)
        pipeline.fit(X, y, sample_weight=weights)
    assert pipeline.predict(X[:12]).mean() == pytest.approx(1, abs=0.3)
    with pytest.raises(ArgumentError, match="enable_metadata_routing=True"):
        regressor.set_fit_request(sample_weight=True)
    assert transformer.fit_transform(X, X[:, :1]).shape == (24, 1)


def test_refusals(monkeypatch):
    with pytest.raises(NotCompiledError, match="compiled with a loss"):
        SKLearnRegressor(nn.Sequential([nn.layers.Dense(1)])).fit(X, X[:, 0])
    with pytest.raises(ArgumentError, match="a model or a function that makes one, got 3"):
        SKLearnRegressor(3).fit(X, X[:, 0])
    with pytest.raises(ArgumentError, match="the function to return a model, got None"):
        SKLearnRegressor(lambda **data: None).fit(X, X[:, 0])
    with pytest.raises(ArgumentError, match="model_kwargs only with a function"):
        SKLearnRegressor(fixed(), model_kwargs={"a": 1}).fit(X, X[:, 0])
    with pytest.raises(ArgumentError, match="Only binary and multiclass"):
        clone(ESTIMATORS["classifier"]).fit(X, X[:, 0])
    with pytest.raises(ArgumentError, match="one class"):
        clone(ESTIMATORS["classifier"]).fit(X, np.ones(24, int))
    for name in ("nnlib.wrappers.base", "nnlib.wrappers.estimators"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(MissingExtraError, match=r"nnlib\[sklearn\]"):
        _ = nn.wrappers.SKLearnRegressor
    with pytest.raises(AttributeError, match="nothing"):
        _ = nn.wrappers.nothing
