"""What constructors and calls refuse, and how they say it."""

import jax.numpy as jnp
import pytest

from nnlib import constraints, errors, initializers, layers, regularizers

REFUSED = [
    (lambda: layers.Dense(0), errors.ArgumentError, "Dense: expected units"),
    (lambda: layers.Dense(2.5), errors.ArgumentError, "got 2.5"),
    (lambda: layers.Dense(True), errors.ArgumentError, "got True"),
    (lambda: layers.Dense(2, "rellu"), errors.UnknownNameError, "Dense: activation: .*'relu'"),
    (
        lambda: layers.Dense(2, kernel_initializer="glorot"),
        errors.UnknownNameError,
        "Dense: kernel_initializer: .*glorot_normal",
    ),
    (
        lambda: layers.Dense(2, bias_regularizer=0.1),
        errors.ArgumentError,
        "bias_regularizer: .*0.1",
    ),
    (lambda: layers.Dense(2, kernel_constraint="norm"), errors.UnknownNameError, "kernel_constr"),
    (lambda: layers.Dense(2, unit=3), errors.UnexpectedArgumentError, "Did you mean 'units'"),
    (lambda: layers.Conv2D(0, 3), errors.ArgumentError, "Conv2D: expected filters"),
    (lambda: layers.Conv2D(4, (3, 3, 3)), errors.ArgumentError, "kernel_size .* 2 of them"),
    (lambda: layers.Conv2D(4, 3, strides=0), errors.ArgumentError, "strides .* got 0"),
    (lambda: layers.Conv2D(4, 3, padding="full"), errors.ArgumentError, "padding .*'full'"),
    (lambda: layers.Conv2D(4, 3, padding="causal"), errors.ArgumentError, "padding .*'causal'"),
    (lambda: layers.Conv2D(4, 3, padding=1), errors.ArgumentError, "padding to be a string"),
    (lambda: layers.Conv2D(4, 3, groups=3), errors.ArgumentError, "groups to divide filters=4"),
    (lambda: layers.Conv2D(4, 3, data_format="NHWC"), errors.ArgumentError, "data_format .*NHWC"),
    (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), errors.ArgumentError, "depth_mult"),
    (lambda: layers.MaxPooling2D((2, 2, 2)), errors.ArgumentError, "MaxPooling2D: .*pool_size"),
    (lambda: layers.AveragePooling2D(2, padding="causal"), errors.ArgumentError, "padding"),
    (lambda: layers.Reshape((-1, -1)), errors.ArgumentError, "at most one"),
    (lambda: layers.Activation(None), errors.ArgumentError, "Activation: .*got None"),
    (lambda: layers.ReLU(max_value=-1), errors.ArgumentError, "max_value .*-1"),
    (lambda: layers.ReLU(negative_slope=None), errors.ArgumentError, "negative_slope"),
    (lambda: layers.Softmax("last"), errors.ArgumentError, "axis .*'last'"),
    (lambda: layers.Dropout(1.5), errors.ArgumentError, "Dropout: expected rate .*1.5"),
    (lambda: layers.Dropout(0.5, noise_shape=3), errors.ArgumentError, "noise_shape .*3"),
    (lambda: layers.Dropout(0.5, seed="a"), errors.ArgumentError, "seed"),
    (lambda: layers.BatchNormalization(axis=1.0), errors.ArgumentError, "axis .*1.0"),
    (lambda: layers.BatchNormalization(momentum=2), errors.ArgumentError, "momentum .*2"),
    (lambda: layers.BatchNormalization(epsilon=0), errors.ArgumentError, "epsilon .*0"),
    (lambda: layers.LayerNormalization(epsilon="a"), errors.ArgumentError, "epsilon"),
    (lambda: layers.LayerNormalization(axis=["a"]), errors.ArgumentError, "axis"),
    (lambda: layers.Embedding(0, 3), errors.ArgumentError, "Embedding: expected input_dim"),
    (lambda: layers.Embedding(3, 3, input_length=0), errors.ArgumentError, "input_length"),
    (lambda: layers.LSTM(-1), errors.ArgumentError, "LSTM: expected units"),
    (lambda: layers.LSTM(3, dropout=-0.1), errors.ArgumentError, "dropout .*-0.1"),
    (lambda: layers.LSTM(3, recurrent_dropout=2), errors.ArgumentError, "recurrent_dropout"),
    (lambda: layers.LSTM(3, use_cudnn=True), errors.ArgumentError, "use_cudnn"),
    (lambda: layers.LSTM(3, recurrent_activation="x"), errors.UnknownNameError, "recurrent_activ"),
    (lambda: layers.Concatenate(axis="a"), errors.ArgumentError, "Concatenate: expected axis"),
    (lambda: layers.Lambda("x"), errors.ArgumentError, "Lambda: expected function"),
    (lambda: layers.Lambda(abs, output_shape="a"), errors.ArgumentError, "output_shape"),
    (lambda: regularizers.L1(-1), errors.ArgumentError, "L1: expected l1"),
    (lambda: regularizers.L2(float("nan")), errors.ArgumentError, "L2: expected l2 .*nan"),
    (lambda: regularizers.OrthogonalRegularizer(mode="x"), errors.ArgumentError, "mode .*'x'"),
    (lambda: constraints.MaxNorm(-1), errors.ArgumentError, "MaxNorm"),
    (lambda: constraints.MinMaxNorm(2, 1), errors.ArgumentError, "min_value <= max_value"),
    (lambda: constraints.MinMaxNorm(rate=2), errors.ArgumentError, "rate .*2"),
    (lambda: initializers.get("glorot_unifrom"), errors.UnknownNameError, "'glorot_uniform'"),
]

MISFITS = [
    (lambda: layers.Conv2D(4, 5), (2, 4, 8, 3), r"conv2d \(Conv2D\): .*at least \(5, 5\).*'same'"),
    (lambda: layers.Conv1D(4, 3, dilation_rate=4), (2, 8, 3), r"at least \(9,\)"),
    (lambda: layers.DepthwiseConv2D(5), (2, 8, 4, 3), r"at least \(5, 5\)"),
    (lambda: layers.MaxPooling2D(5), (2, 8, 4, 3), r"max_pooling2d .*at least \(5, 5\)"),
    (
        lambda: layers.AveragePooling2D(5, data_format="channels_first"),
        (2, 8, 4, 8),
        r"at least \(5, 5\)",
    ),
    (lambda: layers.Conv2D(4, 3, groups=4), (2, 8, 8, 6), "groups=4 divides"),
    (lambda: layers.Conv2D(4, 3), (2, 8, 8), r"conv2d \(Conv2D\) expects inputs with 4 axes"),
    (layers.GlobalAveragePooling2D, (2, 3), "4 axes"),
    (lambda: layers.Reshape((5, 5)), (2, 24), "25 elements .* with 24"),
    (lambda: layers.Reshape((-1, 5)), (2, 24), "or a multiple"),
    (lambda: layers.Softmax(2), (2, 3), "an axis 2"),
    (lambda: layers.BatchNormalization(axis=3), (2, 3), "an axis 3"),
    (lambda: layers.LayerNormalization(axis=-3), (2, 3), "an axis -3"),
    (lambda: layers.LSTM(3), (2, 3), "3 axes"),
    (lambda: layers.Embedding(9, 2, input_length=4), (2, 3), "input_length=4"),
    (lambda: layers.Embedding(9, 2, input_length=4), (2,), "input_length=4"),
    (layers.Add, (2, 3), r"expected a list .*one of shape \(2, 3\)"),
    (lambda: layers.Lambda(lambda x: x, output_shape=(4,)), (2, 3), "output_shape"),
]

LISTS = [
    (layers.Add, [(2, 3), (2, 4)], "agree on axis 1 .*or are 1 there"),
    (layers.Add, [(2, 3), (4, 3)], "agree on axis 0 .*or are 1 there"),
    (layers.Subtract, [(2, 3)] * 3, "a list of 2 arrays, got 3"),
    (layers.Concatenate, [(2, 3), (2, 3, 4)], "every axis but -1"),
    (layers.Concatenate, [(2, 3, 4), (2, 2, 4)], "every axis but -1"),
    (layers.Average, [], "at least 1 arrays, got 0"),
]


@pytest.mark.parametrize(("make", "error", "text"), REFUSED)
def test_constructors_refuse(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(("make", "shape", "text"), MISFITS)
def test_shapes_that_do_not_fit(make, shape, text):
    with pytest.raises(errors.ShapeError, match=text):
        make()(jnp.ones(shape))


@pytest.mark.parametrize(("kind", "shapes", "text"), LISTS)
def test_lists_that_do_not_fit(kind, shapes, text):
    with pytest.raises(errors.ShapeError, match=text):
        kind()([jnp.ones(shape) for shape in shapes])


@pytest.mark.parametrize("kind", [layers.Add, layers.Concatenate])
def test_sizes_that_only_one_input_knows_are_refused(kind):
    with pytest.raises(errors.ShapeError, match=r"\(None, None, 4\), \(None, 10, 4\)"):
        kind().compute_output_shape([(None, None, 4), (None, 10, 4)])


def test_the_path_of_the_layer_is_named():
    class Net(layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.stem = layers.Conv2D(2, 3), layers.Conv2D(2, 7)

        def call(self, x):
            return self.stem(self.first(x))

    with pytest.raises(errors.ShapeError, match=r"^stem \(Conv2D\)"):
        Net().declare(jnp.ones((2, 6, 6, 1)))


@pytest.mark.parametrize("shape", [(None, None), (None, 3, None)])
def test_sizes_that_weights_need_must_be_known(shape):
    for layer in (layers.Conv1D(2, 3), layers.BatchNormalization(), layers.LSTM(2)):
        with pytest.raises(errors.ShapeError, match="expect"):
            layer.compute_output_shape(shape)
