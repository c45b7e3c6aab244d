"""export_tflite: from a function or a model to the content of a .tflite file."""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Sequence
from typing import Any

from .associated_files import append_files
from .errors import InputSpecError
from .flatbuffer_writer import Signature, write_model
from .graph import Graph, Tensor
from .interpreter import runtime_installed
from .limits import check_limits
from .lowering import LOWERINGS, Lowerer
from .metadata import Metadata
from .metadata_flatbuffer import metadata_parts
from .micro import check_micro, micro_installed, static_specs, verify_micro
from .report import Report, TensorDetail
from .rewrites import legalise_graph, optimise
from .symbolic import is_static
from .trace import Traced, trace
from .verify import verify as verify_content

_DEFAULT_SIZES = (3,)  # one run by default; verify=True runs several sizes


def export_tflite(
    fn_or_model: Any,
    specs: Any = None,
    path: str | os.PathLike[str] | None = None,
    *,
    name: str = "serving_default",
    metadata: Metadata | None = None,
    target: str = "litert",
    verify: bool | None = None,
) -> Report:
    """Export an inference function, or a model, as a float32 .tflite file.

    Sizes given as None stay free in the file: axis 0 of all inputs is one size `b`, axis 1 another
    one `d1`, and so on; a string in a shape names a size of its own. Functions may use int32 and
    bool values too. Two things differ from JAX when the file runs: an index out of range is an
    error instead of clipped, and the larger (or smaller) of a number and NaN may be the number.

    Args:
        fn_or_model: a pure function of arrays or pytrees of arrays, or an nnlib model (anything
            with `apply`, `variables` and `input_specs`), which is exported with `training=False`.
        specs: one pytree for each positional argument, with leaves that have `.shape` and `.dtype`,
            such as `TensorSpec`; for a model its own input specs by default.
        path: where to write the file; not written if None.
        name: key of the signature.
        metadata: labels, normalisation and a description to store in the file.
        target: "micro" for TensorFlow Lite Micro: a batch of None becomes 1, other sizes must be
            numbers, and only its operators may be used. With the package tflite-micro installed
            the file is run in it too, unless `verify=False`.
        verify: compare LiteRT with JAX on random inputs: True for three sizes, False not at all. By
            default one size where ai-edge-litert is installed; most of that time compiles `fn`.

    Returns:
        The report, with the file in `report.content`.

    Raises:
        UnsupportedOpError: the function uses something that no .tflite file can express; the text
            names the primitive and the line.
        InputSpecError: the specs cannot be read.
        ExportMismatchError: LiteRT computes something else than JAX.
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
    fn, specs = _function_of(fn_or_model, specs)
    micro = _is_micro(target)
    traced = trace(fn, static_specs(specs) if micro else specs)
    graph = build_graph(traced)
    if micro:
        check_micro(graph)
    names = [leaf.name for leaf in traced.inputs]
    content = _write([Signature(name, graph, names, traced.output_names)], metadata)
    error: float | None = None
    if verify or (verify is None and runtime_installed()):
        error = verify_content(content, fn, traced, *(() if verify else (_DEFAULT_SIZES,)))
    if micro and verify is not False and micro_installed():
        verify_micro(content)
    report = _report(graph, traced, content, error)
    if path is not None:
        report.save(path)
    return report


def build_graph(traced: Traced) -> Graph:
    """Lower, rewrite and legalise a traced function.

    Args:
        traced: the function's jaxpr with the names of its inputs and outputs.

    Returns:
        A graph of TFLite operators only.
    """
    graph = Graph()
    inputs = [graph.add_input(leaf.name, leaf.shape, leaf.dtype) for leaf in traced.inputs]
    lowerer = Lowerer(graph)
    closed = traced.jaxpr
    results = lowerer.run(closed.jaxpr, closed.consts, inputs)
    shapes = [var.aval.shape for var in closed.jaxpr.outvars]
    graph.outputs = [
        lowerer.full(_present(t), shape) for t, shape in zip(results, shapes, strict=True)
    ]
    optimise(graph)
    graph.outputs = _separate_outputs(graph)
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
        >>> "dot_general" in supported_primitives(), "scan" in supported_primitives()
        (True, False)
    """
    return tuple(sorted(LOWERINGS))


def _function_of(fn_or_model: Any, specs: Any) -> tuple[Callable[..., Any], Any]:
    if all(hasattr(fn_or_model, part) for part in ("apply", "variables", "input_specs")):
        return _inference_function(fn_or_model), fn_or_model.input_specs if specs is None else specs
    if not callable(fn_or_model):
        raise InputSpecError(
            "export_tflite",
            "a function, or a model with .apply, .variables and .input_specs",
            repr(type(fn_or_model).__name__),
            "Pass lambda x: ... with the specs of its arguments.",
        )
    if specs is None:
        raise InputSpecError(
            getattr(fn_or_model, "__name__", "function"),
            "specs of the function's arguments",
            "None",
            "Pass export_tflite(fn, (TensorSpec((None, 784)),)).",
        )
    return fn_or_model, specs


def _inference_function(model: Any) -> Callable[..., Any]:
    params, state = model.variables

    def infer(*inputs: Any) -> Any:
        return model.apply(params, state, *inputs, training=False)[0]

    infer.__name__ = str(getattr(model, "name", None) or type(model).__name__)
    return infer


def _is_micro(target: str) -> bool:
    if target not in ("litert", "micro"):
        raise InputSpecError(
            "export_tflite",
            "target='litert' or 'micro'",
            repr(target),
            "Leave it out for phones and computers.",
        )
    return target == "micro"


def _write(signatures: Sequence[Signature], metadata: Metadata | None) -> bytes:
    """The file; its metadata describe the first signature."""
    first = signatures[0]
    named = (
        [(name, t.shape) for name, t in zip(names, tensors, strict=True)]
        for names, tensors in (
            (first.input_names, first.graph.inputs),
            (first.output_names, first.graph.outputs),
        )
    )
    entries, files = metadata_parts(metadata, *named)
    content = write_model(signatures, metadata=entries)
    return append_files(content, files) if files else content


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor


def _separate_outputs(graph: Graph) -> list[Tensor]:
    """Outputs with a tensor of their own each: no input, no constant, no tensor twice."""
    taken: set[Tensor] = set()
    outputs = []
    for tensor in graph.outputs:
        shared = tensor.producer is None or tensor in taken
        output = graph.add("RESHAPE", [tensor], tensor.shape) if shared else tensor
        taken.add(output)
        outputs.append(output)
    return outputs


def _report(graph: Graph, traced: Traced, content: bytes, error: float | None) -> Report:
    kinds = collections.Counter(op.kind for part in graph.all_graphs() for op in part.ordered())
    names = [leaf.name for leaf in traced.inputs]
    return Report(
        content=content,
        bytes=len(content),
        ops=dict(sorted(kinds.items())),
        max_error=error,
        inputs=_details(names, graph.inputs),
        outputs=_details(traced.output_names, graph.outputs),
    )


def _details(names: Sequence[str], tensors: Sequence[Tensor]) -> tuple[TensorDetail, ...]:
    return tuple(
        TensorDetail(
            name, tuple(dim if is_static(dim) else None for dim in tensor.shape), tensor.dtype.name
        )
        for name, tensor in zip(names, tensors, strict=True)
    )
