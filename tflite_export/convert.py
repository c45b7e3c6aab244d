"""export_tflite: from a function or a model to the content of a .tflite file."""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Sequence
from typing import Any

from .errors import InputSpecError, QuantisationError
from .flatbuffer_writer import Signature, write_model
from .graph import Graph, Origin, Tensor
from .interpreter import runtime_installed
from .limits import check_limits
from .lowering import LOWERINGS, Lowerer
from .quantise import Quantise, QuantisationReport, as_quantise, measure, quantise, unmeasured
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
    quantize: str | Quantise | None = None,
    representative: Any = None,
    io_dtype: Any = None,
    name: str = "serving_default",
    verify: bool | None = None,
) -> Report:
    """Export an inference function, or a model, as a .tflite file.

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
        quantize: None for float32, "float16" for half the size, "dynamic" for int8 weights around
            float arithmetic, "int8" or "int16x8" for integers throughout; or a `Quantise`.
        representative: data to find the ranges of all values with, for "int8" and "int16x8": an
            iterable of batches (or a function that returns one), each an array, a sequence of
            arrays or a dict by input name. Verification uses it in every mode.
        io_dtype: what float inputs and outputs are in an integer file: "float32" by default,
            "int8" or "uint8", and "int16" for "int16x8"; a tuple has one for inputs and one for
            outputs.
        name: key of the signature.
        verify: compare LiteRT with JAX on random inputs: True for three sizes, False not at all. By
            default one size where ai-edge-litert is installed; most of that time compiles `fn`.

    Returns:
        The report, with the file in `report.content`.

    Raises:
        UnsupportedOpError: the function uses something that no .tflite file can express; the text
            names the primitive and the line.
        InputSpecError: the specs cannot be read.
        ExportMismatchError: LiteRT computes something else than JAX; for a quantised file, an
            output is lost in noise.
        QuantisationError: `quantize`, `representative` and `io_dtype` do not go together.
        MissingRuntimeError: `verify=True` without ai-edge-litert.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> w = jnp.ones((4, 3))
        >>> report = export_tflite(lambda x: jax.nn.softmax(x @ w), TensorSpec((None, 4)))
        >>> report.ops
        {'FULLY_CONNECTED': 1, 'SOFTMAX': 1}

    Source: `nnlib.tflite_export` documentation; the TFL3 schema.
    """
    fn, specs = function_of(fn_or_model, specs)
    options = as_quantise(quantize)
    _check_quantisation(options, representative, io_dtype)
    traced = trace(fn, specs)
    graph = build_graph(traced)
    quantised = options and quantise(graph, traced, options, representative, io_dtype)
    final = quantised.graph if quantised else graph
    names = [leaf.name for leaf in traced.inputs]
    content = write_model([Signature(name, final, names, traced.output_names)])
    error, quality = None, quantised and unmeasured(quantised)
    if verify or (verify is None and runtime_installed()):
        if quantised:
            error, quality = measure(content, fn, traced, graph, quantised)
        else:
            error = verify_content(content, fn, traced, *(() if verify else (_DEFAULT_SIZES,)))
    report = _report(final, traced, content, error, quality)
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
    for number, tensor in enumerate(inputs):
        tensor.origin = Origin((), number)
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


def function_of(fn_or_model: Any, specs: Any) -> tuple[Callable[..., Any], Any]:
    """The function that is exported, and the specs of its arguments."""
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


def _check_quantisation(options: Quantise | None, representative: Any, io_dtype: Any) -> None:
    for name, given in (("representative", representative), ("io_dtype", io_dtype)):
        if options is None and given is not None:
            raise QuantisationError(
                name, "quantize=... with it", "quantize=None", "Write quantize='int8'."
            )


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


def _report(
    graph: Graph,
    traced: Traced,
    content: bytes,
    error: float | None,
    quality: QuantisationReport | None,
) -> Report:
    kinds = collections.Counter(op.kind for part in graph.all_graphs() for op in part.ordered())
    names = [leaf.name for leaf in traced.inputs]
    return Report(
        content=content,
        bytes=len(content),
        ops=dict(sorted(kinds.items())),
        max_error=error,
        inputs=_details(names, graph.inputs),
        outputs=_details(traced.output_names, graph.outputs),
        quantisation=quality,
    )


def _details(names: Sequence[str], tensors: Sequence[Tensor]) -> tuple[TensorDetail, ...]:
    return tuple(
        TensorDetail(
            name, tuple(dim if is_static(dim) else None for dim in tensor.shape), tensor.dtype.name
        )
        for name, tensor in zip(names, tensors, strict=True)
    )
