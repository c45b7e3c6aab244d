"""What a layer refuses, and in which words."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers

KEY = jax.random.key(0)


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


def test_a_write_of_state_under_an_inner_vmap_is_refused():
    class Inner(layers.Layer):
        def __init__(self):
            super().__init__()
            self.counter = Counter()

        def call(self, x):
            self.counter(x)
            return jax.vmap(self.counter)(x)

    layer, x = Inner(), jnp.ones((2, 1))
    params, state = layer.init(KEY, x)
    with pytest.raises(errors.StateWriteError, match=r"counter \(Counter\): .*vmap.*apply"):
        layer.apply(params, state, x, training=True)


def test_one_key_for_many_rows_is_refused():
    class Inner(layers.Layer):
        def __init__(self):
            super().__init__()
            self.noise = Noise()

        def call(self, x):
            return jax.vmap(self.noise)(x)

    layer = Inner()
    with pytest.raises(errors.RandomKeyError, match=r"noise \(Noise\): .*vmap"):
        layer.init(KEY, jnp.ones((2, 1)))


def test_a_draw_without_a_key_names_the_layer():
    model = nn.Sequential([layers.Dropout(0.5, name="drop")])
    model.init(KEY, jnp.ones((1, 1)))
    with pytest.raises(errors.RandomKeyError, match=r"drop \(Dropout\): .*rng=jax\.random\.key"):
        model.apply({}, {}, jnp.ones((1, 1)), training=True)


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap, jax.grad])
def test_training_the_facade_inside_a_transform_is_refused(transform):
    layer = layers.BatchNormalization()
    layer(jnp.ones((2, 3)))
    if transform is jax.vmap:
        call = jax.vmap(lambda x: layer(x, training=True))
        x = jnp.ones((2, 2, 3))
    else:
        call = transform(lambda x: jnp.sum(layer(x, training=True)))
        x = jnp.ones((2, 3))
    with pytest.raises(errors.StateWriteError, match=r"batch_normalization .*apply"):
        call(x)
    assert not isinstance(layer.moving_mean, jax.core.Tracer)


def test_a_layer_made_in_call_is_refused():
    class Careless(nn.Model):
        def call(self, x):
            return layers.Dense(2)(x)

    with pytest.raises(errors.LayerCreatedInCallError, match=r"careless .*self\.dense = Dense"):
        Careless()(jnp.ones((1, 2)))


def test_layers_that_keep_nothing_may_be_made_in_a_call():
    class Joins(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, a, b):
            return layers.concatenate([layers.Flatten()(self.dense(a)), layers.ReLU()(b)])

    joins, a, b = Joins(), jnp.ones((2, 1, 3)), -jnp.ones((2, 1))
    assert joins(a, b)[:, 2:].tolist() == [[0], [0]]
    jitted = jax.jit(joins.apply)(*joins.variables, a, b)[0]
    np.testing.assert_allclose(jitted, joins(a, b))


def test_draws_of_a_layer_made_in_a_call_are_refused():
    class Careless(layers.Layer):
        def call(self, x):
            return layers.Dropout(0.5)(x)

    with pytest.raises(errors.LayerCreatedInCallError, match=r"self\.dropout.* = Dropout"):
        Careless()(jnp.ones((2, 3)), training=True)


def test_an_attribute_assigned_in_call_is_refused():
    class Careless(layers.Layer):
        def call(self, x):
            self.last = x
            return x

    with pytest.raises(errors.FrozenConfigError, match=r"self\.update\(last="):
        Careless()(jnp.ones((1, 2)))


def test_configuration_is_frozen_once_built():
    layer = layers.Dense(2)
    layer.units = 3
    layer.build((None, 4))
    with pytest.raises(errors.FrozenConfigError, match="units = 5"):
        layer.units = 5
    layer.trainable = False
    assert not layer.trainable


def test_undeclared_state_is_refused():
    class Typo(Counter):
        def call(self, x):
            self.update(cuont=1)
            return x

    with pytest.raises(errors.StateWriteError, match=r"typo \(Typo\).*\(count\).*'cuont'"):
        Typo()(jnp.ones((1, 1)))


def test_a_missing_weight_names_its_path_and_what_is_there():
    model = nn.Sequential([layers.Dense(2, name="a"), layers.Dense(2, name="b")])
    params, state = model.init(KEY, jnp.ones((1, 3)))
    del params["b"]["kernel"]
    with pytest.raises(errors.WeightMissingError, match=r"b/kernel: .*\(2, 2\).*a/kernel.*init"):
        model.apply(params, state, jnp.ones((1, 3)))
    params["b"]["kernel"] = jnp.ones((3, 2))
    with pytest.raises(errors.WeightMissingError, match=r"b/kernel: .*got \(3, 2\)"):
        model.apply(params, state, jnp.ones((1, 3)))


def test_a_weight_and_a_layer_of_one_name_are_refused():
    class Clash(layers.Layer):
        def __init__(self):
            super().__init__()
            self._kernel = layers.Dense(1)

        def build(self, x):
            self.kernel = self.add_weight((1,))

        def call(self, x):
            return self._kernel(x)

    with pytest.raises(errors.NamingError, match=r"clash \(Clash\).*kernel"):
        Clash()(jnp.ones((1, 1)))


def test_a_wrong_shape_names_the_layer_by_its_path():
    encoder = nn.Sequential([layers.Dense(2), layers.Dense(2)], name="encoder")
    encoder.build((None, 4))
    outer = nn.Sequential([encoder])
    with pytest.raises(
        errors.ShapeError, match=r"sequential .* of shape \(None, 4\), got \(2, 5\)"
    ):
        outer(jnp.ones((2, 5)))
    with pytest.raises(
        errors.ShapeError, match=r"dense_1 \(Dense\) was built for inputs of size 2"
    ):
        encoder.layers[1](jnp.ones((2, 5)))


def test_errors_of_others_say_in_which_layer_they_happened():
    class Wrong(layers.Layer):
        def call(self, x):
            return x @ jnp.ones((7, 7))

    model = nn.Sequential([layers.Dense(2), Wrong(name="wrong")])
    with pytest.raises(TypeError) as caught:
        model(jnp.ones((1, 3)))
    assert any("wrong (Wrong), called on (None, 2)" in note for note in caught.value.__notes__)


def test_attributes_that_do_not_exist_say_so():
    with pytest.raises(AttributeError, match="not built"):
        _ = layers.Dense(2).kernel
    with pytest.raises(AttributeError, match="no attribute 'kernle'"):
        _ = layers.Dense(2).kernle
    assert not hasattr(layers.Dense(2), "__array__")


def test_unknown_arguments_and_names_show_what_is_close():
    with pytest.raises(errors.UnexpectedArgumentError, match=r"'activaton'.*Did you mean 'activ"):
        layers.Dense(2, activaton="relu")
    with pytest.raises(errors.UnknownNameError, match=r"'rellu'.*Did you mean 'relu'"):
        layers.Dense(2, activation="rellu")
    with pytest.raises(errors.ArgumentError, match="without '/'"):
        layers.Dense(2, name="a/b")
