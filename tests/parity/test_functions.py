"""Activations, regularizers, constraints and initializers against the installed Keras."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

X = np.random.default_rng(0).normal(scale=3.0, size=(6, 8)).astype("float32")
EDGES = np.array(
    [[-1e4, -100, -6, -3, -1, -0.5, -1e-6, 0], [0, 1e-6, 0.5, 1, 3, 6, 100, 1e4]], "float32"
)
"""Where activations bend, and far out."""

ACTIVATIONS = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_and_its_gradient(keras, name):
    ours, theirs = nn.activations.get(name), getattr(keras.activations, name)
    inputs = jnp.concatenate([X, EDGES])

    def results(function):
        def weighted(x):
            y = function(x)
            return jnp.sum(y * jnp.linspace(0.5, 2.0, y.size).reshape(y.shape)), y

        (_, y), slope = jax.value_and_grad(weighted, has_aux=True)(inputs)
        return y, slope

    with jax.numpy_rank_promotion("raise"):
        mine = results(ours)
    for got, want in zip(mine, results(theirs), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
        assert name == "exponential" or np.isfinite(got).all()


@pytest.mark.parametrize("name", [*ACTIVATIONS, "sparsemax", "threshold"])
def test_activation_signature(keras, name):
    ours, theirs = getattr(nn.activations, name), getattr(keras.activations, name)
    defaults = [
        {n: p.default for n, p in inspect.signature(f).parameters.items()} for f in (ours, theirs)
    ]
    assert defaults[0] == defaults[1]
    assert list(defaults[0]) == list(defaults[1])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("relu", {"negative_slope": 0.3, "max_value": 2.0, "threshold": 0.5}),
        ("relu", {"negative_slope": 0.3}),
        ("relu", {"threshold": 1.0}),
        ("relu", {"max_value": 1.5}),
        ("gelu", {"approximate": True}),
        ("elu", {"alpha": 0.5}),
        ("celu", {"alpha": 0.5}),
        ("leaky_relu", {"negative_slope": 0.01}),
        ("softmax", {"axis": 0}),
        ("softmax", {"axis": (0, 1)}),
        ("log_softmax", {"axis": 0}),
        ("glu", {"axis": 0}),
        ("squareplus", {"b": 2}),
        ("hard_shrink", {"threshold": 1.0}),
        ("soft_shrink", {"threshold": 1.0}),
        ("threshold", {"threshold": 1.0, "default_value": -7.0}),
    ],
)
def test_activation_options(keras, name, options):
    got = getattr(nn.activations, name)(jnp.asarray(X), **options)
    want = getattr(keras.activations, name)(X, **options)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1])
def test_sparsemax_is_the_projection_onto_probabilities(axis):
    # Not against Keras, whose rows do not sum up to 1 here (3.15).
    got = np.asarray(nn.activations.sparsemax(jnp.asarray(X), axis))
    low, high = X.min(axis, keepdims=True) - 1, X.max(axis, keepdims=True)
    for _ in range(60):  # bisect the level that leaves a sum of 1
        level = (low + high) / 2
        too_much = np.maximum(X - level, 0).sum(axis, keepdims=True) > 1
        low, high = np.where(too_much, level, low), np.where(too_much, high, level)
    np.testing.assert_allclose(got, np.maximum(X - level, 0), atol=1e-5)


def test_relu_has_no_slope_at_zero():
    assert float(jax.grad(nn.activations.relu)(0.0)) == 0.0


@pytest.mark.parametrize(
    ("module", "name", "options"),
    [
        ("regularizers", "L1", {}),
        ("regularizers", "L1", {"l1": 0.3}),
        ("regularizers", "L2", {"l2": 0.3}),
        ("regularizers", "L1L2", {"l1": 0.1, "l2": 0.2}),
        ("regularizers", "OrthogonalRegularizer", {"factor": 0.5}),
        ("regularizers", "OrthogonalRegularizer", {"mode": "columns"}),
        ("constraints", "NonNeg", {}),
        ("constraints", "MaxNorm", {}),
        ("constraints", "MaxNorm", {"max_value": 1.0, "axis": [0, 1]}),
        ("constraints", "UnitNorm", {"axis": 1}),
        ("constraints", "MinMaxNorm", {}),
        ("constraints", "MinMaxNorm", {"min_value": 5.0, "max_value": 9.0, "rate": 0.3, "axis": 1}),
    ],
)
def test_regularizers_and_constraints(keras, module, name, options):
    ours = getattr(getattr(nn, module), name)(**options)
    theirs = getattr(getattr(keras, module), name)(**options)
    x = jnp.asarray(X)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-6)
    twin = type(ours).from_config(ours.get_config())
    np.testing.assert_array_equal(twin(jnp.asarray(X)), ours(jnp.asarray(X)))


@pytest.mark.parametrize("module", ["regularizers", "constraints", "initializers"])
def test_names_are_those_of_keras(keras, module):
    aliases = {"l1", "l2", "l1_l2", "max_norm", "non_neg", "unit_norm", "min_max_norm"}
    aliases |= {"uniform", "normal", "zeros", "ones", "glorot_uniform", "he_normal", "orthogonal"}
    theirs, ours = getattr(keras, module), getattr(nn, module)
    for name in sorted(aliases):
        try:
            want = theirs.get(name)
        except ValueError:
            continue
        assert type(ours.get(name)).__name__ == type(want).__name__
        config, defaults = ours.get(name).get_config(), want.get_config()
        assert set(config) == set(defaults)
        for argument in set(config) - {"seed"}:
            assert config[argument] == pytest.approx(defaults[argument])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RandomNormal", {"mean": 1.0, "stddev": 0.5}),
        ("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
        ("TruncatedNormal", {"mean": 1.0, "stddev": 0.5}),
        ("GlorotUniform", {}),
        ("GlorotNormal", {}),
        ("HeUniform", {}),
        ("HeNormal", {}),
        ("LecunUniform", {}),
        ("LecunNormal", {}),
        ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}),
        ("VarianceScaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
        ("Orthogonal", {"gain": 2.0}),
        ("Constant", {"value": 3.0}),
        ("Zeros", {}),
        ("Ones", {}),
    ],
)
def test_initializers_draw_from_the_same_distribution(keras, name, options):
    shape = 3, 5, 40, 60
    ours = np.asarray(getattr(nn.initializers, name)(**options)(shape))
    theirs = np.asarray(getattr(keras.initializers, name)(**options, **seed_for(name))(shape))
    assert ours.dtype == theirs.dtype
    spread = theirs.std() + 1e-9
    assert abs(ours.mean() - theirs.mean()) < 0.05 * spread
    assert abs(ours.std() / spread - theirs.std() / spread) < 0.02
    for quantile in (0.0, 0.1, 0.9, 1.0):
        gap = np.quantile(ours, quantile) - np.quantile(theirs, quantile)
        extreme = quantile in (0.0, 1.0) and ("Normal" in name or name == "Orthogonal")
        assert abs(gap) < (1.5 if extreme else 0.25) * spread


def seed_for(name):
    return {} if name in ("Constant", "Zeros", "Ones") else {"seed": 3}


def test_orthogonal_is_orthogonal():
    q = nn.initializers.Orthogonal()((40, 10))
    np.testing.assert_allclose(q.T @ q, np.eye(10), atol=1e-5)
