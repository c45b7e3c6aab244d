"""What the devices of a transformer send in a step of FSDP, compiled ahead of time, without them.

    JAX_PLATFORMS=cpu python benchmarks/sharded_bytes.py [--targets h100:8 v5e:2x4]
        [--heads untied tied] [--dtypes float32 mixed_bfloat16] [--remat none layers] [--model 1]

Needs the extras aot-cuda (H100) and aot-tpu; one process at a time may load libtpu. `sent` and
`least` are those of `nnlib.distributed.plan`: bytes of one device in a ring. The least is one
gather of all weights and one reduce-scatter of their gradients, in float32: products of TPUs gather
bfloat16 by default, 16-bit layers do so everywhere, and `remat` gathers twice (1.5). Over an axis
"model" activations move besides.
"""

import argparse
import itertools
import math
import platform
import re
import time
from collections import defaultdict
from typing import Any

import jax

import nnlib as nn

VOCABULARY, SIZE, DEPTH, HEADS, LENGTH = 2048, 256, 4, 4, 64
ROWS = 8
"""Sequences on each device."""


class Block(nn.layers.Layer):
    """Attention and two dense layers, each behind a normalisation and added to what came in."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.before, self.between = nn.layers.LayerNormalization(), nn.layers.LayerNormalization()
        self.attend = nn.layers.MultiHeadAttention(HEADS, SIZE // HEADS)
        self.widen = nn.layers.Dense(4 * SIZE, "gelu")
        self.narrow = nn.layers.Dense(SIZE)

    def call(self, x: jax.Array) -> jax.Array:
        """(batch, length, size), of each position and those before it."""
        h = self.before(x)
        x = x + self.attend(h, h, use_causal_mask=True)
        return x + self.narrow(self.widen(self.between(x)))


def transformer(head: str, dtype: str) -> nn.Model:
    """A language model with a table of its own for what it puts out, or the one of its input."""
    nn.config.set_dtype_policy(dtype)
    ids = nn.Input((LENGTH,), dtype="int32")
    table = nn.layers.ReversibleEmbedding(VOCABULARY, SIZE, tie_weights=head == "tied")
    x = table(ids)
    for _ in range(DEPTH):
        x = Block()(x)
    scores = table(nn.layers.LayerNormalization()(x), reverse=True)
    model = nn.Model(ids, scores)
    model.compile("adam", nn.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def devices_of(target: str) -> int:
    """How many a target has."""
    slices, shape = re.findall(r"^(?:(\d+)x)?\w+:([\dx]+)$", target)[0]
    return int(slices or 1) * math.prod(map(int, shape.split("x")))


def row(target: str, head: str, dtype: str, remat: str, model: int) -> str:
    """A line of the table."""
    cut = model > 1
    axes, rules = {"data": 1} | ({"model": model} if cut else {}), {"out": "model"} if cut else {}
    devices = jax.devices()[:model]
    kept = None if remat == "none" else remat
    strategy = nn.distributed.ShardedStrategy(axes, rules, remat=kept, devices=devices)
    rows = ROWS * devices_of(target) // model
    begin = time.perf_counter()
    found = nn.distributed.plan(transformer(head, dtype), strategy, rows, target, verbose=False)
    took = time.perf_counter() - begin
    kinds: dict[str, float] = defaultdict(float)
    for one in found.collectives:
        kinds[one.kind] += one.wire_bytes
    share = found.collective_bytes / found.least_bytes
    most = ", ".join(f"{k} {v / found.least_bytes:.3f}" for k, v in sorted(kinds.items()))
    known = "" if all(one.counted for one in found.collectives) else " at least"
    return (
        f"| {target} | {'x'.join(map(str, found.mesh.values()))} | {head} | {dtype} | {remat} "
        f"|{known} {found.collective_bytes:,.0f} | {found.least_bytes:,.0f} | {share:.4f} | {most} "
        f"| {found.memory.needed / 2**20:.0f} | {took:.0f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--targets", nargs="+", default=["h100:8", "v5e:2x4"])
    parser.add_argument("--heads", nargs="+", default=["untied", "tied"])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "mixed_bfloat16"])
    parser.add_argument("--remat", nargs="+", default=["none", "layers"])
    parser.add_argument("--model", type=int, default=1)
    args = parser.parse_args()
    if args.model > 1:
        jax.config.update("jax_num_cpu_devices", args.model)
    print(f"jax {jax.__version__}, Python {platform.python_version()}\n")
    print("| target | mesh | head | dtype | remat | sent | least | ratio | by kind | MiB | s |")
    print("|---|---|---|---|---|---:|---:|---:|---|---:|---:|")
    for case in itertools.product(args.targets, args.heads, args.dtypes, args.remat):
        print(row(*case, args.model), flush=True)


if __name__ == "__main__":
    main()
