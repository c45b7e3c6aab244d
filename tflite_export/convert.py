"""export_tflite: from a function or a model to the content of a .tflite file."""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Sequence
from typing import Any

from .errors import InputSpecError
from .flatbuffer_writer import write_model
from .graph import Graph, Tensor
from .interpreter import runtime_installed
from .limits import check_limits
from .lowering import LOWERINGS, Lowerer
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
    verify: bool | None = None,
) -> Report:
    """Export an inference function, or a model, as a float32 .tflite file.

    Sizes given as None stay free in the file: axis 0 of all inputs is one size `b`, axis 1 another
    one `d1`, and so on; a string in a shape names a size of its own. Functions may use int32 and
    bool values too, and complex ones inside. What differs from JAX when the file runs:

    - an index out of range on one axis is an error instead of clipped, or filled with NaN; a fill
      value of your own is honoured, and so are the modes of `x.at[i].set` and its like;
    - the larger (or smaller) of a number and NaN, and its position, may be those of the number;
      `top_k` of NaN is in no certain order, and takes 0.0 and -0.0 for equal; `sort` puts NaN last
      as JAX does, but takes infinity and the largest float for equal;
    - floats beyond the range of an integer, and NaN, become any integer.

    Args:
        fn_or_model: a pure function of arrays or pytrees of arrays, or an nnlib model (anything
            with `apply`, `variables` and `input_specs`), which is exported with `training=False`.
        specs: one pytree for each positional argument, with leaves that have `.shape` and `.dtype`,
            such as `TensorSpec`; for a model its own input specs by default.
        path: where to write the file; not written if None.
        name: key of the signature.
        verify: compare LiteRT with JAX on random inputs: True for three sizes, False not at all. By
            default one size where ai-edge-litert is installed; most of that time compiles `fn`.

    Returns:
        The report, with the file in `report.content`.

    Raises:
        UnsupportedOpError: the function uses something that no .tflite file can express; the text
            names the primitive and the line.
        InputSpecError: the specs cannot be read.
        ExportMismatchError: LiteRT computes something else than JAX.
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
    traced = trace(fn, specs)
    graph = build_graph(traced)
    content = write_model(graph, [leaf.name for leaf in traced.inputs], traced.output_names, name)
    error: float | None = None
    if verify or (verify is None and runtime_installed()):
        error = verify_content(content, fn, traced, *(() if verify else (_DEFAULT_SIZES,)))
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
    kinds = collections.Counter(op.kind for op in graph.ordered())
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
