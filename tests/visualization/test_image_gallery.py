"""Images side by side: as many as there are, in the right places and colours."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from nnlib.core.errors import ArgumentError, MissingExtraError, ShapeError
from nnlib.visualization import plot_image_gallery

mpl.use("Agg")
from matplotlib import pyplot as plt

IMAGES = np.linspace(0, 1, 5 * 2 * 3 * 3).reshape(5, 2, 3, 3)


@pytest.fixture
def gallery():
    """The axes of a gallery that is left open."""

    def draw(*args, **kwargs):
        plt.close("all")
        plot_image_gallery(*args, show=False, **kwargs)
        return plt.gcf().axes

    yield draw
    plt.close("all")


def test_signature_of_keras(keras):
    import inspect

    theirs = inspect.signature(keras.visualization.plot_image_gallery)
    ours = inspect.signature(plot_image_gallery)
    assert [(p.name, p.default) for p in ours.parameters.values()] == [
        (p.name, p.default) for p in theirs.parameters.values()
    ]


@pytest.mark.parametrize(
    ("options", "grid", "shown"),
    [({}, (3, 2), 5), ({"cols": 5}, (1, 5), 5), ({"rows": 1, "cols": 2}, (1, 2), 2)],
)
def test_every_image_has_its_place(gallery, options, grid, shown):
    axes = gallery(IMAGES, value_range=(0, 1), **options)
    layout = axes[0].get_subplotspec().get_gridspec()
    assert (layout.nrows, layout.ncols) == grid
    drawn = [axis.images[0].get_array() for axis in axes if axis.images]
    np.testing.assert_array_equal(drawn, (IMAGES * 255).astype("uint8")[:shown])


def test_labels_legend_and_axes(gallery):
    names = {0: "cat", 1: "dog"}
    handles = [mpl.patches.Patch(label="animals")]
    axes = gallery(IMAGES[:3], np.array([0, 1, 5]), [0, 0, 1], names, legend_handles=handles)
    titles = [axis.get_title() for axis in axes[:3]]
    assert titles == ["Label: cat  Pred: cat", "Label: dog  Pred: cat", "Label: Unknown  Pred: dog"]
    assert len(plt.gcf().legends) == 1
    first = np.moveaxis(IMAGES, -1, 1)
    axes = gallery(255 * first, data_format="channels_first")
    np.testing.assert_array_equal(axes[1].images[0].get_array(), (255 * IMAGES[1]).astype("uint8"))


def test_files_and_windows(tmp_path, monkeypatch):
    path = tmp_path / "gallery.png"
    plot_image_gallery(255 * np.ones((4, 8, 8, 1)), path=path, transparent=False, dpi=30)
    with Image.open(path) as picture:
        assert picture.getextrema()[0] == (255, 255)
        assert picture.width > 60
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(len(plt.get_fignums())))
    plot_image_gallery(IMAGES)
    assert (shown, plt.get_fignums()) == ([1], [])


def test_refusals(monkeypatch):
    with pytest.raises(ShapeError, match="a batch of images"):
        plot_image_gallery(IMAGES[0])
    with pytest.raises(ShapeError, match="channels_first"):
        plot_image_gallery(np.zeros((1, 3, 8, 8)))
    with pytest.raises(ArgumentError, match="both"):
        plot_image_gallery(IMAGES, path="x.png", show=True)
    with pytest.raises(ArgumentError, match="label_map"):
        plot_image_gallery(IMAGES, y_true=[0] * 5)
    with pytest.raises(ShapeError, match="expected 5 labels, got 2"):
        plot_image_gallery(IMAGES, y_true=[0, 1], label_map={})
    with pytest.raises(ArgumentError, match="rows to be above 0"):
        plot_image_gallery(IMAGES, rows=0)
    with pytest.raises(ArgumentError, match="ascending"):
        plot_image_gallery(IMAGES, value_range=(1, 1))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"nnlib\[plot\]"):
        plot_image_gallery(IMAGES)
