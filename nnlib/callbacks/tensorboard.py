"""TensorBoard: curves, weights and graph of a training, for the tool of that name."""

import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from nnlib.callbacks.event_file import EventFile
from nnlib.callbacks.learning_rates import optimizers_of
from nnlib.callbacks.projector import write_embeddings
from nnlib.core.errors import ArgumentError
from nnlib.core.keeping import is_readable
from nnlib.training.callback import Callback, Logs
from nnlib.utils.image import array_to_img

if TYPE_CHECKING:
    from nnlib.models.model import Model


class TensorBoard(Callback):
    """Writes event files that `tensorboard --logdir` shows; TensorFlow is not needed.

    Curves of training are in `log_dir/train`, those of evaluation in `log_dir/validation`.

    Args:
        log_dir: the folder; give every run one of its own.
        histogram_freq: every how many epochs histograms of the weights are written; 0 for never.
        write_graph: whether the layers of the model are written as a graph.
        write_images: whether the weights are written as pictures too, with the histograms.
        write_steps_per_second: whether the speed is written too.
        update_freq: "epoch", "batch", or a number of batches: how often losses and metrics are.
        profile_batch: the number of a batch, or (first, last), counted from 1, to profile; 0 for
            none.
        embeddings_freq: every how many epochs the tables of Embedding layers are written for the
            projector; 0 for never.
        embeddings_metadata: a file with a name per row, or a dict of them by layer name.

    Raises:
        ArgumentError: for an `update_freq` or a `profile_batch` that says nothing; in `fit`, for
            weights to write that are cut over several processes.
    """

    chief_only = True

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | Mapping[str, str] | None = None,
    ):
        self.log_dir = Path(log_dir)
        self.histogram_freq, self.write_graph = histogram_freq, write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        if self.update_freq != "epoch" and not (
            isinstance(self.update_freq, int) and self.update_freq > 0
        ):
            raise ArgumentError(
                "TensorBoard: expected update_freq to be 'epoch', 'batch' or a number of batches, "
                f"got {update_freq!r}."
            )
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self._profiled = _batches_to_profile(profile_batch)
        if self._profiled:
            self.batch_interval = 1
        else:
            self.batch_interval = None if self.update_freq == "epoch" else self.update_freq
        self._train = EventFile(self.log_dir / "train")
        self._validation = EventFile(self.log_dir / "validation")
        self._batches = 0
        self._profiling = self._training = False

    def set_model(self, model: "Model") -> None:
        """Called once before training, on every process: there all can refuse."""
        super().set_model(model)
        if (self.histogram_freq or self.embeddings_freq) and not all(
            map(is_readable, model.weights)
        ):
            raise ArgumentError(
                "TensorBoard: expected weights to write that the chief has as a whole, got weights "
                "cut over several processes. Leave histogram_freq and embeddings_freq at 0."
            )

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Write the graph."""
        self._training = True
        self._batches = 0
        self._clock = time.perf_counter()
        self._clock_batches = 0
        if self.write_graph:
            self._train.graph(_graph_of(self.model))

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Begin to profile, where that was wished."""
        if self._profiled and self._batches + 1 == self._profiled[0]:
            jax.profiler.start_trace(self.log_dir)
            self._profiling = True

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the logs so far, with `update_freq`."""
        self._batches += self.batch_interval or 1
        if self._profiling and self._profiled and self._batches >= self._profiled[1]:
            self._stop_profiling()
        if self.update_freq == "epoch" or self._batches % self.update_freq:
            return
        for name, value in (logs or {}).items():
            self._train.scalar(f"batch_{name}", value, self._batches)
        if self.write_steps_per_second:
            self._train.scalar("batch_steps_per_second", self._speed(self._batches), self._batches)

    def _speed(self, batches: int) -> float:
        """Steps per second since it was last asked for."""
        now, before, done = time.perf_counter(), self._clock, self._clock_batches
        self._clock, self._clock_batches = now, batches
        return (batches - done) / max(now - before, 1e-9)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Begin to count the time."""
        if self.write_steps_per_second and self.update_freq == "epoch":
            self._clock, self._clock_batches = time.perf_counter(), self._steps_done()

    def _steps_done(self) -> int:
        return int(self.model.optimizer.iterations)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the logs, and what is due of weights and embeddings."""
        logs = dict(logs or {})
        for suffix, optimizer in optimizers_of(self.model).items():
            logs[f"learning_rate{suffix}"] = float(optimizer.learning_rate)
        for name, value in logs.items():
            if name.startswith("val_"):
                self._validation.scalar(f"epoch_{name[4:]}", value, epoch)
            else:
                self._train.scalar(f"epoch_{name}", value, epoch)
        if self.write_steps_per_second and self.update_freq == "epoch":
            self._train.scalar("epoch_steps_per_second", self._speed(self._steps_done()), epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            write_embeddings(self.model, self.log_dir, self.embeddings_metadata)
        self._train.flush()
        self._validation.flush()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the results of an evaluation against the steps of training."""
        for name, value in (logs or {}).items():
            tag = f"evaluation_{name}_vs_iterations"
            self._validation.scalar(tag, value, self._steps_done())
        self._validation.flush()
        if not self._training:
            self._validation.close()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Complete the files."""
        self._training = False
        if self._profiling:
            self._stop_profiling()
        self._train.close()
        self._validation.close()

    def _stop_profiling(self) -> None:
        jax.profiler.stop_trace()
        self._profiling = False

    def _write_weights(self, epoch: int) -> None:
        for path, layer, name, _ in self.model.weight_specs():
            tag = "/".join((*path, name))
            array = np.asarray(layer.own_arrays()[name], np.float32)
            self._train.histogram(f"{tag}/histogram", array, epoch)
            if self.write_images:
                for number, picture in enumerate(_pictures(array)):
                    height, width = picture.shape
                    png = _png(picture)
                    self._train.image(f"{tag}/image/{number}", png, height, width, epoch)


def _batches_to_profile(given: Any) -> tuple[int, int] | None:
    """(first, last), or None."""
    if not given:
        return None
    pair = (given, given) if isinstance(given, int) else tuple(given)
    if len(pair) != 2 or not all(isinstance(n, int) for n in pair) or not 0 < pair[0] <= pair[1]:
        raise ArgumentError(
            "TensorBoard: expected profile_batch to be the number of a batch or (first, last), "
            f"counted from 1, got {given!r}."
        )
    return pair[0], pair[1]


def _graph_of(model: Any) -> dict[str, tuple[str, list[str]]]:
    """Each layer below the model with its class, and the layers that it takes from."""
    names = {layer: name for name, layer in model.children()}
    graph: dict[str, tuple[str, list[str]]] = {}
    for layer, name in names.items():
        needed = [symbol.node.layer for node in layer.nodes[:1] for symbol in node.inputs]
        sources = [names[source] for source in needed if source in names]
        graph[name] = (type(layer).__name__, sources)
    return graph


def _pictures(array: np.ndarray, limit: int = 3) -> list[np.ndarray]:
    """A weight as a few grey pictures: a vector is a line, a kernel of a convolution one each."""
    array = np.squeeze(array)
    if array.ndim < 2:
        return [array.reshape(1, -1)] if array.size else []
    flat = array.reshape(*array.shape[:2], -1)
    return [flat[:, :, index] for index in range(min(limit, flat.shape[2]))]


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    array_to_img(picture[:, :, None]).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()
