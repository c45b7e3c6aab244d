"""The functions of a file: from what `export_tflite` is given to traced functions with keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax

from .errors import InputSpecError, UnsupportedOpError
from .trace import Traced, trace

SERVING = "serving_default"  # the key that tools expect where there is one function


@dataclass(frozen=True)
class Function:
    """A function that the file will hold under a key."""

    key: str
    call: Callable[..., Any]
    traced: Traced

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, in order."""
        return [leaf.name for leaf in self.traced.inputs]


def read_functions(
    fn_or_model: Any,
    specs: Any,
    name: str,
    signatures: Mapping[str, Any] | None,
    adapt: Callable[[Any], Any] | None = None,
) -> list[Function]:
    """Trace everything that a file shall hold.

    Args:
        fn_or_model: a function or a model under the key `name`; may be None with `signatures`.
        specs: its specs.
        name: its key.
        signatures: by key, further models or pairs of a function and its specs.
        adapt: what makes of specs those to trace with.

    Returns:
        The traced functions, that of `fn_or_model` first.

    Raises:
        InputSpecError: there is no function, two under one key, a name or specs without their
            function, or specs that cannot be read.
        UnsupportedOpError: a model changes its state, which a file cannot keep.
    """
    if not isinstance(signatures, Mapping | None):
        raise _refused("a dict of functions by key", repr(signatures)[:80], "Write {'key': fn}.")
    alone = fn_or_model is None and bool(signatures)
    if alone and (specs is not None or name != SERVING):
        got = f"name={name!r}" if specs is None else "specs"
        raise _refused("a function to go with it", got, "Write {'key': (function, specs)}.")
    given = [] if alone else [(name, fn_or_model, specs)]
    for key, value in (signatures or {}).items():
        pair = isinstance(value, tuple) and len(value) == 2
        given.append((key, *value) if pair else (key, value, None))
    keys = [key for key, _, _ in given]
    if len(set(keys)) < len(keys):
        raise _refused(
            "another key for each function",
            f"{keys}",
            "Pass name='...' for the function that is given first.",
        )
    if not all(isinstance(key, str) and key for key in keys):
        raise _refused("keys that are texts", f"{keys}", "Write {'classify': model}.")
    return [_traced(key, fn_or_model, specs, adapt) for key, fn_or_model, specs in given]


def _refused(expected: str, got: str, remedy: str) -> InputSpecError:
    return InputSpecError("export_tflite(signatures=...)", expected, got, remedy)


def _traced(key: str, fn_or_model: Any, specs: Any, adapt: Callable[[Any], Any] | None) -> Function:
    call, specs = _function_of(fn_or_model, specs)
    return Function(key, call, trace(call, specs if adapt is None else adapt(specs)))


def _function_of(fn_or_model: Any, specs: Any) -> tuple[Callable[..., Any], Any]:
    kind = type(fn_or_model)
    if all(hasattr(kind, part) for part in ("apply", "init")) and not hasattr(kind, "input_specs"):
        raise InputSpecError(
            f"export_tflite({kind.__name__})",
            "a function that has its weights",
            "a module that keeps them apart",
            "Pass lambda x: module.apply(variables, x) with the specs of x.",
        )
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
        outputs, after = model.apply(params, state, *inputs, training=False)
        _check_stateless(model, after)
        return outputs

    infer.__name__ = str(getattr(model, "name", None) or type(model).__name__)
    return infer


def _check_stateless(model: Any, state: Any) -> None:
    """Refuse a model that hands its state on from call to call: the file would begin anew."""
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    changed = [jax.tree_util.keystr(path) for path, leaf in leaves if _is_traced(leaf)]
    if changed:
        raise UnsupportedOpError(
            f"model {getattr(model, 'name', None) or type(model).__name__!r}",
            "a model whose state stays as it is in inference",
            f"new values of {', '.join(changed)}",
            "Build it with stateful=False, and make states inputs and outputs: pass "
            "initial_state=... and return_state=True.",
        )


def _is_traced(leaf: Any) -> bool:
    return isinstance(leaf, jax.core.Tracer)
