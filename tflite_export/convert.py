"""export_tflite: from a function or a model to the content of a .tflite file."""

from __future__ import annotations

import collections
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .associated_files import archive_of
from .errors import InputSpecError, QuantisationError
from .file_content import FileContent, check_path, saved_after
from .flatbuffer_writer import write_model
from .functions import SERVING, Function, read_functions
from .graph import Graph, Origin, Tensor
from .interpreter import runtime_installed
from .limits import check_limits
from .lowering import LOWERINGS, Lowerer
from .lowering.carried import delivered
from .metadata import Ends, Metadata
from .metadata_flatbuffer import metadata_parts
from .micro import check_micro, micro_installed, static_specs, verify_micro
from .micro_forms import rewrite_for_micro
from .outputs import separate_outputs
from .quantise import QuantisationReport, Quantise, as_quantise, assess, quantise_all
from .quantise.pipeline import stored_dtypes
from .report import Report, SignatureDetail, TensorDetail
from .rewrites import fuse_lstms, legalise_graph, optimise
from .rnn_forms import checked_rnn
from .subgraphs import Signature
from .symbolic import Shape, is_static
from .trace import Traced
from .verify import SIZES
from .verify import verify as verify_content

_DEFAULT_SIZES = (3,)  # one run by default; verify=True runs several sizes


def export_tflite(
    fn_or_model: Any = None,
    specs: Any = None,
    path: str | os.PathLike[str] | None = None,
    *,
    quantize: str | Quantise | None = None,
    representative: Any = None,
    io_dtype: Any = None,
    rnn: str = "while",
    signatures: Mapping[str, Any] | None = None,
    name: str = SERVING,
    metadata: Metadata | Mapping[str, Metadata] | None = None,
    target: str = "litert",
    verify: bool | None = None,
) -> Report:
    """Export an inference function, or a model, as a .tflite file.

    Sizes given as None stay free in the file: axis 0 of all inputs is one size `b`, axis 1 another
    one `d1`, and so on; a string in a shape names a size of its own. Functions may use int32 and
    bool values too, and complex ones inside. What differs from JAX when the file runs:

    - an index out of range is an error instead of clipped in embeddings (rows of a constant table,
      clipped) and on one axis where the mode promises that there is none (as `x[i]` does); else
      `jnp.take` and `x.at[i]` clip, fill and drop as asked;
    - float16 and bfloat16 values are rounded where they are made of float32, and computed with in
      float32;
    - `exp` of NaN may be 0, which XNNPACK gives;
    - the larger (or smaller) of a number and NaN, and its position, may be those of the number;
      `top_k` of NaN is in no certain order, and takes 0.0 and -0.0 for equal; `sort` puts NaN last
      as JAX does, but takes infinity and the largest float for equal;
    - floats beyond the range of an integer, and NaN, become any integer;
    - logarithms near 0 (of numbers near 1, and so `log1p`, `asinh` and `atanh` of small ones) are
      right to 1e-7 absolutely, not relatively;
    - XNNPACK's sine and cosine are right up to angles of 1e5, lose a digit with each further one
      and mean nothing beyond 1e8; its square roots (beyond 8e37) and logarithms (beyond 1.6e38)
      are wrong next to the largest floats.

    Args:
        fn_or_model: a pure function of arrays or pytrees of arrays, or an nnlib model (anything
            with `apply`, `variables` and `input_specs`), which is exported with `training=False`.
        specs: one pytree for each positional argument, with leaves that have `.shape` and `.dtype`,
            such as `TensorSpec`; for a model its own input specs by default.
        path: where to write the file; not written if None. Missing folders are created; a file
            that is there already stays whole until the new one is checked.
        quantize: None for float32, "float16" for half the size, "dynamic" for int8 weights around
            float arithmetic, "int8" or "int16x8" for integers throughout; or a `Quantise`.
        representative: data to find the ranges of all values with, for "int8" and "int16x8": an
            iterable of batches (or a function that returns one), each an array, a sequence of
            arrays or a dict by input name; with several signatures, a dict with one such for each
            key. Verification uses it in every mode.
        io_dtype: what float inputs and outputs are in an integer file: "float32" by default,
            "int8" or "uint8", and "int16" for "int16x8"; a tuple has one for inputs and one for
            outputs.
        rnn: what becomes of scans, and so of recurrent layers: "while" for a loop over any number
            of steps, "unroll" for steps written out, of a number that is known and at most 10,000
            (a while_loop whose number of rounds is not known stays a loop), "fused" for LSTM
            operators, which go on from the last state at the next call until
            `reset_all_variables()`, for one known batch size.
        signatures: further functions of the file by their keys, each a model or a pair
            `(function, specs)`; weights that are equal are stored once. `fn_or_model` may then be
            left out.
        name: key of the signature of `fn_or_model`.
        metadata: labels, normalisation and a description to store in the file, of the first
            signature; or a dict with one such for each key.
        target: "micro" for TensorFlow Lite Micro: a batch of None becomes 1, other sizes must be
            numbers, and only its operators may be used. With the package tflite-micro installed
            the file is run in it too, unless `verify=False`.
        verify: compare LiteRT with JAX on random inputs: True for three sizes, False not at all. By
            default one size where ai-edge-litert is installed; most of that time compiles `fn`.
            A quantised file is compared on `representative`, where that is given.

    Returns:
        The report, with the file in `report.content`.

    Raises:
        UnsupportedOpError: the function uses something that no .tflite file can express; the text
            names the primitive and the line.
        InputSpecError: the specs cannot be read, or `path` is that of a folder.
        ExportMismatchError: LiteRT computes something else than JAX; for a quantised file, an
            output is lost in noise.
        QuantisationError: `quantize`, `representative` and `io_dtype` do not go together.
        MetadataError: labels or normalisation do not fit the outputs or inputs.
        MissingRuntimeError: `verify=True` without ai-edge-litert.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> w = jnp.ones((4, 3))
        >>> report = export_tflite(lambda x: jax.nn.softmax(x @ w), TensorSpec((None, 4)))
        >>> report.ops
        {'FULLY_CONNECTED': 1, 'SOFTMAX': 1}

    Source: `nnlib.tflite_export` documentation; the TFL3 schema.
    """
    check_path(path)
    form, options = checked_rnn(rnn), as_quantise(quantize)
    _check_flags(options, representative, io_dtype, verify)
    micro = _is_micro(target)
    functions = read_functions(
        fn_or_model, specs, name, signatures, static_specs if micro else None
    )
    graphs = [build_graph(function.traced, form) for function in functions]
    if micro:
        for graph in graphs:
            rewrite_for_micro(graph, options is not None and options.is_integer)
    quantised = (
        None
        if options is None
        else quantise_all(functions, graphs, options, representative, io_dtype)
    )
    final = graphs if quantised is None else [q.graph for q in quantised]
    if micro:
        check_micro(final)
    written = [
        Signature(function.key, graph, function.input_names, function.traced.output_names)
        for function, graph in zip(functions, final, strict=True)
    ]
    file = _write(written, metadata)
    sizes = SIZES if verify else _DEFAULT_SIZES
    wanted = verify or (verify is None and runtime_installed())
    quality: QuantisationReport | None = None
    with saved_after(file, path) as checked:
        if quantised is not None:
            error, quality = assess(functions, graphs, quantised, run=bool(wanted))
        else:
            error = _largest_error(checked, functions, sizes) if wanted else None
        if micro and verify is not False and micro_installed():
            verify_micro(file.joined)
    return _report(written, file, error, quality)


def build_graph(traced: Traced, rnn: str = "while") -> Graph:
    """Lower, rewrite and legalise a traced function.

    Args:
        traced: the function's jaxpr with the names of its inputs and outputs.
        rnn: what becomes of scans, "while", "unroll" or "fused".

    Returns:
        A graph of TFLite operators only.
    """
    graph = Graph()
    inputs = [graph.add_input(leaf.name, leaf.shape, leaf.dtype) for leaf in traced.inputs]
    for number, tensor in enumerate(inputs):
        tensor.origin = Origin((), number)
    lowerer = Lowerer(graph, rnn)
    closed = traced.jaxpr
    results = lowerer.run(closed.jaxpr, closed.consts, inputs)
    avals = [var.aval for var in closed.jaxpr.outvars]
    graph.outputs = [
        delivered(lowerer, lowerer.full(_present(t), aval.shape), aval, name)
        for t, aval, name in zip(results, avals, traced.output_names, strict=True)
    ]
    optimise(graph)
    if rnn == "fused":
        fuse_lstms(graph)
        optimise(graph)
    separate_outputs(graph)
    legalise_graph(graph)
    check_limits(graph)
    for name, output in zip(traced.output_names, graph.outputs, strict=True):
        output.name = name
    return graph


def supported_primitives() -> tuple[str, ...]:
    """Names of the JAX primitives that export.

    Returns:
        The names in alphabetical order.

    Example:
        >>> "dot_general" in supported_primitives(), "cholesky" in supported_primitives()
        (True, False)
    """
    return tuple(sorted(LOWERINGS))


def _check_flags(options: Quantise | None, representative: Any, io_dtype: Any, verify: Any) -> None:
    stored_dtypes(None if options is None else options.mode, io_dtype)
    if options is None and representative is not None:
        raise QuantisationError(
            "representative", "quantize=... with it", "quantize=None", "Write quantize='int8'."
        )
    if verify not in (None, True, False):
        raise InputSpecError(
            "export_tflite", "verify=True, False or None", repr(verify), "Leave it out for a check."
        )


def _is_micro(target: str) -> bool:
    if target not in ("litert", "micro"):
        raise InputSpecError(
            "export_tflite",
            "target='litert' or 'micro'",
            repr(target),
            "Leave it out for phones and computers.",
        )
    return target == "micro"


def _write(
    signatures: Sequence[Signature], metadata: Metadata | Mapping[str, Metadata] | None
) -> FileContent:
    ends = [
        Ends(
            one.key,
            _shapes(one.input_names, one.graph.inputs),
            _shapes(one.output_names, one.graph.outputs),
        )
        for one in signatures
    ]
    entries, files = metadata_parts(metadata, ends)
    file = write_model(signatures, metadata=entries)
    return FileContent([*file.parts, archive_of(files)]) if files else file


def _shapes(names: Sequence[str], tensors: Sequence[Tensor]) -> list[tuple[str, Shape]]:
    return [(name, tensor.shape) for name, tensor in zip(names, tensors, strict=True)]


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor


def _largest_error(
    file: FileContent | Path, functions: Sequence[Function], sizes: Sequence[int]
) -> float:
    several = len(functions) > 1
    content = file if isinstance(file, Path) else file.joined
    return max(
        verify_content(content, f.call, f.traced, sizes, key=f.key if several else None)
        for f in functions
    )


def _report(
    signatures: Sequence[Signature],
    file: FileContent,
    error: float | None,
    quality: QuantisationReport | None,
) -> Report:
    parts = [part for signature in signatures for part in signature.graph.all_graphs()]
    kinds = collections.Counter(op.kind for part in parts for op in part.ordered())
    details = [
        SignatureDetail(
            signature.key,
            _details(signature.input_names, signature.graph.inputs),
            _details(signature.output_names, signature.graph.outputs),
        )
        for signature in signatures
    ]
    return Report(file, file.size, dict(sorted(kinds.items())), error, tuple(details), quality)


def _details(names: Sequence[str], tensors: Sequence[Tensor]) -> tuple[TensorDetail, ...]:
    return tuple(
        TensorDetail(
            name, tuple(dim if is_static(dim) else None for dim in tensor.shape), tensor.dtype.name
        )
        for name, tensor in zip(names, tensors, strict=True)
    )
