"""Running .tflite files: LiteRT's interpreter behind the name that TensorFlow users know."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
from typing import Any

from .errors import ExportError, MissingRuntimeError

_RUNTIME = "ai_edge_litert"


def runtime_installed() -> bool:
    """Whether `ai-edge-litert` can be imported."""
    return importlib.util.find_spec(_RUNTIME) is not None


def _runtime() -> Any:
    try:
        return importlib.import_module(f"{_RUNTIME}.interpreter")
    except ImportError as error:
        raise MissingRuntimeError(
            "nnlib.tflite_export",
            "the package ai-edge-litert, which runs .tflite files",
            str(error),
            "Install it with: pip install 'nnlib[tflite]'",
        ) from error


def without_delegates() -> dict[str, Any]:
    """Options for an `Interpreter` that runs op by op and keeps every tensor."""
    resolver = _runtime().OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return {"experimental_op_resolver_type": resolver, "experimental_preserve_all_tensors": True}


def reference_kernels() -> dict[str, Any]:
    """Options for an `Interpreter` of plain kernels, which round as TensorFlow Lite Micro does."""
    return {"experimental_op_resolver_type": _runtime().OpResolverType.BUILTIN_REF}


def load_delegate(library: str, options: dict[str, Any] | None = None) -> Any:
    """Load a delegate, a library that runs parts of a model on other hardware.

    Args:
        library: file name of the shared library.
        options: options of the delegate.

    Returns:
        The delegate, for `Interpreter(experimental_delegates=[...])`.

    Raises:
        ExportError: the library is missing or refuses to load.
        MissingRuntimeError: `ai-edge-litert` is not installed.

    Example:
        >>> try:
        ...     load_delegate("libmissing.so")
        ... except ExportError as error:
        ...     print(error.expected)
        a delegate library that loads
    """
    runtime = _runtime()
    try:
        # LiteRT's own object for a library that fails cannot be deleted.
        ctypes.CDLL(library).tflite_plugin_create_delegate  # noqa: B018
        return runtime.load_delegate(library, options)
    except (OSError, ValueError, AttributeError) as error:
        raise ExportError(
            library,
            "a delegate library that loads",
            f"{type(error).__name__}: {error}",
            "Pass the path of a library built for this machine, or leave the delegate out: "
            "XNNPACK runs on the CPU by default.",
        ) from error


class Interpreter:
    """Runs a .tflite file; every method of LiteRT's interpreter is here under its name.

    Args:
        model_path: path of a file.
        model_content: content of a file, instead of the path.
        num_threads: CPU threads; LiteRT's default if None.
        experimental_delegates: delegates from `load_delegate`.
        **options: passed on to `ai_edge_litert.interpreter.Interpreter`.

    Raises:
        MissingRuntimeError: `ai-edge-litert` is not installed.
        ExportError: not exactly one of path and content is given, or the path does not exist.

    Example:
        >>> import jax.numpy as jnp
        >>> from nnlib.tflite_export import TensorSpec, export_tflite
        >>> report = export_tflite(jnp.tanh, TensorSpec((None, 2)))
        >>> runner = Interpreter(model_content=report.content)
        >>> runner.allocate_tensors()
        >>> [int(size) for size in runner.get_input_details()[0]["shape_signature"]]
        [-1, 2]
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str] | None = None,
        model_content: bytes | None = None,
        num_threads: int | None = None,
        experimental_delegates: list[Any] | None = None,
        **options: Any,
    ) -> None:
        if (model_path is None) == (model_content is None):
            raise ExportError(
                "Interpreter",
                "either model_path or model_content",
                "both" if model_path is not None else "neither",
                "Pass Interpreter(model_path='model.tflite').",
            )
        path = model_path if isinstance(model_path, str | os.PathLike) else None
        if model_path is not None and (path is None or not os.path.isfile(path)):
            raise ExportError(
                "Interpreter",
                "the path of a .tflite file",
                f"{str(model_path)[:80]!r}, which is none",
                "Write it first with report.save(path), or pass model_content=report.content.",
            )
        self._litert = _runtime().Interpreter(
            model_path=None if model_path is None else os.fspath(model_path),
            model_content=model_content,
            num_threads=num_threads,
            experimental_delegates=experimental_delegates,
            **options,
        )

    def __getattr__(self, name: str) -> Any:
        # Reached for names that this class lacks; `_litert` itself only if __init__ failed.
        if name == "_litert":
            raise AttributeError(name)
        return getattr(self._litert, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._litert)})
