"""Layers that augment images: how draws are distributed, and the ways in which they are called."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import layers
from tests.contract.cases_image import CASES

MANY = jnp.zeros((4000, 2, 3, 3))


def drawn(layer, images=MANY):
    return layer.draw(jax.random.key(5), images)  # not compiled as a whole: the parts are shared


def assert_uniform(values, low, high):
    """Quantiles of some thousand draws; the tolerance is four of their deviations."""
    values = np.sort(np.ravel(values))
    assert low <= values[0] <= values[-1] <= high
    wanted = low + (high - low) * np.linspace(0.1, 0.9, 9)
    tolerance = 4 * 0.5 / np.sqrt(len(values)) * (high - low)
    np.testing.assert_allclose(
        np.quantile(values, np.linspace(0.1, 0.9, 9)), wanted, atol=tolerance
    )


def assert_share(truths, probability):
    assert abs(np.mean(truths) - probability) < 4 * 0.5 / np.sqrt(np.size(truths))


@pytest.mark.parametrize(
    ("layer", "name", "low", "high"),
    [
        (layers.RandomRotation(0.1), "angle", -36, 36),
        (layers.RandomRotation((0.1, 0.2)), "angle", 36, 72),
        (layers.RandomZoom((-0.2, 0.4)), "height_zoom", 0.8, 1.4),
        (layers.RandomZoom(0, 0.5), "width_zoom", 0.5, 1.5),
        (layers.RandomShear(0.3, 0.3), "shear_factor", -0.3, 0.3),
        (layers.RandomBrightness(0.2, (0, 10)), "rgb_delta", -2, 2),
        (layers.RandomContrast((0.5, 0.1)), "contrast_factor", 0.9, 1.5),
        (layers.RandomHue(0.4), "factor", -0.2, 0.2),
        (layers.RandomColorDegeneration(0.4), "factor", -0.4, 0.4),
        (layers.RandomSharpness(0.4), "factor", 0, 0.4),
        (layers.Solarization(0.2, (0.1, 0.4)), "additions", 0, 51),
        (layers.Solarization(0.2, (0.1, 0.4)), "thresholds", 0.1, 102),
    ],
)
def test_what_is_drawn_is_uniform(layer, name, low, high):
    assert_uniform(drawn(layer)[name], low, high)


def test_shifts_are_in_widths_and_heights():
    shifts = drawn(layers.RandomTranslation((0.2, 0.4), 0.5))["translations"]
    assert_uniform(shifts[:, 0], -1.5, 1.5)
    assert_uniform(shifts[:, 1], 0.4, 0.8)


def test_signs_are_even():
    assert_share(drawn(layers.RandomHue((0.5, 0.5)))["factor"] > 0, 0.5)
    shear = drawn(layers.RandomShear((0.1, 0.1), (0.2, 0.2)))["shear_factor"]
    assert_share(shear[:, 0] > 0, 0.5)
    np.testing.assert_allclose(shear[:, 1], 2 * shear[:, 0], rtol=1e-6)  # one side for both
    saturation = drawn(layers.RandomSaturation((0.2, 0.6)))["factor"]
    assert_uniform(saturation / (1 + saturation), 0.2, 0.6)


@pytest.mark.parametrize(
    ("layer", "name", "probability"),
    [
        (layers.RandomFlip(), "flips", 0.5),
        (layers.RandomGrayscale(0.3), "should_apply", 0.3),
        (layers.RandomInvert(0.6), "apply_inversion", 0.3),
        (layers.RandomInvert((0.2, 0.6)), "apply_inversion", 0.4),
        (layers.RandomPerspective((1.0, 1.0)), "apply_perspective", 1.0),
        (layers.RandomErasing(fill_value=0), "apply_erasing", 0.5),
        (layers.RandomGaussianBlur(0.0), "should_apply_blur", 0.0),
    ],
)
def test_choices_have_their_probability(layer, name, probability):
    assert_share(drawn(layer)[name], probability)


def test_bits_leave_the_largest_number_out_as_in_keras():
    counts = np.bincount(8 - drawn(layers.RandomPosterization((2, 5)))["shift_factor"])
    assert counts[:2].sum() == 0
    np.testing.assert_allclose(counts[2:] / 4000, 1 / 3, atol=0.04)


def test_weights_of_mixtures_are_beta_distributed():
    weight = np.asarray(drawn(layers.MixUp(0.4))["mix_weight"])
    assert abs(weight.mean() - 0.5) < 0.03
    assert abs(weight.var() - 1 / (4 * (2 * 0.4 + 1))) < 0.01
    mixed = drawn(layers.CutMix((1.0, 1.0)), jnp.zeros((4000, 20, 20, 1)))
    assert_uniform(mixed["mix_weight"], 0, 1)  # Beta(1, 1)
    area = np.asarray(mixed["batch_masks"]).mean((1, 2, 3))
    assert abs(np.mean(area + np.asarray(mixed["mix_weight"])) - 1) < 0.02
    assert sorted(mixed["permutation_order"].tolist()) == list(range(4000))
    assert np.mean(mixed["permutation_order"] == np.arange(4000)) < 0.01


def test_windows_are_everywhere_and_of_the_size_that_was_asked_for():
    images = jnp.zeros((4000, 10, 20, 1))
    masks = np.asarray(
        drawn(layers.RandomErasing(scale=(0.25, 0.25), fill_value=0), images)["batch_masks"]
    )
    assert set(masks.any(2).sum((1, 2))) == {5}
    assert set(masks.any(1).sum((1, 2))) == {10}
    first = masks.any(2)[..., 0].argmax(1)
    assert set(first) == set(range(1, 6))  # the first pixel behind a real number, as in Keras


def test_crops_are_everywhere():
    layer = layers.RandomCrop(2, 3)
    draw = jax.vmap(lambda key: layer.draw(key, jnp.zeros((1, 4, 5, 1))))
    places = draw(jax.random.split(jax.random.key(0), 900))
    counts = np.bincount(3 * places["top"] + places["left"], minlength=9)
    np.testing.assert_allclose(counts / 900, 1 / 9, atol=0.045)


AUGMENTING = [
    layers.RandomFlip,
    lambda **kw: layers.RandomRotation(0.2, **kw),
    lambda **kw: layers.RandomCrop(3, 2, **kw),
]
IMAGES = jnp.asarray(np.random.default_rng(0).uniform(0, 255, (3, 6, 5, 3)), "float32")


@pytest.mark.parametrize("make", AUGMENTING)
def test_channels_first_and_single_images_are_the_same_thing_turned(make):
    key = jax.random.key(3)
    run = lambda layer, x: layer.apply({}, {}, x, training=True, rng=key)[0]  # noqa: E731
    out = run(make(), IMAGES)
    turned = run(make(data_format="channels_first"), jnp.moveaxis(IMAGES, -1, 1))
    np.testing.assert_allclose(jnp.moveaxis(turned, 1, -1), out, rtol=1e-6)
    np.testing.assert_allclose(run(make(), IMAGES[0]), run(make(), IMAGES[:1])[0], rtol=1e-6)


def test_called_alone_it_augments_and_in_a_model_only_in_training():
    images = np.full((2, 4, 4, 3), 10, "uint8")
    layer = layers.RandomBrightness((0.2, 0.2))
    assert np.unique(layer(images)) == 61  # as in `data.map(layer)`
    assert np.unique(layer(images, training=False)) == 10
    model = nn.Sequential([nn.Input((4, 4, 3)), layer, layers.Rescaling(2.0)])
    assert np.unique(model(images)) == 122  # nobody says: as Keras, each layer by its own default
    assert np.unique(model(images, training=False)) == 20
    assert np.unique(model.predict(images.astype("float32"), verbose=0)) == 20


def test_seeds():
    def run(seed):
        layer = layers.RandomInvert((0.5, 0.5), seed=seed)
        return layer.draw(layer.key_of_call(jax.random.key(0)), MANY)["apply_inversion"]

    assert np.array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))
    assert not np.array_equal(run(1), run(None))


def test_a_key_of_its_own_makes_it_work_inside_vmap():
    layer = layers.RandomFlip("horizontal")
    images, keys = jnp.arange(40.0).reshape(20, 1, 2, 1), jax.random.split(jax.random.key(0), 20)
    flipped = jax.vmap(lambda x, k: layer(x, training=True, key=k))(images, keys)
    assert 2 < np.sum(flipped[:, 0, 0, 0] > flipped[:, 0, 1, 0]) < 18


def test_dicts_are_transformed_together_and_left_as_they_were():
    masks = (IMAGES[..., :1] > 100).astype("int32")
    data = {"images": IMAGES, "labels": jnp.arange(3), "segmentation_masks": masks, "id": 7}
    before = dict(data)
    out = layers.RandomFlip()(data)
    assert all(data[name] is before[name] for name in data)
    assert out["id"] == 7
    assert out["labels"].tolist() == [0, 1, 2]
    assert out["segmentation_masks"].dtype == "int32"
    np.testing.assert_array_equal(out["segmentation_masks"], out["images"][..., :1] > 100)
    single = layers.MixUp()({"images": IMAGES[0], "labels": jnp.eye(3)[0]})
    assert single["images"].shape == (6, 5, 3)
    np.testing.assert_allclose(single["labels"], jnp.eye(3)[0], atol=1e-6)


def test_masks_are_mixed_like_images():
    layer = layers.MixUp(2.0)
    own = drawn(layer, IMAGES)
    images, labels = layer.transform_images(IMAGES, own), layer.transform_labels(jnp.eye(3), own)
    masks = layer.transform_segmentation_masks(IMAGES[..., :1], own)
    np.testing.assert_allclose(masks, images[..., :1], rtol=1e-6)
    mixed = jnp.einsum("nm,mhwc->nhwc", labels, IMAGES)
    np.testing.assert_allclose(images, mixed, rtol=1e-4)


def test_rand_augment_moves_masks_along_and_colours_them_not():
    layer = layers.RandAugment(factor=(0.1, 0.1), num_ops=1)
    own = drawn(layer, IMAGES)
    masks = (IMAGES[..., :1] > 100).astype("int32")
    run = jax.jit(lambda own: layer.transform_segmentation_masks(masks, own))
    for number, name in enumerate(layer.steps):
        out = run({**own, "layer_idxes": jnp.array([number])})
        want = layer.steps[name].transform_segmentation_masks(masks, own["transforms"][name])
        np.testing.assert_array_equal(out, want)
        assert np.array_equal(out, masks) == (number > 2)


def test_erased_places_are_noise_or_a_colour():
    whole = {"factor": (1.0, 1.0), "scale": (1.0, 1.0)}
    layer = layers.RandomErasing(fill_value=(1, 2, 3), **whole)
    out = layer.transform_images(IMAGES, drawn(layer, IMAGES))
    np.testing.assert_array_equal(out, jnp.broadcast_to(jnp.array([1.0, 2.0, 3.0]), IMAGES.shape))
    layer = layers.RandomErasing(value_range=(-9.0, 3.0), **whole)
    noise = layer.transform_images(MANY, drawn(layer))
    assert abs(np.mean(np.asarray(noise) == 3.0) - 0.1587) < 0.01  # beyond one deviation
    assert abs(np.mean(noise < 0) - 0.5) < 0.01


def test_random_crop_takes_the_middle_in_inference():
    out = layers.RandomCrop(2, 2)(IMAGES, training=False)
    np.testing.assert_allclose(out, nn.preprocessing.image.smart_resize(IMAGES, (2, 2)))
    masks = (IMAGES[..., :1] > 100).astype("int32")
    assert layers.CenterCrop(9, 9).transform_segmentation_masks(masks, {}).dtype == "int32"


@pytest.mark.parametrize("case", [c for c in CASES if c.random], ids=lambda case: case.name)
def test_computes_in_the_dtype_of_its_policy_whatever_comes_in(case):
    for dtype in ("float32", "uint8"):
        layer = case.make(dtype="mixed_bfloat16")
        spec = jax.ShapeDtypeStruct(IMAGES.shape, dtype)
        kept = dtype == "uint8" and isinstance(layer, layers.RandomGrayscale)
        for training in (True, False):
            out = layer.declare(spec, training=training)
            assert out.dtype == ("uint8" if kept else "bfloat16")


def test_a_short_last_batch_does_not_leak_into_mixtures():
    model = nn.Sequential([nn.Input((4, 4, 1)), layers.Equalization(), layers.Flatten()])
    model.compile("sgd", "mse", run_eagerly=False)
    x = np.random.default_rng(0).uniform(0, 255, (5, 4, 4, 1)).astype("float32")
    assert np.isfinite(model.evaluate(x, np.zeros((5, 16)), batch_size=3, verbose=0))
    assert layers.Equalization.mixes_rows
    assert layers.MixUp.mixes_rows
