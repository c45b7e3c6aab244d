"""Converts a `.keras` file with TFLiteConverter, in an environment that has TensorFlow.

`benchmarks/tflite.py` calls it: `python tflite_peer.py model.keras samples.npy kind out.tflite`. It
prints the CPU seconds of the conversion and "free" or "batch of 1", which is all that TensorFlow
converts some models for.
"""

import sys
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def converted(model: Any, kind: str, samples: np.ndarray) -> bytes:
    """The content of a file; `kind` as nnlib's `quantize`, or "float32"."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        converter.representative_dataset = lambda: ([row[None]] for row in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def for_one_row(model: Any) -> Any:
    """The same model for a batch of 1."""
    shape = (1, *model.inputs[0].shape[1:])
    inputs = keras.Input(batch_shape=shape, dtype=model.inputs[0].dtype)
    return keras.Model(inputs, model(inputs))


def main() -> None:
    """Convert with a free batch, or else with a batch of 1."""
    source, samples_path, kind, out = sys.argv[1:]
    model, samples = keras.models.load_model(source), np.load(samples_path)
    batch, began = "free", time.process_time()
    try:
        content = converted(model, kind, samples)
    except Exception:
        batch, began = "batch of 1", time.process_time()
        content = converted(for_one_row(model), kind, samples)
    seconds = time.process_time() - began
    with open(out, "wb") as file:
        file.write(content)
    print(f"PEER {seconds:.2f} {batch}")


if __name__ == "__main__":
    main()
