"""Shapes and arguments drawn at random: spatial layers against NumPy and Keras."""

import math

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from nnlib import layers, models

few = settings(max_examples=12, deadline=None, derandomize=True)
fewer = settings(few, max_examples=8)  # where nearly every example compiles
formats = st.sampled_from(["channels_last", "channels_first"])
paddings = st.sampled_from(["valid", "same"])


def sizes(rank, *allowed):
    return st.tuples(*[st.sampled_from(allowed)] * rank)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def run(layer, x, *weights):
    """The layer on channels-last `x`, with these weights; channels last again."""
    first = getattr(layer, "data_format", None) == "channels_first"
    x = np.moveaxis(x, -1, 1) if first else x
    layer.build(x.shape)
    if weights:
        layer.set_weights(weights)
    y = np.asarray(layer(x))
    return np.moveaxis(y, 1, -1) if first and y.ndim == x.ndim else y


def close(first, second, tol=1e-5):
    assert first.shape == second.shape
    np.testing.assert_allclose(first, second, rtol=tol, atol=tol)


def padded(x, window, strides, padding, fill):
    """`x` with what `padding` adds in front of and behind each spatial axis."""
    widths = [(0, 0)]
    for size, reach, step in zip(x.shape[1:-1], window, strides, strict=True):
        total = max((-(-size // step) - 1) * step + reach - size, 0)
        kinds = {
            "valid": (0, 0),
            "same": (total // 2, total - total // 2),
            "causal": (reach - 1, 0),
        }
        widths.append(kinds[padding])
    return np.pad(x, [*widths, (0, 0)], constant_values=fill)


def windows_of(x, window, strides, padding, fill, dilation=None):
    """(batch, *new_spatial, channels, *window)."""
    rank = x.ndim - 2
    dilation = dilation or (1,) * rank
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    x = padded(x, reach, strides, padding, fill)
    views = sliding_window_view(x, reach, axis=tuple(range(1, rank + 1)))
    steps = [slice(None, None, s) for s in strides]
    return views[(slice(None), *steps, slice(None), *[slice(None, None, d) for d in dilation])]


def convolved(x, kernel, strides, padding, dilation, groups=1):
    """`conv`, by its definition."""
    rank = x.ndim - 2
    parts = []
    for part, filters in zip(
        np.split(x, groups, -1), np.split(kernel, groups, -1), strict=True
    ):  # fmt: skip
        windows = windows_of(part, kernel.shape[:rank], strides, padding, 0.0, dilation)
        of_kernel = [rank, *range(rank)]
        parts.append(np.tensordot(windows, filters, (range(-rank - 1, 0), of_kernel)))
    return np.concatenate(parts, -1)


@st.composite
def convolutions(draw, paddings=paddings):
    """Rank, input, and arguments that all convolutions take."""
    rank = draw(st.sampled_from([1, 2, 3]))
    ones = (1,) * rank
    strides = draw(st.sampled_from([ones, sizes]))
    strides = ones if strides is ones else draw(sizes(rank, 1, 2, 3))
    arguments = {
        "kernel_size": draw(sizes(rank, 1, 2, 3)),
        "strides": strides,
        "dilation_rate": draw(sizes(rank, 1, 2)) if strides == ones else ones,
        "padding": draw(paddings),
        "data_format": draw(formats),
    }
    return rank, random(1, *draw(sizes(rank, 5, 6)), 4), arguments


@fewer
@given(convolutions(), st.sampled_from([1, 2, 4]), st.booleans())
def test_conv(drawn, groups, causal):
    rank, x, arguments = drawn
    if causal and rank == 1:
        arguments |= {"padding": "causal"}
    layer = getattr(layers, f"Conv{rank}D")(
        4, groups=groups, kernel_initializer="zeros", **arguments
    )
    kernel, bias = random(*arguments["kernel_size"], 4 // groups, 4, seed=1), random(4, seed=2)
    names = ("strides", "padding", "dilation_rate")
    want = convolved(x, kernel, *[arguments[name] for name in names], groups) + bias
    close(run(layer, x, kernel, bias), want)


@fewer
@given(convolutions(), st.sampled_from([1, 2]))
def test_depthwise_and_separable_conv(drawn, multiplier):
    rank, x, arguments = drawn
    rank = min(rank, 2)
    x = x if x.ndim == rank + 2 else x[:, 0]
    for name in ("kernel_size", "strides", "dilation_rate"):
        arguments[name] = arguments[name][:rank]
    options = {"depth_multiplier": multiplier, "depthwise_initializer": "zeros", **arguments}
    kernel = random(*arguments["kernel_size"], 4, multiplier, seed=1)
    wide = kernel.reshape(*arguments["kernel_size"], 1, 4 * multiplier)
    names = ("strides", "padding", "dilation_rate")
    each = convolved(x, wide, *[arguments[name] for name in names], groups=4)
    layer = getattr(layers, f"DepthwiseConv{rank}D")(**options)
    close(run(layer, x, kernel, np.zeros(4 * multiplier)), each)
    mix, bias = random(4 * multiplier, 3, seed=2), random(3, seed=3)
    layer = getattr(layers, f"SeparableConv{rank}D")(3, pointwise_initializer="zeros", **options)
    weights = kernel, mix.reshape((1,) * rank + mix.shape), bias
    close(run(layer, x, *weights), each @ mix + bias)


def transposed(x, kernel, strides, dilation, front, shape):
    """Each input element adds its window to the output, of which `front` is cut off."""
    y = np.zeros((len(x), *[n + 50 for n in shape], kernel.shape[-2]))
    for place in np.ndindex(*x.shape[1:-1]):
        for offset in np.ndindex(*kernel.shape[:-2]):
            at = [
                p * s + k * d for p, s, k, d in zip(place, strides, offset, dilation, strict=True)
            ]
            y[(slice(None), *at)] += x[(slice(None), *place)] @ kernel[offset].T
    ends = [slice(cut, cut + n) for cut, n in zip(front, shape, strict=True)]
    return y[(slice(None), *ends)]


def transposed_extent(size, reach, step, padding, extra):
    """What is cut off in front, and the size of the output."""
    if padding == "valid":
        return 0, (size - 1) * step + reach + (max(step - reach, 0) if extra is None else extra)
    if extra is None:
        return max(reach - step, 0) // 2, size * step
    return max(reach - reach % 2 - extra, 0) // 2, (size - 1) * step + reach % 2 + extra


@fewer
@given(convolutions(), st.data())
def test_conv_transpose(drawn, data):
    rank, x, arguments = drawn
    if rank == 3:
        x = x[:, :3, :3, :3]
    strides, dilation = arguments["strides"], arguments["dilation_rate"]
    extra = data.draw(st.sampled_from([None, "some"]))
    extra = extra and tuple(data.draw(st.integers(0, s - 1)) for s in strides)
    layer = getattr(layers, f"Conv{rank}DTranspose")(
        3, output_padding=extra, kernel_initializer="zeros", **arguments
    )
    kernel, bias = random(*arguments["kernel_size"], 3, 4, seed=1), random(3, seed=2)
    reach = [(k - 1) * d + 1 for k, d in zip(arguments["kernel_size"], dilation, strict=True)]
    rows = zip(x.shape[1:-1], reach, strides, extra or (None,) * rank, strict=True)
    extents = [transposed_extent(n, r, s, arguments["padding"], e) for n, r, s, e in rows]
    front, shape = zip(*extents, strict=True)
    want = transposed(x, kernel, strides, dilation, front, shape) + bias
    close(run(layer, x, kernel, bias), want)


@fewer
@given(convolutions(), st.sampled_from([None, 0, 1]))
def test_conv_transpose_has_the_numbers_of_keras(drawn, extra):
    keras = pytest.importorskip("keras")
    _, x, arguments = drawn
    arguments = {n: a[0] if isinstance(a, tuple) else a for n, a in arguments.items()}
    x = x.reshape(1, -1, 4)[:, :6]
    arguments["data_format"] = "channels_last"
    extra = None if extra is None else min(extra, arguments["strides"] - 1)
    kernel = random(arguments["kernel_size"], 3, 4, seed=1)
    layer = layers.Conv1DTranspose(
        3, output_padding=extra, use_bias=False, kernel_initializer="zeros", **arguments
    )
    names = ("strides", "padding", "dilation_rate")
    options = {name: arguments[name] for name in names}
    want = keras.ops.conv_transpose(x, kernel, output_padding=extra, **options)
    close(run(layer, x, kernel), np.asarray(want))


@fewer
@given(st.data(), st.sampled_from([1, 2, 3]), paddings, formats)
def test_pooling(data, rank, padding, data_format):
    x = random(2, *data.draw(sizes(rank, 4, 5)), 2)
    window, strides = data.draw(sizes(rank, 1, 2, 3)), data.draw(sizes(rank, 1, 2, 3))
    views = windows_of(x, window, strides, padding, np.nan)
    for name, reduce in [("Max", np.nanmax), ("Average", np.nanmean)]:
        kind = getattr(layers, f"{name}Pooling{rank}D")
        layer = kind(window, strides, padding, data_format)
        close(run(layer, x), reduce(views, tuple(range(-rank, 0))))


@few
@given(st.data(), st.sampled_from([1, 2, 3]), formats, st.booleans())
def test_global_pooling(data, rank, data_format, keepdims):
    x = random(2, *data.draw(sizes(rank, 1, 3)), 2)
    axes = tuple(range(1, rank + 1))
    for name, reduce in [("Max", np.max), ("Average", np.mean)]:
        layer = getattr(layers, f"Global{name}Pooling{rank}D")(data_format, keepdims)
        close(run(layer, x), reduce(x, axes, keepdims=keepdims))


@few
@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=2, max_size=2))
def test_global_average_with_a_mask(mask):
    x = random(2, 3, 2)
    x[~np.array(mask)] = np.nan  # nothing of what is masked may be seen
    got = np.asarray(layers.GlobalAveragePooling1D()(x, mask=np.array(mask)))
    rows = [x[i, m].mean(0) if any(m) else np.zeros(2) for i, m in enumerate(np.array(mask))]
    close(got, np.stack(rows))


@fewer
@given(st.data(), st.sampled_from([1, 2, 3]), formats)
def test_adaptive_pooling(data, rank, data_format):
    x, out = random(1, *data.draw(sizes(rank, 3, 4, 5)), 2), data.draw(sizes(rank, 1, 2, 3, 7))
    for name, reduce in [("Max", np.max), ("Average", np.mean)]:
        want = np.zeros((1, *out, 2))
        for place in np.ndindex(*out):
            spans = [
                slice(math.floor(i * n / m), math.ceil((i + 1) * n / m))
                for i, n, m in zip(place, x.shape[1:-1], out, strict=True)
            ]
            want[(slice(None), *place)] = reduce(
                x[(slice(None), *spans)], tuple(range(1, rank + 1))
            )
        layer = getattr(layers, f"Adaptive{name}Pooling{rank}D")(out, data_format)
        close(run(layer, x), want)


@few
@given(st.data(), st.sampled_from([1, 2, 3]), formats)
def test_padding_and_cropping(data, rank, data_format):
    x = random(2, *[4] * rank, 2)
    pairs = tuple(data.draw(sizes(2, 0, 1, 2)) for _ in range(rank))
    argument = pairs[0] if rank == 1 else pairs
    layer = getattr(layers, f"ZeroPadding{rank}D")(argument, data_format)
    wide = run(layer, x)
    np.testing.assert_array_equal(wide, np.pad(x, [(0, 0), *pairs, (0, 0)]))
    options = {"data_format": data_format} if rank > 1 else {}
    crop = getattr(layers, f"Cropping{rank}D")(argument, **options)
    np.testing.assert_array_equal(run(crop, wide), x)


@few
@given(st.data(), st.sampled_from([1, 2, 3]), formats)
def test_upsampling_repeats(data, rank, data_format):
    x, size = random(2, *data.draw(sizes(rank, 1, 3)), 2), data.draw(sizes(rank, 1, 2, 3))
    want = x
    if rank == 1:
        size = size[0]
    for axis, factor in enumerate((size,) if rank == 1 else size):
        want = np.repeat(want, factor, axis + 1)
    options = {"data_format": data_format} if rank > 1 else {}
    layer = getattr(layers, f"UpSampling{rank}D")(size, **options)
    np.testing.assert_array_equal(run(layer, x), want)


@fewer
@given(sizes(2, 1, 2, 3))
def test_bilinear_upsampling_interpolates(size):
    x = want = random(1, 2, 3, 2)
    for axis, factor in enumerate(size, start=1):
        places = (np.arange(want.shape[axis] * factor) + 0.5) / factor - 0.5
        line = lambda v, at=places: np.interp(at, np.arange(len(v)), v)  # noqa: E731
        want = np.apply_along_axis(line, axis, want)
    close(run(layers.UpSampling2D(size, interpolation="BILINEAR"), x), want)


@few
@given(st.permutations([1, 2, 3]), st.sampled_from([(-1,), (3, -1), (None, 2, 2), (4, 3, 1)]))
def test_permute_and_reshape(order, target):
    x = random(2, 2, 2, 3)
    np.testing.assert_array_equal(layers.Permute(order)(x), np.transpose(x, [0, *order]))
    want = x.reshape(2, *[-1 if n is None else n for n in target])
    np.testing.assert_array_equal(layers.Reshape(target)(x), want)


def test_integers_stay_integers_and_are_rounded_to_what_fits():
    x = np.array([[0, 255]], "uint8").reshape(1, 2, 1, 1)
    y = np.asarray(layers.UpSampling2D((2, 1), interpolation="bicubic")(x))
    assert y.dtype == "uint8"
    assert y.min() == 0  # bicubic goes beyond both ends
    assert y.max() == 255


def test_adaptive_pooling_of_a_size_that_stays_free():
    layer, x = layers.AdaptiveAveragePooling1D(3), random(1, 7, 2)
    free = jax.ShapeDtypeStruct((1, *jax.export.symbolic_shape("n"), 2), "float32")
    exported = jax.export.export(jax.jit(lambda x: layer.apply({}, {}, x)[0]))(free)
    layer.build(x.shape)
    close(np.asarray(exported.call(x)), np.asarray(layer(x)))


def test_vectors_are_repeated():
    x = random(2, 3)
    want = np.stack([x, x], 1)
    np.testing.assert_array_equal(layers.RepeatVector(2)(x), want)


def test_a_mask_on_its_way_is_used_and_ends():
    class Padded(layers.Layer):
        def call(self, x):
            return x

        def compute_mask(self, x, mask=None):
            return x[:, :, 0] > 0

    x = np.array([[[1.0, 4.0], [3.0, 8.0], [-1.0, 9.0]]], "float32")
    inputs = layers.Input((3, 2))
    pooled = layers.GlobalAveragePooling1D()(Padded()(inputs))
    model = models.Model(inputs, layers.Reshape((2, 1))(pooled))  # would warn of a lost mask
    np.testing.assert_allclose(model(x)[0, :, 0], [2.0, 6.0])


def test_branches_of_a_size_that_stays_free_fit():
    """JAX compares formulas of sizes: windows of 1 and of 3 must have the same one."""
    x = layers.Input((None, None, 2))
    halved = [layers.Conv2D(2, size, strides=2, padding="same") for size in (1, 3)]
    halved.append(layers.MaxPooling2D(3, strides=2, padding="same"))
    model = models.Model(x, layers.add([layer(x) for layer in halved]))
    free = jax.ShapeDtypeStruct(jax.export.symbolic_shape("b, h, w, 2"), "float32")
    params, state = model.variables
    exported = jax.export.export(jax.jit(lambda x: model.apply(params, state, x)[0]))(free)
    for size in (6, 7):
        images = random(1, size, size + 1, 2)
        close(np.asarray(exported.call(images)), np.asarray(model(images)))
