"""The contract between a layer, its author and its users."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers

KEY = jax.random.key(0)


class Scale(layers.Layer):
    """The shortest layer with a weight."""

    def build(self, x):
        self.factor = self.add_weight((x.shape[-1],), "ones")

    def call(self, x):
        return x * self.factor.reshape(1, -1)


class Counter(layers.Layer):
    """The shortest layer with state."""

    def build(self, x):
        self.count = self.add_weight((), "zeros", dtype="int32", trainable=False)

    def call(self, x, training=False):
        if training:
            self.update(count=self.count + 1)
        return x


class Noise(layers.Layer):
    """The shortest layer that draws."""

    def call(self, x):
        return x + jax.random.normal(self.next_key(), x.shape)


def test_declare_allocates_nothing_and_keeps_free_dims():
    layer = layers.Dense(10**6)
    out = layer.declare(nn.core.specs.ShapeSpec((None, 10**6)))
    assert nn.core.specs.concrete_dims(out.shape) == (None, 10**6)
    assert layer.count_params() == 10**12 + 10**6


def test_init_and_apply_are_a_pair_of_pure_functions():
    layer, x = Scale(), jnp.arange(6.0).reshape(2, 3)
    params, state = layer.init(KEY, x)
    assert jax.tree.map(jnp.shape, params) == {"factor": (3,)}
    assert state == {}
    y, new_state = layer.apply({"factor": jnp.array([1.0, 2.0, 3.0])}, state, x)
    np.testing.assert_array_equal(y, [[0, 2, 6], [3, 8, 15]])
    assert new_state == {}


def test_init_is_jittable_and_equal_to_eager_init():
    model = nn.Sequential([layers.Dense(4), layers.Dense(2)])
    x = jnp.ones((1, 3))
    plain, jitted = model.init(KEY, x), jax.jit(model.init)(KEY, x)
    jax.tree.map(np.testing.assert_array_equal, plain, jitted)


def test_adding_a_layer_changes_no_other_weights():
    first = nn.Sequential([layers.Dense(4, name="a"), layers.Dense(4, name="b")])
    second = nn.Sequential(
        [layers.Dense(4, name="a"), layers.Dense(4, name="new"), layers.Dense(4, name="b")]
    )
    x = jnp.ones((1, 4))
    (before, _), (after, _) = first.init(KEY, x), second.init(KEY, x)
    jax.tree.map(np.testing.assert_array_equal, before, {n: after[n] for n in ("a", "b")})


def test_keys_of_two_paths_differ():
    model = nn.Sequential([layers.Dense(4), layers.Dense(4)])
    params, _ = model.init(KEY, jnp.ones((1, 4)))
    assert not np.array_equal(params["dense"]["kernel"], params["dense_1"]["kernel"])


def test_state_is_returned_and_never_kept():
    layer, x = Counter(), jnp.ones((1, 1))
    params, state = layer.init(KEY, x)
    _, after = layer.apply(params, state, x, training=True)
    assert (int(state["count"]), int(after["count"])) == (0, 1)
    _, still = layer.apply(params, after, x)
    assert int(still["count"]) == 1


def test_the_facade_keeps_state():
    layer = Counter()
    for _ in range(3):
        layer(jnp.ones((1, 1)), training=True)
    assert int(layer.count) == 3


def test_a_shared_layer_is_stored_once_under_its_first_path():
    class Twice(layers.Layer):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(3)
            self.second = self.first

        def call(self, x):
            return self.second(self.first(x))

    params, _ = Twice().init(KEY, jnp.ones((1, 3)))
    assert list(params) == ["first"]


def test_layers_in_lists_and_dicts_and_private_attributes_are_found():
    class Holder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(2), layers.Dense(2)]
            self.heads = {"left": layers.Dense(1)}
            self._hidden = layers.Dense(2)

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return self.heads["left"](self._hidden(x))

    params, _ = Holder().init(KEY, jnp.ones((1, 3)))
    flat = nn.core.tree.flatten(params)
    assert {"blocks/0/kernel", "blocks/1/kernel", "heads/left/kernel", "hidden/kernel"} <= set(flat)


def test_same_key_same_draw_other_path_other_draw():
    model = nn.Sequential([Noise(), Noise()])
    single = Noise()
    x = jnp.zeros((2, 3))
    model.init(KEY, x)
    first, _ = model.apply({}, {}, x, rng=KEY)
    again, _ = model.apply({}, {}, x, rng=KEY)
    np.testing.assert_array_equal(first, again)
    single.init(KEY, x)
    alone, _ = single.apply({}, {}, x, rng=KEY)
    assert not np.allclose(first, 2 * alone)


def test_a_layer_called_twice_draws_twice():
    class Twice(layers.Layer):
        def __init__(self):
            super().__init__()
            self.noise = Noise()

        def call(self, x):
            return self.noise(x) - self.noise(x)

    assert np.abs(Twice()(jnp.zeros((2, 2)))).max() > 0


def test_vmap_and_scan_inside_call_may_read_weights():
    class Rows(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            self.dense(x)
            return jax.vmap(lambda row: row @ self.dense.kernel)(x)

    layer, x = Rows(), jnp.ones((4, 3))
    params, state = layer.init(KEY, x)
    y, _ = layer.apply(params, state, x)
    np.testing.assert_allclose(y, x @ params["dense"]["kernel"], rtol=1e-6)


def test_vmapped_ensemble_equals_a_loop():
    model = nn.Sequential([layers.Dense(3, activation="tanh"), layers.Dense(1)])
    x = jnp.ones((2, 4))
    model.init(KEY, x)
    keys = jax.random.split(KEY, 5)
    params, state = jax.vmap(model.init)(keys)
    together = jax.vmap(lambda p, s: model.apply(p, s, x)[0])(params, state)
    for index, key in enumerate(keys):
        p, s = model.init(key)
        np.testing.assert_allclose(together[index], model.apply(p, s, x)[0], rtol=1e-5)


def test_one_trace_for_many_steps():
    traces = []

    class Watched(layers.Dense):
        def call(self, x):
            traces.append(1)
            return super().call(x)

    layer, x = Watched(2), jnp.ones((1, 3))
    params, state = layer.init(KEY, x)
    traces.clear()
    step = jax.jit(lambda p, x: layer.apply(p, state, x)[0])
    for _ in range(3):
        step(params, x)
    assert len(traces) == 1


def test_explicit_training_reaches_all_layers_below():
    inner = nn.Sequential([Counter()])

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def call(self, x):
            return self.inner(x, training=False)

    outer = Outer()
    outer(jnp.ones((1, 1)), training=True)
    assert int(inner.layers[0].count) == 0


def test_weights_of_keras_style_layers():
    class Linear(layers.Layer):
        def __init__(self, units=4, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(
                name="w",
                shape=(input_shape[-1], self.units),
                initializer="random_normal",
                trainable=True,
            )
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")
            self.built = True

        def call(self, inputs):
            return jnp.matmul(inputs, self.w) + self.b.reshape(1, -1)

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    layer = Linear(3)
    assert layer(np.ones((2, 5))).shape == (2, 3)
    assert [w.shape for w in layer.get_weights()] == [(5, 3), (3,)]
    assert Linear.from_config(layer.get_config()).units == 3
    other = Linear(2)
    other.build((None, 7))
    assert other.count_params() == 16


def test_assigning_an_array_to_a_weight():
    layer = layers.Dense(2)
    layer.build((None, 3))
    layer.kernel = np.full((3, 2), 0.5)
    np.testing.assert_array_equal(layer(np.ones((1, 3))), [[1.5, 1.5]])
    with pytest.raises(errors.ShapeError, match=r"dense/kernel \(Dense\): expected .*\(3, 2\)"):
        layer.kernel = np.ones((2, 2))


def test_set_weights_changes_all_or_nothing():
    layer = layers.Dense(2)
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(errors.ShapeError, match="weight 1"):
        layer.set_weights([np.ones((3, 2)), np.ones(3)])
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])
    with pytest.raises(errors.ShapeError, match="expected 2 arrays, got 1"):
        layer.set_weights([np.ones((3, 2))])


def test_mixed_precision_keeps_float32_weights_and_computes_in_16_bits():
    layer = layers.Dense(2, dtype="mixed_bfloat16")
    assert layer(jnp.ones((1, 3))).dtype == jnp.bfloat16
    assert layer.kernel.dtype == jnp.float32


def test_the_facade_works_under_jit_without_leaking():
    layer = layers.Dense(2)
    y = jax.jit(layer)(jnp.ones((1, 3)))
    assert y.shape == (1, 2)
    assert not isinstance(layer.kernel, jax.core.Tracer)


def test_layers_only_reached_in_training_are_declared():
    class Auxiliary(layers.Layer):
        def __init__(self):
            super().__init__()
            self.main, self.extra = layers.Dense(2), layers.Dense(2)

        def call(self, x, training=False):
            return self.main(x) + self.extra(x) if training else self.main(x)

    params, _ = Auxiliary().init(KEY, jnp.ones((1, 3)))
    assert sorted(params) == ["extra", "main"]


def test_regularizers_and_added_losses_come_as_a_third_value():
    class Penalised(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1, use_bias=False, kernel_regularizer=nn.regularizers.L2(0.1))

        def call(self, x):
            self.add_loss(3.0)
            return self.dense(x)

    layer, x = Penalised(), jnp.ones((1, 2))
    params, state = layer.init(KEY, x)
    penalty = layer.apply_full(params, state, x).penalty
    expected = 3.0 + 0.1 * jnp.sum(params["dense"]["kernel"] ** 2)
    np.testing.assert_allclose(penalty, expected, rtol=1e-6)


def test_a_layer_may_have_an_attribute_called_cell():
    class Holder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.cell = layers.Dense(2)

        def call(self, x):
            return self.cell(x)

    holder = Holder()
    assert holder(jnp.ones((1, 3))).shape == (1, 2)
    assert [w.shape for w in holder.get_weights()] == [(3, 2), (2,)]


def test_constants_made_in_build_outlive_the_declaration():
    class Shifted(layers.Layer):
        def build(self, x):
            self.shift = jnp.arange(3.0)[None]

        def call(self, x):
            return x + self.shift

    model = nn.Sequential([nn.Input((3,)), Shifted()])
    np.testing.assert_array_equal(model(jnp.zeros((1, 3))), [[0, 1, 2]])


def test_unbuilt_models_of_layers_that_make_zeros_are_declared_when_called():
    class Zeros(layers.Layer):
        def call(self, x):
            return jnp.zeros((x.shape[0], 2))

    assert nn.Sequential([Zeros(), layers.Dense(1)])(jnp.ones((4, 3))).shape == (4, 1)


def test_weights_that_are_given_are_never_drawn():
    drawn = []

    def initializer(shape, dtype=None):
        drawn.append(shape)
        return jnp.zeros(shape, dtype)

    model = nn.Sequential([nn.Input((2,)), nn.layers.Dense(3, kernel_initializer=initializer)])
    model.set_weights([np.ones((2, 3)), np.ones(3)])
    assert drawn == []
    np.testing.assert_array_equal(model(np.ones((1, 2))), [[3.0, 3.0, 3.0]])
    model.layers[0].kernel = np.zeros((2, 3))
    assert drawn == []
