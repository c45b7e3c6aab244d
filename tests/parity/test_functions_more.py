"""Activations where they bend, initializers number by number, configs: as the installed Keras."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

RELU = [
    {"max_value": 3.0},
    {"threshold": 0.5},
    {"negative_slope": 0.3, "max_value": 3.0, "threshold": 1.0},
]


@pytest.mark.parametrize("options", RELU)
def test_slopes_of_relu_where_it_bends(keras, options):
    x = jnp.array([-5.0, 0.0, 0.5, 1.0, 2.0, 3.0, 1e4])
    ours, theirs = (
        jax.grad(lambda x, f=m.activations.relu: jnp.sum(f(x, **options) * 2.0))(x)
        for m in (nn, keras)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_sparsemax_has_the_slopes_of_a_projection():
    x = jnp.array([[0.3, 0.1, -2.0, 0.25], [1e6, 1e6 + 0.25, 0.0, -1e6]])
    got, slopes = jax.jit(
        lambda x: (nn.activations.sparsemax(x), jax.vmap(jax.jacobian(nn.activations.sparsemax))(x))
    )(x)
    np.testing.assert_allclose(got[1], [0.375, 0.625, 0.0, 0.0], atol=1e-6)
    for slope, y in zip(slopes, got, strict=True):
        inside = np.asarray(y > 0, "float32")
        want = np.diag(inside) - np.outer(inside, inside) / inside.sum()
        np.testing.assert_allclose(slope, want, atol=1e-6)


def test_kerass_sparsemax_is_no_projection(keras):
    # The reason why ours differs; if this fails, Keras has mended it and ours can be compared.
    sums = np.asarray(keras.activations.sparsemax(jnp.array([[0.3, 0.1, -2.0, 0.25]]))).sum()
    assert abs(sums - 1) > 0.1


INITIALIZERS = [
    ("RandomNormal", {"mean": 1.0, "stddev": 0.5}),
    ("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
    ("TruncatedNormal", {"mean": 1.0, "stddev": 0.5}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {}),
    ("HeUniform", {}),
    ("HeNormal", {}),
    ("LecunUniform", {}),
    ("LecunNormal", {}),
    ("GlorotNormal", {"input_axes": [0], "output_axes": [1, 2]}),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}),
    ("VarianceScaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
    ("VarianceScaling", {"distribution": "normal"}),
    ("Orthogonal", {"gain": 2.0}),
]


@pytest.mark.parametrize(("name", "options"), INITIALIZERS)
def test_the_same_seed_gives_the_same_weights(keras, name, options):
    ours = getattr(nn.initializers, name)(**options, seed=11)
    theirs = getattr(keras.initializers, name)(**options, seed=11)
    for shape in ((5, 3, 4),) * (name == "Orthogonal") + ((3, 2, 7),):
        got = ours(shape)
        np.testing.assert_allclose(got, theirs(shape), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(got, ours(shape))
    assert inspect.signature(type(ours)).parameters.keys() == {
        *inspect.signature(type(theirs)).parameters
    }
    twin = nn.initializers.deserialize(nn.initializers.serialize(ours))
    np.testing.assert_array_equal(twin(shape), got)
    np.testing.assert_array_equal(ours.clone()(shape), got)


@pytest.mark.parametrize("name", ["Constant", "Zeros", "Ones", "Identity"])
@pytest.mark.parametrize("dtype", ["bfloat16", "int32"])
def test_fixed_beginnings(keras, name, dtype):
    options = {"Constant": {"value": 3}, "Identity": {"gain": 2}}.get(name, {})
    ours, theirs = (getattr(m.initializers, name)(**options) for m in (nn, keras))
    got, want = (np.asarray(i((3, 4), dtype), "float32") for i in (ours, theirs))
    np.testing.assert_array_equal(got, want)
    assert nn.initializers.serialize(ours)["config"] == options  # Keras forgets Identity's gain


def test_generators_give_other_weights_each_time():
    generator = nn.random.SeedGenerator(11)
    initializer = nn.initializers.HeNormal(seed=generator)
    first, second = initializer((3, 4)), initializer((3, 4))
    np.testing.assert_array_equal(first, nn.initializers.HeNormal(seed=11)((3, 4)))
    assert not np.array_equal(first, second)
    twin = nn.initializers.deserialize(nn.initializers.serialize(initializer))
    np.testing.assert_array_equal(twin((3, 4)), first)


def test_half_precision_draws():
    assert nn.initializers.Orthogonal(seed=1)((3, 4), "bfloat16").dtype == jnp.bfloat16


def test_an_array_is_an_initializer(keras):
    kernel = np.arange(6, dtype="float32").reshape(2, 3)
    got = nn.initializers.get(kernel)
    np.testing.assert_array_equal(got((2, 3)), keras.initializers.get(kernel)((2, 3)))
    layer = nn.layers.Dense(3, kernel_initializer=jnp.asarray(kernel))
    layer.build((None, 2))
    np.testing.assert_array_equal(layer.kernel, kernel)
    with pytest.raises(nn.errors.ShapeError, match=r"\(3, 2\)"):
        got((3, 2))


@pytest.mark.parametrize(
    ("module", "name", "options"),
    [
        ("regularizers", "L1", {"l1": 0.3}),
        ("regularizers", "L2", {"l2": 0.3}),
        ("regularizers", "L1L2", {"l1": 0.1, "l2": 0.2}),
        ("regularizers", "OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
        ("constraints", "NonNeg", {}),
        ("constraints", "MaxNorm", {"max_value": 1.0, "axis": [0, 1]}),
        ("constraints", "UnitNorm", {"axis": 1}),
        ("constraints", "MinMaxNorm", {"min_value": 5.0, "max_value": 9.0, "rate": 0.3}),
    ],
)
def test_slopes_and_configs(keras, module, name, options):
    mine, its = (getattr(getattr(m, module), name)(**options) for m in (nn, keras))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), "float32")
    slopes = [jax.grad(lambda w, f=f: jnp.sum(f(w) * 2.0))(x) for f in (mine, its)]
    np.testing.assert_allclose(*slopes, rtol=1e-5, atol=1e-6)
    ours = getattr(nn, module)
    config = ours.serialize(mine)
    assert config["class_name"] == name
    assert config["config"] == {**its.get_config(), **options}
    assert ours.deserialize(config).get_config() == mine.get_config()
    assert ours.get(config).get_config() == mine.get_config()
    assert list(inspect.signature(type(mine)).parameters.items()) == [
        (n, p.replace(annotation=q.annotation))
        for (n, p), q in zip(
            inspect.signature(type(its)).parameters.items(),
            inspect.signature(type(mine)).parameters.values(),
            strict=True,
        )
    ]


@pytest.mark.parametrize("module", ["initializers", "regularizers", "constraints", "activations"])
def test_own_things_by_name(module):
    def mine(x):
        return x

    assert getattr(nn, module).deserialize("mine", custom_objects={"mine": mine}) is mine
    with pytest.raises(nn.errors.UnknownNameError, match="mine"):
        getattr(nn, module).get("mine")


@pytest.mark.parametrize("module", ["initializers", "regularizers", "constraints", "activations"])
def test_every_public_name_of_keras(keras, module):
    left_out = {"STFT", "STFTInitializer", "stft", "sparse_plus", "sparse_sigmoid"}
    theirs = {name for name in dir(getattr(keras, module)) if not name.startswith("_")}
    ours = getattr(nn, module)
    assert theirs - left_out <= {*dir(ours)}
    assert {name for name in theirs - left_out if name not in ours.__all__} == set()


def test_activations_that_are_objects(keras):
    assert nn.activations.get(None) is nn.activations.linear
    config = nn.activations.serialize(nn.layers.ReLU(negative_slope=0.25))
    assert nn.activations.deserialize(config)(jnp.array([-4.0])).tolist() == [-1.0]
    assert nn.activations.serialize(None) is nn.activations.deserialize(None) is None
    for name in ("relu", "swish", "hard_silu", "log_softmax"):
        ours, theirs = (getattr(m.activations, name) for m in (nn, keras))
        assert nn.activations.serialize(ours) == keras.activations.serialize(theirs)
    with pytest.raises(nn.errors.ArgumentError, match="register_keras_serializable"):
        nn.activations.serialize(lambda x: x)
