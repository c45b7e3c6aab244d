"""The small pieces below Layer: registries, trees, keys, symbolic shapes, specs, settings."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnlib as nn
from nnlib.core import compat, dtypes, errors, settings, symbolic, tree
from nnlib.core.naming import snake_case
from nnlib.core.random import fold
from nnlib.core.registry import Registry
from nnlib.core.specs import InputSpec, ShapeSpec, concrete_dims

NAMES = st.text("abc", min_size=1, max_size=2)
TREES = st.recursive(
    st.integers(), lambda children: st.dictionaries(NAMES, children, min_size=1, max_size=3)
).filter(lambda value: isinstance(value, dict))


@given(TREES)
def test_flatten_and_unflatten_are_inverse(nested):
    assert tree.unflatten(tree.flatten(nested)) == nested


@given(TREES)
def test_partition_and_merge_are_inverse(nested):
    first, second = tree.partition(nested, lambda path: path[0] < "b")
    assert tree.merge(first, second) == nested
    assert not set(tree.flatten(first)) & set(tree.flatten(second))


def test_merge_takes_the_second_of_two_leaves_and_changes_neither():
    a, b = {"x": {"y": 1}, "z": 0}, {"x": {"y": 2, "w": 3}}
    assert tree.merge(a, b) == {"x": {"y": 2, "w": 3}, "z": 0}
    assert a == {"x": {"y": 1}, "z": 0}


def test_split_leaves_keeps_what_is_static():
    dynamic, fill = tree.split_leaves(({"a": 1.5, "b": None}, ["s", 2]), lambda v: v == 2)
    assert dynamic == [2]
    assert fill([7]) == ({"a": 1.5, "b": None}, ["s", 7])


def test_keys_depend_on_the_path_alone():
    key = jax.random.key(0)
    same = [jax.random.key_data(fold(key, "a", "b")).tolist() for _ in range(2)]
    assert same[0] == same[1]
    assert same[0] != jax.random.key_data(fold(key, "b", "a")).tolist()
    assert same[0] == jax.random.key_data(jax.jit(lambda k: fold(k, "a", "b"))(key)).tolist()


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "0"])
def test_seeds_are_checked(seed):
    with pytest.raises(errors.ArgumentError, match="0 to 2"):
        nn.utils.set_random_seed(seed)


@pytest.mark.parametrize(
    ("identifier", "error", "text"),
    [
        ("squre", errors.UnknownNameError, "Did you mean 'square'"),
        ("zzz", errors.UnknownNameError, "no 'zzz' here. Known: Box, box, square"),
        (3, errors.ArgumentError, "a name, a config, a class, an instance or a callable"),
        ({"config": {}}, errors.ArgumentError, "'class_name'"),
    ],
)
def test_registries_refuse_in_words(identifier, error, text):
    shapes = Registry("shape")
    shapes.register("square")(lambda x: x)

    @shapes.register()
    class Box:
        pass

    with pytest.raises(error, match=text):
        shapes.get(identifier)
    assert isinstance(shapes.get("box"), Box)
    assert isinstance(shapes.get(Box), Box)
    assert isinstance(shapes.get({"class_name": "Box", "config": {}}), Box)
    assert shapes.get(None) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("PReLU", "p_re_lu"), ("Conv1D", "conv1d"), ("GlobalMaxPooling1D", "global_max_pooling1d")],
)
def test_names_are_spelled_as_in_keras(name, expected, keras):
    assert snake_case(name) == expected
    assert keras.src.utils.naming.to_snake_case(name) == expected


def test_free_axes_are_symbols_of_their_own():
    spec = ShapeSpec((None, None, 3))
    out = symbolic.eval_shape(lambda x: jnp.sum(x, -1), [spec])
    assert concrete_dims(out.shape) == (None, None)
    with pytest.raises(TypeError):
        symbolic.eval_shape(lambda x: x + jnp.swapaxes(x, 0, 1), [spec])


def test_questions_that_a_symbol_cannot_answer_are_asked_of_numbers():
    def odd(x):
        return x[: x.shape[0] // 2 * 2] if x.shape[0] % 2 else x

    out = symbolic.eval_shape(odd, [ShapeSpec((None, 4))])
    assert concrete_dims(out.shape) == (None, 4)


@pytest.mark.parametrize(
    ("spec", "shape", "text"),
    [
        (InputSpec(ndim=2), (1, 2, 3), "exactly|with 2 axes"),
        (InputSpec(min_ndim=3), (1, 2), "at least 3 axes"),
        (InputSpec(max_ndim=1), (1, 2), "at most 1 axes"),
        (InputSpec(axes={1: 4}), (1, 2), "size 4 on axis 1"),
        (InputSpec(shape=(None, 4)), (1, 2), r"shape \(None, 4\)"),
        (InputSpec(dtype="int32"), (1, 2), "dtype int32"),
    ],
)
def test_input_specs(spec, shape, text):
    with pytest.raises(errors.ShapeError, match=text):
        spec.check(jnp.ones(shape), "here")
    spec_of_anything = InputSpec()
    spec_of_anything.check(jnp.ones(shape), "here")


def test_traces_are_noticed_in_every_thread():
    seen = {}
    jax.jit(lambda x: seen.update(jit=compat.is_traced()) or x)(1.0)
    jax.vmap(lambda x: seen.update(vmap=compat.is_traced()) or x)(jnp.ones(2))
    jax.grad(lambda x: seen.update(grad=compat.is_traced()) or x)(1.0)
    thread = threading.Thread(target=lambda: seen.update(thread=compat.is_traced()))
    thread.start()
    thread.join()
    outside = compat.is_traced()
    assert seen == {"jit": True, "vmap": True, "grad": True, "thread": False}
    assert not outside


def test_settings_are_checked_and_used():
    with pytest.raises(errors.ArgumentError, match="float32"):
        settings.set_floatx("float")
    with pytest.raises(errors.ArgumentError, match="above 0"):
        settings.set_epsilon(0)
    with pytest.raises(errors.ArgumentError, match="mixed_float16"):
        dtypes.DTypePolicy("mixed")
    dtypes.set_dtype_policy("mixed_bfloat16")
    layer = nn.layers.Dense(1)
    dtypes.set_dtype_policy(None)
    assert layer(np.ones((1, 2))).dtype == jnp.bfloat16
    settings.set_floatx("bfloat16")
    assert nn.layers.Dense(1)(np.ones((1, 2))).dtype == jnp.bfloat16


def test_two_threads_compute_in_frames_of_their_own():
    results = {}

    def work(number):
        model = nn.Sequential([nn.Input((2,)), nn.layers.Dense(number), nn.layers.Dropout(0.5)])
        for _ in range(20):
            results[number] = model(np.ones((1, 2), "float32"), training=True).shape

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {1: (1, 1), 2: (1, 2), 3: (1, 3)}
