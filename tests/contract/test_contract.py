"""What holds for every layer, row by row of `cases`."""

import inspect
import json
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from nnlib import errors, layers
from nnlib.core.specs import concrete_dims
from nnlib.core.tree import flatten
from nnlib.layers.preprocessing.host_layer import HostLayer
from tests.contract.case import Case
from tests.contract.cases import CASES

every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def those(condition):
    chosen = [case for case in CASES if condition(case)]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case.name)


floats = those(lambda case: case.dtype == "float32")


def built(case: Case, **common):
    """A layer with random weights (biases too), its trees and its inputs."""
    params, state = variables_of(case, **common)
    return case.make(**common), params, state, case.arrays()


@cache
def variables_of(case: Case, **common):
    params, state = case.make(**common).init(jax.random.key(1), *case.arrays())
    generator = np.random.default_rng(0)

    def moved(weight):
        noise = 0.1 * generator.standard_normal(weight.shape)
        return jnp.asarray(np.asarray(weight) + noise.astype(weight.dtype))

    return jax.tree.map(moved, params), state


def output_of(layer, params, state, *inputs, **kwargs):
    return layer.apply(params, state, *inputs, **kwargs)[0]


@cache
def inferred(case: Case):
    """What the compiled layer makes of its inputs."""
    layer, params, state, inputs = built(case)
    return jax.jit(layer.apply)(params, state, *inputs)[0]


def assert_same(first, second, tol=1e-6):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


def scalar(out, seed=5):
    """A sum with random signs and sizes, so that no gradient cancels out."""
    generator = np.random.default_rng(seed)
    leaves = jax.tree.leaves(out)
    return sum(jnp.sum(y * jnp.asarray(generator.normal(size=y.shape), y.dtype)) for y in leaves)


def test_every_exported_layer_has_a_row():
    exported = {getattr(layers, name) for name in layers.__all__}
    kinds = {x for x in exported if inspect.isclass(x) and issubclass(x, layers.Layer)}
    tested = {type(case.make()) for case in CASES}
    strings_only = {kind for kind in kinds if kind.call is HostLayer.call}  # never traced
    assert kinds - {layers.Layer} - strings_only == tested


@every
def test_declares_the_shapes_that_a_call_gives(case):
    declared = case.make().declare(*case.specs(case.inputs))
    layer, params, state, inputs = built(case)
    out = jax.eval_shape(layer.apply, params, state, *inputs)[0]
    for spec, array in zip(jax.tree.leaves(declared), jax.tree.leaves(out), strict=True):
        assert concrete_dims(spec.shape) == (None, *array.shape[1:])
        assert spec.dtype == array.dtype


@those(lambda case: case.free)
def test_free_axes_stay_free_and_fit_any_size(case):
    layer = case.make()
    declared = layer.declare(*case.specs(case.free))
    known = layer.declare(*case.specs(case.inputs[: len(case.free)], batch=3))
    for free, spec in zip(jax.tree.leaves(declared), jax.tree.leaves(known), strict=True):
        assert len(free.shape) == len(spec.shape)
        pairs = zip(concrete_dims(free.shape), concrete_dims(spec.shape), strict=True)
        assert all(a in (None, b) for a, b in pairs)


@every
def test_eager_equals_jit(case):
    layer, params, state, inputs = built(case)
    layer.declare(*inputs)
    layer.variables = params, state
    assert_same(layer(*inputs, training=False), inferred(case))


@every
def test_vmap_equals_loop(case):
    layer, params, state, _ = built(case)
    several = [case.arrays(seed=seed) for seed in (1, 2)]
    stacked = jax.tree.map(lambda *xs: jnp.stack(xs), *several)
    mapped = jax.jit(jax.vmap(lambda inputs: output_of(layer, params, state, *inputs)))(stacked)
    single = jax.jit(layer.apply)
    looped = [single(params, state, *inputs)[0] for inputs in several]
    assert_same(mapped, jax.tree.map(lambda *ys: jnp.stack(ys), *looped), tol=1e-5)


@those(lambda case: case.dtype == "float32" and case.smooth and case.follows_policy)
def test_gradients_agree_with_finite_differences(case):
    with jax.enable_x64(True):
        layer = case.make(dtype="float64")
        inputs = case.arrays(dtype="float64")
        params, state = layer.init(jax.random.key(1), *inputs)

        @jax.jit
        def loss(params, inputs):
            rng = jax.random.key(2)
            return scalar(output_of(layer, params, state, *inputs, training=True, rng=rng))

        check_grads(loss, (params, inputs), order=1, modes=["rev"], atol=1e-5, rtol=1e-5, eps=1e-5)


@every
def test_config_makes_the_same_layer(case):
    layer, params, state, inputs = built(case)
    config = layer.get_config()
    if case.json:
        config = json.loads(json.dumps(config))
    twin = type(layer).from_config(config)
    twin.declare(*inputs)
    assert twin.get_config() == layer.get_config()
    assert {p: w.shape for p, w in flatten(params).items()} == {
        "/".join((*path, name)): w.shape for path, _, name, w in twin.weight_specs() if w.trainable
    }
    assert_same(jax.jit(twin.apply)(params, state, *inputs)[0], inferred(case))


@every
def test_regularizers_and_names_survive_the_config(case):
    layer = case.make(name="given")
    twin = type(layer).from_config(layer.get_config())
    assert twin.name == "given"
    layer.declare(*case.arrays())
    twin.declare(*case.arrays())
    kinds = [[type(w.regularizer) for *_, w in made.weight_specs()] for made in (layer, twin)]
    assert kinds[0] == kinds[1]


@those(lambda case: "Normalization" in case.name)
def test_frozen_layers_infer_and_stay_as_they_are(case):
    layer, params, state, inputs = built(case)
    layer.trainable = False
    plain = output_of(layer, params, state, *inputs)
    out, new_state = layer.apply(params, state, *inputs, training=True, rng=jax.random.key(0))
    assert_same(out, plain)
    assert_same(new_state, state, tol=0)
    layer(*inputs)
    assert layer.trainable_weights == []


@those(lambda case: case.random)
def test_draws_depend_on_key_and_path(case):
    class Pair(layers.Layer):
        def __init__(self, first, second):
            super().__init__()
            self.first, self.second = first, second

        def call(self, x):
            return self.first(x), self.second(x)

    pair = Pair(case.make(), case.make())
    inputs = case.arrays()
    params, state = pair.init(jax.random.key(0), *inputs)
    if params:
        params = {"first": params["first"], "second": params["first"]}

    def run(seed):
        return output_of(pair, params, state, *inputs, training=True, rng=jax.random.key(seed))

    assert_same(run(1), run(1), tol=0)
    first, second = run(1)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, run(2)[0])
    with pytest.raises(errors.RandomKeyError, match="first"):
        pair.apply(params, state, *inputs, training=True)


@those(lambda case: case.wrong is not None)
def test_wrong_shapes_are_refused_by_name(case):
    layer = case.make(name="chosen")
    layer.declare(*case.specs(case.inputs))
    with pytest.raises(errors.ShapeError, match="chosen") as caught:
        layer.declare(*case.specs(case.wrong))
    assert type(layer).__name__ in str(caught.value)


@cache
def learning(case: Case):
    """A compiled training step, and how often it was traced."""
    layer, traces = case.make(), []

    def loss(params, floats, state, inputs, key):
        out, new_state = layer.apply(params, state, *(floats or inputs), training=True, rng=key)
        return scalar(out).astype("float32"), new_state

    @jax.jit
    def step(params, state, inputs, key):
        traces.append(1)
        floats = inputs if case.dtype == "float32" else ()
        gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
        (value, new_state), grads = gradients(params, floats, state, inputs, key)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads[0]), new_state, (value, grads)

    return step, traces


@every
def test_three_steps_are_traced_once(case):
    _, params, state, _ = built(case)
    step, traces = learning(case)
    for number in range(3):
        key = jax.random.key(number)
        params, state, _ = step(params, state, case.arrays(seed=number), key)
    assert len(traces) == 1


@floats
def test_zeros_give_no_nan(case):
    _, params, state, inputs = built(case)
    zeros = jax.tree.map(jnp.zeros_like, inputs)
    *_, values = learning(case)[0](params, state, zeros, jax.random.key(0))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(values))


@those(lambda case: case.follows_policy)
def test_mixed_precision_computes_in_16_bits_and_keeps_32(case):
    for compute in ("bfloat16", "float16"):
        layer, params, state, inputs = built(case, dtype=f"mixed_{compute}")
        outputs, new_state = jax.eval_shape(partial(both_modes, layer), params, state, inputs)
        assert {leaf.dtype.name for leaf in jax.tree.leaves(outputs)} == {compute}
        kept = {leaf.dtype for leaf in jax.tree.leaves((params, new_state))}
        assert {d.name for d in kept if jnp.issubdtype(d, jnp.floating)} <= {"float32"}
    rough = jax.jit(layer.apply)(params, state, *inputs)[0]
    for low, high in zip(jax.tree.leaves(rough), jax.tree.leaves(inferred(case)), strict=True):
        np.testing.assert_allclose(low.astype("float32"), high, atol=0.1, rtol=0.05)


def both_modes(layer, params, state, inputs):
    """The outputs for inference and for training, and the state after training."""
    plain, _ = layer.apply(params, state, *inputs)
    rng = jax.random.key(0)
    trained, new_state = layer.apply(params, state, *inputs, training=True, rng=rng)
    return (plain, trained), new_state
