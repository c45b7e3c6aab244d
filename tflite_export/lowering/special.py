"""Mathematical functions without a kernel, from kernels that exist."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Tensor
from .elementwise import check_dtype
from .formula import Formula
from .lowerer import Lowerer
from .registry import lowers


def _asin(x: Formula) -> Formula:
    return x.atan2(((1.0 - x) * (1.0 + x))("SQRT"))


def _acos(x: Formula) -> Formula:
    return ((1.0 - x) * (1.0 + x))("SQRT").atan2(x)


def _asinh(x: Formula) -> Formula:
    """log(|x| + sqrt(x^2 + 1)) with the sign of x, written so that small x keep their digits."""
    size = x("ABS")
    inside = size.at_most(1e9)  # beyond, the square overflows; there asinh(x) is log(2 x)
    near = (inside + inside * (inside / (1.0 + (inside * inside + 1.0)("SQRT"))))("log1p")
    far = size("LOG") + math.log(2.0)
    return x("SIGN") * (size > 1e9).where(far, near, size)


def _acosh(x: Formula) -> Formula:
    """log(x + sqrt(x^2 - 1)) in terms of x - 1; NaN below 1 from the root."""
    above = x.at_most(1e9) - 1.0  # beyond, acosh(x) is log(2 x)
    near = (above + above("SQRT") * (above + 2.0)("SQRT"))("log1p")
    return (x > 1e9).where(x("LOG") + math.log(2.0), near, x)


def _atanh(x: Formula) -> Formula:
    return (x("log1p") - (-x)("log1p")) * 0.5


def _cbrt(x: Formula) -> Formula:
    third = Formula(x.lowerer, x.lowerer.graph.constant(np.float32(1 / 3)))
    return x("SIGN") * x("ABS")._binary("POW", x("ABS"), third)


# Giles' polynomials for the central part and the tails, in w = -log(1 - x^2).
_CENTRE = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)
_TAIL = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
)


def _erf_inv(x: Formula) -> Formula:
    """The inverse error function; +-1 give infinities.

    Source: Giles, Approximating the erfinv function, GPU Computing Gems, 2011.
    """
    w = -(-(x * x))("log1p")
    centre = (w - 2.5).polynomial(_CENTRE)
    tail = (w("SQRT") - 3.0).polynomial(_TAIL)
    inside = (w < 5.0).where(centre, tail, w) * x
    return x("ABS").equals(1.0).where(x * math.inf, inside, x)


# Lanczos' approximation of the gamma function with g = 7 and nine terms.
_LANCZOS_G = 7.0
_LANCZOS = (
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7,
)


def _lanczos_sum(z: Formula) -> Formula:
    total: Formula | float = 0.99999999999980993
    for number, coefficient in enumerate(_LANCZOS, start=1):
        total = coefficient / (z + float(number)) + total
    assert isinstance(total, Formula)
    return total


def _lgamma(x: Formula) -> Formula:
    """log|gamma(x)|: Lanczos from 0.5 on, the reflection formula below.

    Source: Lanczos, A precision approximation of the gamma function, 1964.
    """
    low = x < 0.5
    z = low.where(-x, x - 1.0, x)
    t = z + _LANCZOS_G + 0.5
    log_t = (z * (1 / (_LANCZOS_G + 0.5)))("log1p") + math.log(_LANCZOS_G + 0.5)
    above = (z + 0.5 - t / log_t) * log_t + 0.5 * math.log(2 * math.pi) + _lanczos_sum(z)("LOG")
    fraction = x("ABS") - x("ABS")("FLOOR")
    # sin(pi f) = sin(pi (1 - f)); the smaller angle is the exact one.
    angle = (fraction > 0.5).where(1.0 - fraction, fraction, fraction) * math.pi
    sine = angle("SIN")("LOG")
    below = math.log(math.pi) - sine - above
    result = low.where(below, above, x)
    return x("ABS").equals(math.inf).where(math.inf, result, x)


def _digamma(x: Formula) -> Formula:
    """The logarithmic derivative of gamma: recurrence up to 6, then the asymptotic series.

    Source: Bernardo, Algorithm AS 103, 1976.
    """
    low = x < 0.5
    z = low.where(1.0 - x, x, x)
    shift: Formula | float = 0.0
    for number in range(6):
        shift = 1.0 / (z + float(number)) + shift
    big = z + 6.0
    inverse = 1.0 / big
    square = inverse * inverse
    series = square * square.polynomial((-1 / 252, 1 / 120, -1 / 12))
    above = big("LOG") - 0.5 * inverse + series - shift
    # pi / tan(pi x) has the period 1.
    fraction = x - (x + 0.5)("FLOOR")
    angle = fraction * math.pi
    below = above - math.pi * angle("COS") / angle("SIN")
    below = fraction.equals(0.0).where(math.nan, below, x)  # poles
    return low.where(below, above, x)


def _log2(x: Formula) -> Formula:
    return x("LOG") * (1 / math.log(2.0))


_FORMULAS: dict[str, Callable[[Formula], Formula]] = {
    "asin": _asin,
    "acos": _acos,
    "asinh": _asinh,
    "acosh": _acosh,
    "atanh": _atanh,
    "cbrt": _cbrt,
    "log2": _log2,
    "erf_inv": _erf_inv,
    "lgamma": _lgamma,
    "digamma": _digamma,
}


@lowers(*_FORMULAS)
def lower_special(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """The formula of a function."""
    check_dtype(lowerer, eqn, inputs, (np.dtype(np.float32),))
    return _FORMULAS[eqn.primitive.name](Formula(lowerer, inputs[0])).tensor


@lowers("polynomial")
def lower_polynomial(lowerer: Lowerer, eqn: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Horner's rule for coefficients from the constant term on, a primitive of newer JAX."""
    check_dtype(lowerer, eqn, inputs, (np.dtype(np.float32),))
    x, *coefficients = (Formula(lowerer, tensor) for tensor in inputs)
    total = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = x * total + coefficient
    return total.tensor
