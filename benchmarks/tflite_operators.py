"""Operators that the exporter needs for a free batch, against litert-converter for a batch of 1.

Both get the same functions of JAX: nnlib the function, litert-converter its StableHLO. Run with
`python benchmarks/tflite_operators.py --litert-converter PYTHON`, where PYTHON is the interpreter
of an environment with `litert-converter`; the table is benchmarks/tflite_operators.md.
"""

import argparse
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax, nn
from tflite import Made, cnn, mlp, mobilenet_v2, settle

from nnlib import tflite_export


def transformer() -> Callable[[jax.Array], jax.Array]:
    """Two layers of attention and a dense part, over 16 words of 200."""
    words, steps, width, heads, hidden = 200, 16, 64, 4, 128
    keys = iter(jax.random.split(jax.random.key(0), 20))

    def drawn(*shape: int) -> jax.Array:
        return 0.1 * jax.random.normal(next(keys), shape)

    table, places, head = drawn(words, width), drawn(steps, width), drawn(width, words)
    blocks = [
        ([drawn(width, width) for _ in range(4)], drawn(width, hidden), drawn(hidden, width))
        for _ in range(2)
    ]

    def normalized(x: jax.Array) -> jax.Array:
        centred = x - x.mean(-1, keepdims=True)
        scale = lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5)
        return centred * scale * jnp.full(width, 1.1) + jnp.full(width, 0.1)

    def by_head(x: jax.Array) -> jax.Array:
        return x.reshape(-1, steps, heads, width // heads).transpose(0, 2, 1, 3)

    def attended(x: jax.Array, weights: list[jax.Array]) -> jax.Array:
        q, k, v = (by_head(x @ w) for w in weights[:3])
        scores = q @ k.transpose(0, 1, 3, 2) / jnp.sqrt(width // heads)
        return (nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(x.shape) @ weights[3]

    def function(tokens: jax.Array) -> jax.Array:
        x = jnp.take(table, tokens, axis=0, mode="clip") + places
        for weights, up, down in blocks:
            x = x + attended(normalized(x), weights)
            x = x + nn.gelu(normalized(x) @ up + 0.1) @ down + 0.2
        return x.mean(1) @ head

    return function


def of_model(make: Callable[[], Any]) -> tuple[Callable[[jax.Array], jax.Array], Any]:
    """The inference function of a model and the spec of its input."""
    model = make()
    settle(model)
    params, state = model.variables
    specs = model.input_specs
    spec = specs[0] if isinstance(specs, tuple) else specs
    return lambda x: model.apply(params, state, x, training=False)[0], spec


def theirs(python: str, function: Callable[..., Any], spec: Any, folder: Path) -> Made:
    """The file of litert-converter, for a batch of 1."""
    source, out = folder / "model.mlir", folder / "model.tflite"
    one = jax.ShapeDtypeStruct((1, *spec.shape[1:]), spec.dtype)
    source.write_text(jax.jit(function).lower(one).as_text())
    peer = Path(__file__).with_name("tflite_stablehlo_peer.py")
    command = [python, str(peer), str(source), str(out)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ})
    return Made(out.read_bytes(), 0.0)


def main() -> None:
    """Convert, count, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litert-converter", required=True, help="a Python that has it")
    python = parser.parse_args().litert_converter
    lines = [
        "# Operators of the exporter, at a free batch",
        "",
        "`python benchmarks/tflite_operators.py --litert-converter PYTHON`, where PYTHON has",
        f"litert-converter. jax {jax.__version__}, Python {platform.python_version()}.",
        "",
        "| model | nnlib, free batch | nnlib, batch of 1 | litert-converter, batch of 1 "
        "| bytes / litert-converter |",
        "|---|---:|---:|---:|---:|",
    ]
    print("\n".join(lines))
    cases = {make.__name__: of_model(make) for make in (mlp, cnn, mobilenet_v2)}
    cases["transformer"] = transformer(), jax.ShapeDtypeStruct((None, 16), jnp.int32)
    with tempfile.TemporaryDirectory() as name:
        for label, (function, spec) in cases.items():
            made = [
                tflite_export.export_tflite(
                    function, tflite_export.TensorSpec((batch, *spec.shape[1:]), spec.dtype)
                ).content
                for batch in (None, 1)
            ]
            free, fixed = (Made(content, 0.0) for content in made)
            peer = theirs(python, function, spec, Path(name))
            ratio = len(free.content) / len(peer.content)
            counts = f"{free.operators} | {fixed.operators} | {peer.operators}"
            lines.append(f"| {label} | {counts} | {ratio:.4f} |")
            print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
