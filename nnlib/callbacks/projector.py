"""Tables of embeddings, as TensorBoard's projector reads them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.layers import Embedding


def write_embeddings(
    model: Any, folder: Path, metadata: str | Mapping[str, str] | None = None
) -> None:
    """Write each Embedding's table as `<layer>.tsv`, and the `projector_config.pbtxt` that says so.

    Args:
        model: the one with the layers.
        folder: TensorBoard's.
        metadata: a file with a name per row, or a dict of them by layer name.

    Raises:
        ArgumentError: for metadata of a layer that is not there.
    """
    tables = {
        "_".join(path) or layer.name: layer
        for path, layer in model.layout()
        if isinstance(layer, Embedding)
    }
    names = {layer.name for layer in tables.values()}
    if isinstance(metadata, Mapping) and (unknown := set(metadata) - names):
        raise ArgumentError(
            f"TensorBoard: expected embeddings_metadata for {', '.join(sorted(names)) or 'none'}, "
            f"got {', '.join(sorted(unknown))}."
        )
    folder.mkdir(parents=True, exist_ok=True)
    config = ""
    for key, layer in tables.items():
        table = np.asarray(layer.embeddings, np.float32)
        np.savetxt(folder / f"{key}.tsv", table, fmt="%.6g", delimiter="\t")
        config += f'embeddings {{\n  tensor_name: "{key}"\n  tensor_path: "{key}.tsv"\n'
        config += f"  tensor_shape: {table.shape[0]}\n  tensor_shape: {table.shape[1]}\n"
        own = metadata.get(layer.name) if isinstance(metadata, Mapping) else metadata
        config += f'  metadata_path: "{own}"\n}}\n' if own else "}\n"
    (folder / "projector_config.pbtxt").write_text(config)
