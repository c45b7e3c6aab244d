"""Saved models: a folder with programs, weights and config, to serve a model without its code."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, NnlibError, SavingError, ShapeError
from nnlib.core.specs import ShapeSpec, concrete_dims
from nnlib.core.tree import flatten, unflatten
from nnlib.saving.array_files import read_arrays, write_arrays
from nnlib.saving.atomic import writing
from nnlib.saving.keras_config import model_config, model_from_config
from nnlib.saving.manifest import Entry, Manifest, describe_files, read_manifest
from nnlib.saving.program import PLATFORMS, export_program, load_program
from nnlib.saving.signature import Signature, as_signatures
from nnlib.saving.state_tree import load_tree, to_tree

if TYPE_CHECKING:
    from nnlib.models.model import Model

CONFIG, WEIGHTS, TRAINING = "config.json", "weights.safetensors", "training.safetensors"


def write_saved_model(
    model: "Model",
    path: Any,
    overwrite: bool = True,
    include_optimizer: bool = True,
    signatures: Any = None,
) -> None:
    """Write the folder `path`: see docs/saved_model.md for what lies in it.

    Args:
        model: built.
        path: the folder; one that is there is replaced as a whole.
        overwrite: whether it may be.
        include_optimizer: whether training can go on from it.
        signatures: `{name: Signature}`; if None, "serving_default", which is the model itself.

    Raises:
        SavingError: if the disk refuses, or a signature has no program for all sizes and devices.
        ArgumentError: for signatures of another kind.
    """
    wanted = as_signatures(model, signatures)
    tree = to_tree(model, weights_only=not include_optimizer)
    training = tree.pop("training", None)
    with writing(Path(path), overwrite) as folder:
        folder.mkdir()
        (folder / "programs").mkdir()
        entries = {name: _write_program(model, one, name, folder) for name, one in wanted.items()}
        write_arrays(folder / WEIGHTS, flatten(tree))
        if training is not None:
            write_arrays(folder / TRAINING, flatten(training))
        (folder / CONFIG).write_text(json.dumps(_config_of(model), indent=1), encoding="utf-8")
        versions = {name: version(name) for name in ("nnlib", "jax")}
        Manifest(entries, PLATFORMS, describe_files(folder)).write(folder, versions)


def _write_program(model: "Model", signature: Signature, name: str, folder: Path) -> Entry:
    if signature.takes_strings:  # they stay on the host: it is the model that runs
        out = model.declare(*model.input_specs)
        pairs = zip(model.name_outputs(out), jax.tree.leaves(out), strict=True)
        return Entry(signature.inputs, {name: _any_size(one) for name, one in pairs}, None)
    exported = export_program(model, signature, name)
    file = f"programs/{name}.bin"
    (folder / file).write_bytes(exported.serialize())
    outputs = jax.tree.unflatten(exported.out_tree, exported.out_avals)
    return Entry(signature.inputs, {key: _any_size(out) for key, out in outputs.items()}, file)


def _any_size(struct: Any) -> ShapeSpec:
    return ShapeSpec(concrete_dims(struct.shape), struct.dtype)


def _config_of(model: "Model") -> dict[str, Any]:
    """The config that makes the model again, or why there is none; programs run all the same."""
    try:
        config = model_config(model)
        json.dumps(config)
    except (NnlibError, TypeError, ValueError, NotImplementedError) as error:
        return {"missing": str(error)}
    return {"model": config}


class SavedModel:
    """A folder that `model.save(path)` wrote: its signatures run without the code of the model.

    Args:
        path: the folder.

    Raises:
        SavingError: if there is none.
        CorruptFileError: if its manifest or its weights are damaged.

    >>> import tempfile, jax.numpy as jnp, nnlib as nn
    >>> model = nn.Sequential([nn.Input((3,), name="x"), nn.layers.Rescaling(2.0, name="y")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(folder + "/twice")
    ...     saved = nn.saving.load_saved_model(folder + "/twice")
    ...     saved.signatures["serving_default"](x=jnp.ones((1, 3)))["y"].tolist()
    [[2.0, 2.0, 2.0]]
    """

    def __init__(self, path: Any):
        self.path = Path(path)
        self.manifest = read_manifest(self.path)
        self._weights: dict[str, Any] | None = None
        self.signatures = {
            name: SavedSignature(self, name, entry)
            for name, entry in self.manifest.signatures.items()
        }

    def __repr__(self) -> str:
        return f"<SavedModel {str(self.path)!r}, signatures: {', '.join(self.signatures)}>"

    @property
    def weights(self) -> dict[str, Any]:
        """The weights by path, read and checked once."""
        if self._weights is None:
            self._weights = {name: jnp.asarray(array) for name, array in self._read().items()}
        return self._weights

    def _read(self) -> dict[str, np.ndarray]:
        return read_arrays(self.manifest.checked(self.path, WEIGHTS))

    def as_model(self, custom_objects: Any = None, compile: bool = True) -> "Model":
        """The model itself, with its weights; compiled, and where its training was, if it was.

        Raises:
            SavingError: if the folder has no config of it.
            UnknownNameError: for classes that are not known; name them in `custom_objects`.
        """
        text = self.manifest.checked(self.path, CONFIG).read_text(encoding="utf-8")
        config = json.loads(text)
        if "model" not in config:
            raise SavingError(
                f"{self.path}: expected the config of a model, got none, since when it was saved: "
                f"{config.get('missing')} Its signatures run: nnlib.saving.load_saved_model(path)."
            )
        described = dict(config["model"])
        if not compile:
            described.pop("compile_config", None)
        model = model_from_config(described, custom_objects)
        tree = unflatten(self._read())
        if TRAINING in self.manifest.files and model.compiled:
            arrays = read_arrays(self.manifest.checked(self.path, TRAINING))
            tree["training"] = unflatten(arrays)
        load_tree(model, tree)
        return model


class SavedSignature:
    """One function of a saved model: `signature(x=array)` returns a dict of arrays.

    Args:
        saved: the model it belongs to.
        name: of the signature.
        entry: what the manifest says of it.
    """

    def __init__(self, saved: SavedModel, name: str, entry: Entry):
        self.name, self.inputs, self.outputs = name, entry.inputs, entry.outputs
        self._saved, self._program = saved, entry.program
        self._call: Any = None  # the program, or the model where strings go in; made on first use

    def __repr__(self) -> str:
        return f"<SavedSignature {self.name!r}, inputs: {self.inputs}>"

    def __call__(self, **inputs: Any) -> dict[str, jax.Array]:
        """Run it.

        Raises:
            ArgumentError: for inputs of other names.
            ShapeError: for arrays of another shape.
        """
        place = f"{self._saved.path}, signature {self.name!r}"
        if set(inputs) != set(self.inputs):
            raise ArgumentError(
                f"{place}: expected the inputs {', '.join(self.inputs)}, got "
                f"{', '.join(inputs) or 'none'}."
            )
        if self._program is None:
            return self._run_model(inputs)
        arrays = {
            name: _fitted(place, name, inputs[name], spec) for name, spec in self.inputs.items()
        }
        return self._compiled()(self._saved.weights, arrays)

    def _compiled(self) -> Any:
        if self._call is None:
            path = self._saved.manifest.checked(self._saved.path, str(self._program))
            self._call = jax.jit(load_program(path.read_bytes(), str(path)).call)
        return self._call

    def _run_model(self, inputs: Mapping[str, Any]) -> dict[str, jax.Array]:
        """Strings go through the model's own layers, which are all nnlib's."""
        if self._call is None:
            self._call = self._saved.as_model(compile=False)
        model = self._call
        data = next(iter(inputs.values())) if len(inputs) == 1 else dict(inputs)
        out = model.predict(data, verbose=0)
        names = model.name_outputs(out)
        return dict(zip(names, map(jnp.asarray, jax.tree.leaves(out)), strict=True))


def load_saved_model(path: Any) -> SavedModel:
    """Open a folder that `model.save(path)` wrote, to run its signatures."""
    return SavedModel(path)


def _fitted(place: str, name: str, given: Any, spec: ShapeSpec) -> Any:
    """The input as an array of the dtype that is wanted, its shape checked."""
    array = given if isinstance(given, jax.Array) else np.asarray(given)
    fits = array.ndim == spec.ndim and all(
        size in (None, have) for size, have in zip(spec.shape, array.shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{place}: expected {name!r} of shape {spec.shape}, got {tuple(array.shape)}."
        )
    return jnp.asarray(array, spec.dtype)
