"""Images, texts and sounds in folders."""

import numpy as np
import pytest
from scipy.io import wavfile

import nnlib as nn
from nnlib.data import Dataset
from nnlib.utils.host_resize import INTERPOLATIONS, resize_on_host


@pytest.fixture
def pictures(tmp_path):
    """Two classes with 3 and 2 images of different sizes, one of them in a deeper folder."""
    for name, shapes in {"b_dog": [(4, 6), (5, 5), (6, 4)], "a_cat": [(3, 3), (8, 2)]}.items():
        folder = tmp_path / name / "deep"
        folder.mkdir(parents=True)
        for number, shape in enumerate(shapes):
            pixels = np.full((*shape, 3), 10 * number + (100 if name == "a_cat" else 0))
            place = folder if number else folder.parent
            nn.utils.save_img(place / f"{number}.png", pixels, scale=False)
    (tmp_path / "a_cat" / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def images_of(folder, **arguments):
    arguments = {"image_size": (4, 4), "verbose": False, "shuffle": False} | arguments
    return nn.utils.image_dataset_from_directory(folder, **arguments)


def test_images_come_by_class_and_path(pictures):
    dataset = images_of(pictures)
    (images, labels), = dataset  # fmt: skip
    assert images.dtype == np.float32
    assert images.shape == (5, 4, 4, 3)
    assert labels.dtype == np.int32
    assert labels.tolist() == [0, 0, 1, 1, 1]
    assert images.mean((1, 2, 3)).round(4).tolist() == [100, 110, 0, 10, 20]
    assert dataset.class_names == ["a_cat", "b_dog"]
    assert [path[len(str(pictures)) :] for path in dataset.file_paths[:2]] == [
        "/a_cat/0.png",
        "/a_cat/deep/1.png",
    ]
    assert dataset.element_spec[0].shape == (None, 4, 4, 3)


def test_labels(pictures):
    def labels(**arguments):
        return np.concatenate([y for _, y in images_of(pictures, **arguments)])

    assert labels(label_mode="binary").tolist() == [[0], [0], [1], [1], [1]]
    one_hot = labels(label_mode="categorical")
    assert one_hot.dtype == np.float32
    assert one_hot.tolist() == [[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]]
    assert labels(class_names=["b_dog", "a_cat"]).tolist() == [0, 0, 0, 1, 1]
    assert labels(class_names=["b_dog"]).tolist() == [0, 0, 0]
    manual = images_of(pictures, labels=[0, 1, 2, 0, 1])
    assert manual.class_names == ["0", "1", "2"]
    assert next(iter(manual))[1].tolist() == [0, 1, 2, 0, 1]
    for nothing in ({"labels": None}, {"label_mode": None}):
        bare = images_of(pictures, **nothing)
        assert next(iter(bare)).shape == (5, 4, 4, 3)
        assert bare.class_names is None


def test_color_modes_layouts_and_single_images(pictures):
    assert next(iter(images_of(pictures, color_mode="grayscale")))[0].shape == (5, 4, 4, 1)
    assert next(iter(images_of(pictures, color_mode="rgba")))[0].shape == (5, 4, 4, 4)
    first = images_of(pictures, data_format="channels_first", image_size=7)
    assert next(iter(first))[0].shape == (5, 3, 7, 7)
    single = images_of(pictures, batch_size=None)
    assert len(single) == 5
    assert next(iter(single))[0].shape == (4, 4, 3)


def test_validation_takes_the_last_files_and_overlaps_nothing(pictures, capsys):
    split = {"validation_split": 0.4, "shuffle": True, "seed": 3}
    train, valid = images_of(pictures, subset="both", **split)
    assert (len(train.file_paths), len(valid.file_paths)) == (3, 2)
    assert not set(train.file_paths) & set(valid.file_paths)
    assert images_of(pictures, subset="training", **split).file_paths == train.file_paths
    alone = images_of(pictures, subset="validation", verbose=True, **split)
    assert alone.file_paths == valid.file_paths
    text = capsys.readouterr().out
    assert text == "Found 5 files belonging to 2 classes.\nUsing 2 files for validation.\n"
    means = [[x.mean((1, 2, 3)).round(3).tolist() for x, _ in valid] for _ in range(2)]
    assert means[0] == means[1], "validation is not shuffled"


def test_shuffled_images_keep_their_labels(pictures):
    dataset = images_of(pictures, shuffle=True, seed=0, batch_size=2)
    for _ in range(3):
        pairs = [(x.mean() >= 99, y) for xs, ys in dataset for x, y in zip(xs, ys, strict=True)]
        assert all(cat == (label == 0) for cat, label in pairs)
        assert len(pairs) == 5


def test_links_are_followed_only_if_told(pictures, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    nn.utils.save_img(other / "x.png", np.zeros((2, 2, 3)))
    (pictures / "a_cat" / "link").symlink_to(other)
    assert len(images_of(pictures).file_paths) == 5
    assert len(images_of(pictures, follow_links=True).file_paths) == 6


def test_grain_out(pictures):
    out = images_of(pictures, format="grain")
    assert out.class_names == ["a_cat", "b_dog"]
    assert next(iter(Dataset.from_grain(out)))[0].shape == (5, 4, 4, 3)


@pytest.mark.parametrize("name", sorted(INTERPOLATIONS))
def test_scaling_keeps_what_it_must(name):
    flat = np.full((5, 7, 2), 3.0, np.float32)
    assert np.allclose(resize_on_host(flat, (9, 4), name), 3, atol=1e-5), "constants stay"
    image = np.random.default_rng(0).random((6, 5, 1), np.float32)
    same = resize_on_host(image, (6, 5), name)
    if name not in ("gaussian", "mitchellcubic"):  # those two blur
        assert np.allclose(same, image, atol=1e-5), "the same size changes nothing"
    flipped = resize_on_host(image[::-1, ::-1], (4, 9), name)[::-1, ::-1]
    if name != "nearest":
        assert np.allclose(flipped, resize_on_host(image, (4, 9), name), atol=1e-5)


def test_area_is_the_mean_of_boxes():
    image = np.arange(16.0, dtype="float32").reshape(4, 4, 1)
    means = image.reshape(2, 2, 2, 2).mean((1, 3))
    assert np.allclose(resize_on_host(image, (2, 2), "area")[..., 0], means)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": "folders"}, "labels to be 'inferred'"),
        ({"labels": [1, 2]}, "a label for each of the 5 files"),
        ({"labels": [0] * 5, "class_names": ["a"]}, "class_names only with"),
        ({"class_names": ["bird"]}, "class_names among the folders"),
        ({"label_mode": "float"}, "label_mode"),
        ({"label_mode": "binary", "labels": [0, 1, 2, 0, 1]}, "expected two classes"),
        ({"color_mode": "cmyk"}, "color_mode"),
        ({"image_size": (3, 3, 3)}, "image_size of two integers"),
        ({"image_size": (3, 0)}, "image_size"),
        ({"interpolation": "cubic"}, "interpolation"),
        ({"data_format": "first"}, "data_format"),
        ({"format": "torch"}, "format"),
        ({"batch_size": 0}, "batch_size"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "got both"),
        ({"validation_split": 2, "subset": "training"}, "validation_split between"),
        ({"validation_split": 0.2}, "validation_split and subset together"),
        ({"subset": "training"}, "validation_split and subset together"),
        ({"validation_split": 0.2, "subset": "test"}, "subset to be"),
        ({"validation_split": 0.2, "subset": "both", "shuffle": True}, "a seed"),
        ({"validation_split": 0.1, "subset": "both"}, "expected validation files"),
    ],
)
def test_refusals(pictures, arguments, message):
    with pytest.raises(ValueError, match=message):
        images_of(pictures, **arguments)


def test_texts(tmp_path):
    for name, texts in {"neg": ["bad", "wörse"], "pos": ["good!"]}.items():
        (tmp_path / name).mkdir()
        for number, text in enumerate(texts):
            (tmp_path / name / f"{number}.txt").write_text(text, encoding="utf-8")
    load = nn.utils.text_dataset_from_directory
    dataset = load(tmp_path, shuffle=False, verbose=False)
    assert [(x.tolist(), y.tolist()) for x, y in dataset] == [
        (["bad", "wörse", "good!"], [0, 0, 1])
    ]
    assert dataset.class_names == ["neg", "pos"]
    short = load(tmp_path, None, max_length=2, shuffle=False, batch_size=2, verbose=False)
    assert [x.tolist() for x in short] == [["ba", "wö"], ["go"]]
    parts = load(tmp_path, validation_split=0.4, subset="both", seed=1, verbose=False)
    assert sorted(len(part.file_paths) for part in parts) == [1, 2]
    grain = load(tmp_path, format="grain", shuffle=False, verbose=False)
    assert grain.class_names == ["neg", "pos"]
    for wrong in ({"max_length": 0}, {"format": "x"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            load(tmp_path, **wrong)
    with pytest.raises(ValueError, match=r"files ending in \.txt"):
        load(tmp_path / "neg", verbose=False)


@pytest.fixture
def sounds(tmp_path):
    lengths = {"high": [30, 20], "low": [10]}
    for name, sizes in lengths.items():
        (tmp_path / name).mkdir()
        for number, size in enumerate(sizes):
            wave = (np.arange(size) * 1000 - 5000).astype(np.int16)
            wavfile.write(tmp_path / name / f"{number}.wav", 100, wave)
    return tmp_path


def sounds_of(folder, **arguments):
    arguments = {"verbose": False, "shuffle": False} | arguments
    return nn.utils.audio_dataset_from_directory(folder, **arguments)


def test_sounds_are_padded_cut_or_ragged(sounds):
    (x, y), = sounds_of(sounds)  # fmt: skip
    assert x.shape == (3, 30, 1)
    assert x.dtype == np.float32
    assert x[0, :3, 0].tolist() == [-5000 / 32768, -4000 / 32768, -3000 / 32768]
    assert not x[2, 10:].any()
    assert y.tolist() == [0, 0, 1]
    assert next(iter(sounds_of(sounds, output_sequence_length=15)))[0].shape == (3, 15, 1)
    ragged, labels = next(iter(sounds_of(sounds, ragged=True)))
    assert [part.shape for part in ragged] == [(30, 1), (20, 1), (10, 1)]
    assert labels.tolist() == [0, 0, 1]
    bare = next(iter(sounds_of(sounds, ragged=True, labels=None)))
    assert [len(part) for part in bare] == [30, 20, 10]
    single = sounds_of(sounds, batch_size=None)
    assert [len(x) for x, _ in single] == [30, 20, 10]
    assert single.class_names == ["high", "low"]


def test_other_rates_and_sample_formats(tmp_path):
    time = np.arange(800) / 800
    tone = np.sin(2 * np.pi * 20 * time)
    wavfile.write(tmp_path / "a.wav", 800, np.stack([tone, -tone], 1).astype(np.float32))
    wavfile.write(tmp_path / "b.wav", 800, np.round(tone * 127 + 128).astype(np.uint8)[:, None])
    wavfile.write(tmp_path / "c.wav", 800, (tone * (2**31 - 1)).astype(np.int32)[:, None])
    first, second, third = sounds_of(tmp_path, labels=None, batch_size=None)
    assert first.shape == (800, 2)
    assert np.allclose(first[:, 0], tone, atol=1e-6)
    assert np.allclose(second[:, 0], tone, atol=0.02)
    assert np.allclose(third[:, 0], tone, atol=1e-6)
    slower = next(iter(sounds_of(tmp_path, labels=None, batch_size=None, sampling_rate=400)))
    assert slower.shape == (400, 2)
    assert np.allclose(slower[50:-50, 0], tone[100:-100:2], atol=0.02)


def test_sounds_in_two_parts_and_refusals(sounds):
    both = sounds_of(sounds, validation_split=0.4, subset="both")
    assert isinstance(both, tuple)
    assert [len(part.file_paths) for part in both] == [2, 1]
    for wrong, message in (
        ({"ragged": True, "output_sequence_length": 3}, "got both"),
        ({"sampling_rate": 0.5}, "sampling_rate"),
        ({"output_sequence_length": 0}, "output_sequence_length"),
    ):
        with pytest.raises(ValueError, match=message):
            sounds_of(sounds, **wrong)
