"""Metrics as Keras users write them: variables, assign, result; eagerly, purely, and in fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import metrics
from nnlib.core.errors import ArgumentError, ShapeError, StateWriteError

RNG = np.random.default_rng(11)
X = RNG.normal(size=(10, 3)).astype("float32")
Y = (RNG.random((10, 1)) > 0.5).astype("float32")
P = RNG.random((10, 1)).astype("float32")


class BinaryTruePositives(metrics.Metric):
    """The example of Keras' documentation, in its own words."""

    def __init__(self, name="binary_true_positives", **kwargs):
        super().__init__(name=name, **kwargs)
        self.true_positives = self.add_variable(shape=(), initializer="zeros", name="tp")

    def update_state(self, y_true, y_pred, sample_weight=None):
        values = jnp.logical_and(y_true > 0.5, y_pred > 0.5).astype(self.dtype)
        if sample_weight is not None:
            values = values * jnp.broadcast_to(sample_weight[:, None], values.shape)
        self.true_positives.assign(self.true_positives + jnp.sum(values))

    def result(self):
        return self.true_positives

    def reset_state(self):
        self.true_positives.assign(0.0)


class Largest(metrics.Metric):
    """A first value other than 0, an `assign` by jnp, variables made in the first batch."""

    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.built = False

    def update_state(self, y_true, y_pred, sample_weight=None):
        if not self.built:
            start = nn.initializers.Constant(-100.0)
            self.largest = self.add_weight(shape=(y_pred.shape[1],), initializer=start)
            self.built = True
        self.largest.assign(jnp.maximum(self.largest, jnp.max(y_pred, axis=0)))

    def result(self):
        return self.largest[0]


class Spread(metrics.Metric):
    """Metrics within a metric."""

    def __init__(self, name="spread", **kwargs):
        super().__init__(name=name, **kwargs)
        self.first = metrics.Mean()
        self.second = [metrics.Mean()]
        self.calls = self.add_weight(name="calls", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.first.update_state(y_pred)
        self.second[0].update_state(y_pred**2)
        self.calls.assign_add(1)

    def result(self):
        return self.second[0].result() - self.first.result() ** 2


class HalfMean(metrics.Mean):
    """A subclass of a metric that is written purely."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(jnp.abs(y_true - y_pred), sample_weight)

    def result(self):
        return super().result() / 2


class RoundedF1(metrics.F1Score):
    """A subclass of a metric whose state has the shape of the data."""

    def __init__(self):
        super().__init__("macro", name="rounded_f1")

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, jnp.round(y_pred), sample_weight)


def true_positives(y_true, y_pred):
    return ((y_true > 0.5) & (y_pred > 0.5)).sum()


WANTED = {
    BinaryTruePositives: true_positives,
    Largest: lambda y_true, y_pred: y_pred.max(),
    Spread: lambda y_true, y_pred: y_pred.var(),
    HalfMean: lambda y_true, y_pred: np.abs(y_true - y_pred).mean() / 2,
}
EVERY = pytest.mark.parametrize("cls", WANTED)


@EVERY
def test_eagerly(cls):
    metric = cls()
    for _ in range(2):
        metric.update_state(Y[:6], P[:6])
        metric(Y[6:], P[6:])
        np.testing.assert_allclose(metric.result(), WANTED[cls](Y, P), rtol=1e-5)
        metric.reset_state()


@EVERY
def test_purely_and_nothing_stays_behind(cls):
    metric = metrics.as_metric(cls(), Y, P)
    before = {k: v for k, v in vars(metric).items() if k != "_state"}
    step = jax.jit(metric.update)
    state = step(step(metric.init(), Y[:5], P[:5]), Y[5:], P[5:])
    np.testing.assert_allclose(jax.jit(metric.compute)(state), WANTED[cls](Y, P), rtol=1e-5)
    assert {k: v for k, v in vars(metric).items() if k != "_state"} == before
    for mine, fresh in zip(
        jax.tree.leaves(metric.state), jax.tree.leaves(metric.init()), strict=True
    ):
        np.testing.assert_array_equal(mine, fresh)
    metric.state = state
    np.testing.assert_allclose(metric.result(), WANTED[cls](Y, P), rtol=1e-5)


@EVERY
def test_by_lists_of_arrays(cls):
    metric = metrics.as_metric(cls(), Y, P)
    arrays = metric.stateless_reset_state()
    assert len(arrays) == len(metric.variables)
    for rows in (slice(5), slice(5, 10)):
        arrays = metric.stateless_update_state(arrays, Y[rows], P[rows])
    np.testing.assert_allclose(metric.stateless_result(arrays), WANTED[cls](Y, P), rtol=1e-5)
    fresh = metric.stateless_update_state(metric.variables, Y, P)
    np.testing.assert_allclose(metric.stateless_result(fresh), WANTED[cls](Y, P), rtol=1e-5)
    for variable, array in zip(metric.variables, arrays, strict=True):
        assert variable.shape == array.shape
    with pytest.raises(ArgumentError, match="one for each of its variables"):
        metric.stateless_result([*arrays, 0])


def by_hand(y_true, y_pred):
    return jnp.abs(y_true - y_pred)[:, 0]


def test_in_fit_and_evaluate():
    model = nn.Sequential([nn.Input((3,)), nn.layers.Dense(1, activation="sigmoid")])
    model.compile(
        nn.optimizers.SGD(0.0),
        lambda y_true, y_pred: jnp.square(y_true - y_pred),
        metrics=[*(cls() for cls in WANTED), RoundedF1(), by_hand],
        weighted_metrics=[BinaryTruePositives(name="weighted")],
    )
    weights = np.arange(10.0, dtype="float32")
    history = model.fit(X, Y, batch_size=4, epochs=2, verbose=0, sample_weight=weights).history
    y_pred = np.asarray(model(X))
    wanted = {cls().name: want(Y, y_pred) for cls, want in WANTED.items()}
    wanted["rounded_f1"] = metrics.F1Score("macro")(Y, np.round(y_pred))
    wanted["by_hand"] = np.abs(Y - y_pred).mean()
    wanted["weighted"] = (weights[:, None] * ((Y > 0.5) & (y_pred > 0.5))).sum()
    logs = model.evaluate(X, Y, batch_size=4, verbose=0, sample_weight=weights, return_dict=True)
    for name, value in wanted.items():
        np.testing.assert_allclose(history[name], [value] * 2, rtol=1e-4, err_msg=name)
        np.testing.assert_allclose(logs[name], value, rtol=1e-4, err_msg=name)


def test_metrics_of_nnlib_in_fit_leave_padding_out():
    model = nn.Sequential([nn.Input((3,)), nn.layers.Dense(2, activation="softmax")])
    y = np.eye(2, dtype="float32")[Y[:, 0].astype(int)]
    names = ["auc", "r2_score", "dice"]
    some = [metrics.F1Score("micro"), metrics.OneHotMeanIoU(2), metrics.PrecisionAtRecall(0.5)]
    model.compile(nn.optimizers.SGD(0.0), "tversky", metrics=[*names, *some])
    history = model.fit(X, y, batch_size=10, epochs=1, verbose=0).history
    logs = model.evaluate(X, y, batch_size=6, verbose=0, return_dict=True)
    for name in set(history) - {"loss", "dice"}:  # those two are means over batches
        np.testing.assert_allclose(logs[name], history[name][0], rtol=1e-4, err_msg=name)
    y_pred = model(X)
    halves = [(y[:6], y_pred[:6]), (y[6:], y_pred[6:])]
    wanted = np.mean([float(nn.losses.dice(*half)) for half in halves])
    np.testing.assert_allclose(logs["dice"], wanted, rtol=1e-5)


def test_losses_that_look_across_the_batch_as_metrics():
    labels = np.array([0, 0, 1, 1])
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1], [0.8, 0.6]], "float32")
    metric = metrics.as_metric(nn.losses.Circle(gamma=1.0), labels, vectors)
    got = metric.compute(metric.update(metric.init(), labels, vectors))
    np.testing.assert_allclose(got, nn.losses.Circle(gamma=1.0)(labels, vectors), rtol=1e-5)
    assert metric.name == "circle"


# Variables ---------------------------------------------------------------------------------------


class Two(metrics.Metric):
    def __init__(self):
        super().__init__(name="two")
        self.a = self.add_variable((2,), "ones", name="a", aggregation="mean")
        self.n = self.add_variable((), "zeros", dtype="int32", name="a")

    def update_state(self, values):
        self.a.assign_sub(values)

    def result(self):
        return {"a": self.a, "n": self.n}


def test_a_variable_stands_for_its_array():
    two = Two()
    a, n = two.variables
    assert (a.name, n.name) == ("a", "a_1")
    assert (a.shape, a.dtype, a.ndim, len(a), n.dtype) == ((2,), "float32", 1, 2, "int32")
    for got in (a + 1, 1 + a, np.ones(2, "float32") + a, a * 2, 2 / a, 3 - a, a + a, jnp.add(a, 1)):
        np.testing.assert_array_equal(got, [2, 2])
    np.testing.assert_array_equal(-a, [-1, -1])
    np.testing.assert_array_equal(abs(-a) ** 2 % 2 // 1, [1, 1])
    assert (a @ a, float(a[0]), int(n), bool(n)) == (2, 1.0, 0, False)
    assert (a == 1).all()
    assert (a >= 1).all()
    assert (a <= 1).all()
    assert not (a != 1).any()
    assert not (a < 1).any()
    assert not (a > 1).any()
    assert isinstance(a.numpy(), np.ndarray)
    assert jnp.sum(a) == 2
    assert jax.jit(lambda v: v.sum())(a) == 2
    assert np.asarray(a, "float64").dtype == "float64"
    assert "two/a (2,) float32" in repr(a)
    n.assign(2.7)
    assert int(n) == 2
    two.update_state(n)
    np.testing.assert_array_equal(two.result()["a"], [-1, -1])
    two.reset_state()
    np.testing.assert_array_equal(two.result()["a"], [1, 1])
    assert metrics.Mean()(a) == 1


def test_results_may_be_dicts():
    two = Two()
    values = jax.jit(two.compute)(two.update(two.init(), 3.0))
    assert values["a"].tolist() == [-2, -2]
    assert values["n"] == 0


# What cannot be kept -----------------------------------------------------------------------------


class Leaky(Two):
    def __init__(self, update, result=lambda self: self.a):
        super().__init__()
        self.how, self.what = update, result

    def update_state(self, values):
        self.how(self, values)

    def result(self):
        return self.what(self)


def scan(self, values):
    jax.lax.scan(lambda carry, v: (carry, self.a.assign(v)), 0, jnp.ones((3, 2)))


def keep(self, values):
    self.last = values


def keep_in_dict(self, values):
    self.cache = {"last": values}


@pytest.mark.parametrize(
    ("update", "text"),
    [
        (scan, "inside an inner vmap, scan or jit"),
        (keep, r"got attribute 'last' assigned while update_state\(\) is compiled"),
        (keep_in_dict, "attribute 'cache'"),
    ],
)
def test_writes_that_would_be_lost(update, text):
    metric = Leaky(update)
    with pytest.raises(StateWriteError, match=text):
        jax.jit(metric.update)(metric.init(), jnp.ones(2))


def test_results_do_not_write():
    metric = Leaky(keep, lambda self: self.a.assign(self.a * 2))
    with pytest.raises(StateWriteError, match=r"result\(\) to leave the state"):
        metric.compute(metric.init())


def test_the_facade_refuses_to_keep_tracers():
    mean, two = metrics.Mean(), Two()
    for metric in (mean, two):
        with pytest.raises(StateWriteError, match=r"metric.update\(state"):
            jax.jit(lambda v, metric=metric: metric.update_state(v))(jnp.ones(2))
        assert not any(isinstance(v, jax.core.Tracer) for v in jax.tree.leaves(metric.state))
    assert mean([2.0]) == 2


def test_bad_variables():
    two = Two()
    with pytest.raises(ShapeError, match=r"shape \(2,\) for variable 'a', got \(3,\)"):
        two.a.assign(jnp.ones(3))
    with pytest.raises(ArgumentError, match="aggregation to be one of"):
        two.add_variable((), aggregation="median")

    class Forgetful(metrics.Metric):
        def __init__(self):
            self.total = self.add_variable(())

    with pytest.raises(ArgumentError, match=r"super\(\).__init__\(\) before add_variable"):
        Forgetful()
    with pytest.raises(ArgumentError, match="a metric that is written with update_state"):
        metrics.Mean().add_variable(())


def test_neither_way_of_writing():
    class Nothing(metrics.Metric):
        def result(self):
            return 0.0

    with pytest.raises(NotImplementedError, match="expected update"):
        Nothing().update_state(Y, P)
    with pytest.raises(NotImplementedError, match=r"compute\(state\)"):
        metrics.Metric().compute({})


def test_configs_of_custom_metrics():
    metric = BinaryTruePositives(name="mine", dtype="float32")
    config = metrics.serialize(metric)
    again = metrics.deserialize(config, {"BinaryTruePositives": BinaryTruePositives})
    assert (again.name, again.get_config()) == ("mine", metric.get_config())
