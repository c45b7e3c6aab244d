"""Layers over sequences, images and volumes: the same numbers as the installed Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import layers
from tests.parity.layer_parity import (
    arrays_for,
    check_row,
    check_signature,
    close,
    pair_of,
    row_id,
    weighted_sum,
)

STEPS, IMAGE, VOLUME = (2, 7, 2), (2, 5, 4, 2), (1, 4, 3, 3, 2)
FIRST = {"data_format": "channels_first"}
PLAIN = {"use_bias": False, "activation": "tanh"}

# (class, arguments, input shape)
ROWS = [
    (
        "Conv3D",
        {"filters": 4, "kernel_size": (2, 1, 2), "strides": 2, "padding": "same", "groups": 2},
        VOLUME,
    ),
    (
        "Conv3D",
        {"filters": 1, "kernel_size": 2, "dilation_rate": (2, 1, 1), **FIRST, **PLAIN},
        VOLUME,
    ),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3, **PLAIN}, STEPS),
    (
        "Conv1DTranspose",
        {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "same"},
        STEPS,
    ),
    (
        "Conv2DTranspose",
        {"filters": 3, "kernel_size": (3, 2), "strides": (2, 3), "output_padding": (0, 2)},
        IMAGE,
    ),
    (
        "Conv2DTranspose",
        {"filters": 1, "kernel_size": 4, "strides": 2, "padding": "same", "output_padding": 1}
        | FIRST,
        (2, 2, 5, 4),
    ),
    (
        "Conv3DTranspose",
        {"filters": 2, "kernel_size": 2, "strides": (1, 2, 1), "output_padding": 0, **FIRST},
        (1, 2, 3, 2, 2),
    ),
    ("DepthwiseConv1D", {"kernel_size": 3, "strides": 2, "depth_multiplier": 2}, STEPS),
    (
        "DepthwiseConv1D",
        {"kernel_size": 2, "dilation_rate": 2, "padding": "same", **FIRST, **PLAIN},
        STEPS,
    ),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 2, "depth_multiplier": 2}, STEPS),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 2, "dilation_rate": 2, **FIRST}, (2, 2, 7)),
    (
        "SeparableConv2D",
        {"filters": 3, "kernel_size": (2, 3), "strides": 2, "padding": "same", **PLAIN},
        IMAGE,
    ),
    ("MaxPooling1D", {}, STEPS),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same", **FIRST}, STEPS),
    ("MaxPooling3D", {"pool_size": (2, 1, 3), "strides": 1}, VOLUME),
    ("AveragePooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, STEPS),
    ("AveragePooling1D", {"pool_size": 2, **FIRST}, STEPS),
    ("AveragePooling3D", {"pool_size": 2, "padding": "same"}, VOLUME),
    ("GlobalAveragePooling1D", {}, STEPS),
    ("GlobalAveragePooling1D", {"keepdims": True, **FIRST}, STEPS),
    ("GlobalAveragePooling3D", {"keepdims": True}, VOLUME),
    ("GlobalMaxPooling1D", {**FIRST}, STEPS),
    ("GlobalMaxPooling2D", {"keepdims": True}, IMAGE),
    ("GlobalMaxPooling3D", {}, VOLUME),
    ("AdaptiveAveragePooling1D", {"output_size": 3}, STEPS),
    ("AdaptiveAveragePooling2D", {"output_size": (3, 7), **FIRST}, IMAGE),
    ("AdaptiveAveragePooling3D", {"output_size": (3, 1, 2)}, VOLUME),
    ("AdaptiveMaxPooling1D", {"output_size": (4,), **FIRST}, STEPS),
    ("AdaptiveMaxPooling2D", {"output_size": 3}, IMAGE),
    ("AdaptiveMaxPooling3D", {"output_size": 2}, VOLUME),
    ("ZeroPadding1D", {"padding": (0, 2), **FIRST}, STEPS),
    ("ZeroPadding1D", {}, STEPS),
    ("ZeroPadding2D", {"padding": (1, 2)}, IMAGE),
    ("ZeroPadding2D", {"padding": ((1, 0), (0, 2)), **FIRST}, IMAGE),
    ("ZeroPadding3D", {"padding": ((1, 0), (0, 2), (1, 1))}, VOLUME),
    ("Cropping1D", {}, STEPS),
    ("Cropping1D", {"cropping": (3, 0)}, STEPS),
    ("Cropping2D", {}, IMAGE),
    ("Cropping2D", {"cropping": ((1, 0), (0, 1)), **FIRST}, IMAGE),
    ("Cropping2D", {"cropping": (2, 1)}, IMAGE),
    ("Cropping3D", {}, VOLUME),
    ("UpSampling1D", {"size": 3}, STEPS),
    ("UpSampling2D", {}, IMAGE),
    *[
        ("UpSampling2D", {"size": (3, 2), "interpolation": name}, IMAGE)
        for name in ("bilinear", "bicubic", "lanczos3", "lanczos5")
    ],
    ("UpSampling2D", {"interpolation": "bilinear", **FIRST}, IMAGE),
    ("UpSampling3D", {"size": (1, 2, 3), **FIRST}, VOLUME),
    ("Permute", {"dims": (3, 1, 2)}, IMAGE),
    ("RepeatVector", {"n": 3}, (2, 4)),
    ("Reshape", {"target_shape": (None, 4)}, IMAGE),
    ("Reshape", {"target_shape": [2, -1, 2]}, IMAGE),
    ("Reshape", {"target_shape": ()}, (3, 1)),
    ("Flatten", {"data_format": "channels_first"}, (2, 3)),
    ("Flatten", {}, VOLUME),
]
# A volume of channels_first is one whose last axis is space.
ROWS = [
    (name, arguments, (1, 2, 3, 3, 4) if shape == VOLUME and FIRST.items() <= arguments.items()
     else shape)
    for name, arguments, shape in ROWS
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_outputs_and_gradients(keras, row):
    check_row(keras, row, training=False)


@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS}))
def test_arguments_and_defaults_are_those_of_keras(keras, name):
    # Keras' Conv layers take these two as well, among `**kwargs`.
    lora = ("lora_rank", "lora_alpha") if name in ("Conv1D", "Conv2D", "Conv3D") else ()
    check_signature(keras, name, ours_alone=lora)


ALIASES = {
    **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
    **{f"Convolution{n}DTranspose": f"Conv{n}DTranspose" for n in (1, 2, 3)},
    **{f"SeparableConvolution{n}D": f"SeparableConv{n}D" for n in (1, 2)},
    **{f"MaxPool{n}D": f"MaxPooling{n}D" for n in (1, 2, 3)},
    **{f"AvgPool{n}D": f"AveragePooling{n}D" for n in (1, 2, 3)},
    **{f"GlobalAvgPool{n}D": f"GlobalAveragePooling{n}D" for n in (1, 2, 3)},
    **{f"GlobalMaxPool{n}D": f"GlobalMaxPooling{n}D" for n in (1, 2, 3)},
}


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases(keras, alias):
    assert getattr(keras.layers, alias) is getattr(keras.layers, ALIASES[alias])
    assert getattr(layers, alias) is getattr(layers, ALIASES[alias])


@pytest.mark.parametrize("options", [{}, {"keepdims": True, **FIRST}])
def test_global_average_of_what_a_mask_leaves(keras, options):
    x = arrays_for((2, 3, 3))
    mask = jnp.asarray([[True, False, True], [False, True, False]])
    theirs, ours = pair_of(keras, "GlobalAveragePooling1D", options, x)
    close(ours(x, mask=mask), theirs(x, mask=mask))
    close(ours(x, mask=mask.astype("float32")), theirs(x, mask=mask))
    of_input = lambda layer: jax.grad(lambda x: weighted_sum(layer(x, mask=mask)))(x)  # noqa: E731
    close(of_input(ours), of_input(theirs))
    assert ours.supports_masking
    assert theirs.supports_masking
    assert ours.compute_mask(x, mask) is None


@pytest.mark.parametrize(
    ("name", "arguments", "fans_of"),
    [
        ("Conv1DTranspose", {"filters": 12, "kernel_initializer": "he_uniform"}, [0]),
        ("DepthwiseConv1D", {"depth_multiplier": 20, "depthwise_initializer": "he_uniform"}, [0]),
        (
            "SeparableConv1D",
            {"filters": 20, "depth_multiplier": 12, "depthwise_initializer": "he_uniform"}
            | {"pointwise_initializer": "he_uniform"},
            [0, 1],
        ),
    ],
)
def test_weights_begin_with_the_spread_of_keras(name, arguments, fans_of):
    fans = pytest.importorskip("keras.src.initializers.random_initializers").compute_fans
    layer = getattr(layers, name)(kernel_size=3, **arguments)
    layer.build((2, 4, 10))
    for kernel in (layer.get_weights()[number] for number in fans_of):
        limit = (6 / fans(kernel.shape)[0]) ** 0.5
        np.testing.assert_allclose([kernel.min(), kernel.max()], [-limit, limit], rtol=0.03)


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("MaxPooling1D", {}, (1, 4, 2)),
        ("GlobalMaxPooling1D", {}, (1, 4, 2)),
        ("GlobalAveragePooling1D", {}, (1, 4, 2)),
        ("AdaptiveMaxPooling1D", {"output_size": 3}, (1, 4, 2)),
        ("UpSampling2D", {"interpolation": "bilinear"}, (1, 2, 2, 1)),
        ("ZeroPadding1D", {}, (1, 4, 2)),
        ("Permute", {"dims": (2, 1)}, (1, 4, 2)),
        ("RepeatVector", {"n": 2}, (1, 4)),
        ("Reshape", {"target_shape": (0, 3)}, (2, 0)),
    ],
)
def test_integers(keras, name, arguments, shape):
    x = jnp.asarray(np.random.default_rng(0).integers(-5, 5, shape), "int32")
    ours = getattr(layers, name)(**arguments)(x)
    theirs = getattr(keras.layers, name)(**arguments)(x)
    close(ours, theirs)
    assert ours.dtype == theirs.dtype
