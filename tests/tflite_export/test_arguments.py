"""An argument is honoured or refused: what would have no effect is an error, before any work."""

from __future__ import annotations

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from nnlib.tflite_export import (
    Calibration,
    ExportError,
    InputSpecError,
    Interpreter,
    Optimize,
    QuantisationError,
    Quantise,
    TargetSpec,
    TensorSpec,
    TFLiteConverter,
    debug_quantisation,
    export_tflite,
    load_delegate,
)
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

SPEC = TensorSpec((None, 4))


def untouched(x: jax.Array) -> jax.Array:
    raise AssertionError("traced")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": 3}, "keys that are texts, got [3]"),
        ({"name": ""}, "keys that are texts, got ['']"),
        ({"signatures": {3: (untouched, SPEC)}}, "keys that are texts"),
        ({"signatures": [untouched]}, "a dict of functions by key"),
        ({"verify": "no"}, "verify=True, False or None, got 'no'"),
        ({"target": "phone"}, "target='litert' or 'micro', got 'phone'"),
        ({"rnn": "loop"}, "rnn='while', rnn='unroll' or rnn='fused', got 'loop'"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputSpecError, match=re.escape(words)):
        export_tflite(untouched, SPEC, **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"name": "other"}, "got name='other'"), ({"specs": SPEC}, "got specs")],
)
def test_what_belongs_to_a_function_needs_it(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputSpecError, match=re.escape(words)):
        export_tflite(signatures={"a": (untouched, SPEC)}, **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"quantize": "INT8"}, "got 'INT8'"),
        ({"quantize": "int8", "io_dtype": ("int8",)}, "one for inputs and one for outputs"),
        ({"quantize": "int8", "io_dtype": ("int8",) * 3}, "one for inputs and one for outputs"),
        ({"quantize": "int8", "io_dtype": "int16"}, "float32 or int8 or uint8"),
        ({"quantize": "dynamic", "io_dtype": "int8"}, "float32 for quantize='dynamic'"),
        ({"io_dtype": ("float32", "int8")}, "float32 for quantize=None, got 'int8'"),
        ({"representative": [np.ones((1, 4))]}, "quantize=... with it"),
    ],
)
def test_quantisations_that_do_not_go_together(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(QuantisationError, match=re.escape(words)):
        export_tflite(untouched, SPEC, **arguments)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Calibration("minmax", 99.0), "a percentile with method='percentile' alone"),
        (lambda: Calibration("percentile", "99"), "above 50 and up to 100, got '99'"),  # type: ignore[arg-type]
        (lambda: Quantise("dynamic", calibration=Calibration("mse")), "got mode 'dynamic'"),
        (lambda: Quantise("int8", calibration="mse"), "a Calibration, got 'mse'"),  # type: ignore[arg-type]
        (lambda: Quantise("int8", keep_float=[3]), "a sequence of patterns, got [3]"),  # type: ignore[list-item]
        (lambda: debug_quantisation(untouched, SPEC, representative=[], proposals=-1), "got -1"),
    ],
)
def test_exceptions_that_nothing_would_read(make: Any, words: str) -> None:
    with pytest.raises(QuantisationError, match=re.escape(words)):
        make()


def test_a_path_is_no_spec() -> None:
    with pytest.raises(InputSpecError, match=r"got 'm.tflite'. Write path='m.tflite'"):
        export_tflite(untouched, "m.tflite")


def test_a_module_without_its_weights_says_how() -> None:
    module = linen.Dense(3)
    variables = module.init(jax.random.key(0), jnp.ones((1, 4)))
    with pytest.raises(InputSpecError, match=r"lambda x: module.apply\(variables, x\)"):
        export_tflite(module, SPEC)
    report = export_tflite(lambda x: module.apply(variables, x), SPEC, verify=False)
    assert report.ops == {"FULLY_CONNECTED": 1}


def test_errors_of_the_function_tell_what_it_was_called_on() -> None:
    with pytest.raises(AttributeError) as caught:
        export_tflite(lambda x: x.ndim, [SPEC])
    assert "called the function on ([ShapeDtypeStruct(shape=(b, 4)" in caught.value.__notes__[-1]


def test_integers_of_python_are_control_flow() -> None:
    with pytest.raises(InputSpecError, match=r"TracerIntegerConversionError: .* Use jnp.where"):
        export_tflite(lambda x: ["a", "b"][x], TensorSpec((), np.int32))


def test_a_report_is_no_path() -> None:
    report = export_tflite(jnp.tanh, SPEC, verify=False)
    with pytest.raises(ExportError, match=r"pass model_content=report.content"):
        Interpreter(report)  # type: ignore[arg-type]


def test_texts_are_no_samples() -> None:
    with pytest.raises(QuantisationError, match="representative"):
        export_tflite(jnp.tanh, SPEC, quantize="int8", representative="data")


def test_floats_at_both_ends_may_be_said() -> None:
    converter = TFLiteConverter.from_function(jnp.tanh, SPEC)
    converter.inference_input_type = converter.inference_output_type = np.float32
    assert converter.convert()


def test_misspelt_attributes_are_errors() -> None:
    converter = TFLiteConverter.from_function(untouched, SPEC)
    with pytest.raises(AttributeError, match="optimisations"):
        converter.optimisations = [Optimize.DEFAULT]  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="supported_type"):
        converter.target_spec.supported_type = [np.float16]  # type: ignore[attr-defined]
    assert TargetSpec() == converter.target_spec
    converter.optimizations = Optimize.DEFAULT  # type: ignore[assignment]
    with pytest.raises(QuantisationError, match="a list of members of Optimize"):
        converter.convert()


def test_switches_of_other_converters_change_nothing() -> None:
    converter = TFLiteConverter.from_function(jnp.tanh, SPEC)
    plain = converter.convert()
    converter.allow_custom_ops = converter.experimental_new_converter = True
    converter.experimental_new_quantizer = True
    converter._experimental_lower_tensor_list_ops = False
    assert converter.convert() == plain


def test_a_library_that_is_no_delegate() -> None:
    with pytest.raises(ExportError, match="tflite_plugin_create_delegate"):
        load_delegate(_multiarray_umath.__file__)
