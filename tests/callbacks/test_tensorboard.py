"""Event files, read back by the tensorboard package."""

import io

import numpy as np
import pytest

import nnlib as nn
from nnlib import errors
from nnlib.callbacks import TensorBoard

X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


def read(folder):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulators.EventAccumulator(str(folder), {"histograms": 0, "images": 0})
    return events.Reload()


def make():
    model = nn.Sequential([nn.layers.Dense(3, input_shape=(2,)), nn.layers.Dense(1, name="top")])
    model.compile(nn.optimizers.SGD(0.1), "mse")
    return model


def test_curves_histograms_pictures_and_graph(tmp_path):
    model = make()
    history = model.fit(
        X, Y, batch_size=2, epochs=2, verbose=0, validation_data=(X, Y),
        callbacks=TensorBoard(
            tmp_path, histogram_freq=1, write_images=True, update_freq=2,
            write_steps_per_second=True,
        ),
    )  # fmt: skip
    train, validation = read(tmp_path / "train"), read(tmp_path / "validation")
    assert [e.step for e in train.Scalars("epoch_loss")] == [0, 1]
    np.testing.assert_allclose(
        [e.value for e in train.Scalars("epoch_loss")], history.history["loss"], rtol=1e-6
    )
    assert [e.step for e in train.Scalars("batch_loss")] == [2, 4, 6, 8]
    assert train.Scalars("epoch_learning_rate")[0].value == pytest.approx(0.1)
    assert train.Scalars("batch_steps_per_second")[0].value > 0
    np.testing.assert_allclose(
        [e.value for e in validation.Scalars("epoch_loss")], history.history["val_loss"], rtol=1e-6
    )
    assert [e.step for e in validation.Scalars("evaluation_loss_vs_iterations")] == [4, 8]
    kernel = train.Histograms("top/kernel/histogram")[1].histogram_value
    weights = model.get_weights()[2].astype("float64")
    assert kernel.num == weights.size
    assert (kernel.min, kernel.max) == (weights.min(), weights.max())
    assert sum(kernel.bucket) == weights.size
    picture = train.Images("top/kernel/image/0")[0]
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(picture.encoded_image_string))
    assert image.size == (picture.width, picture.height) == (3, 1)
    nodes = {node.name: (node.op, list(node.input)) for node in train.Graph().node}
    assert nodes["top"] == ("Dense", ["dense"])


def test_nothing_is_called_for_batches_if_only_epochs_are_written(tmp_path):
    assert TensorBoard(tmp_path).listens_every() is None
    assert TensorBoard(tmp_path, update_freq=5).listens_every() == 5
    make().fit(X, Y, verbose=0, callbacks=TensorBoard(tmp_path))
    assert read(tmp_path / "train").Scalars("epoch_loss")[0].step == 0


def test_embeddings_for_the_projector(tmp_path):
    model = nn.Sequential(
        [
            nn.Input((2,), dtype="int32"),
            nn.layers.Embedding(5, 3, name="words"),
            nn.layers.Flatten(),
            nn.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    board = TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"words": "names.tsv"})
    model.fit(np.ones((4, 2), "int32"), np.ones((4, 1)), verbose=0, callbacks=board)
    table = np.loadtxt(tmp_path / "words.tsv", delimiter="\t")
    np.testing.assert_allclose(table, model.get_weights()[0], rtol=1e-5)
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "words.tsv"' in config
    assert 'metadata_path: "names.tsv"' in config


def test_a_batch_is_profiled(tmp_path):
    make().fit(X, Y, batch_size=2, verbose=0, callbacks=TensorBoard(tmp_path, profile_batch=2))
    assert list(tmp_path.glob("plugins/profile/*/*"))


@pytest.mark.parametrize(
    "arguments", [{"update_freq": 0}, {"update_freq": "often"}, {"profile_batch": (3, 2)}]
)
def test_what_says_nothing_is_refused(tmp_path, arguments):
    with pytest.raises(errors.ArgumentError, match=next(iter(arguments))):
        TensorBoard(tmp_path, **arguments)
