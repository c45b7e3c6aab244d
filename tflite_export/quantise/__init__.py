"""Quantisation: smaller and faster files, at the price of rounding.

`weights` changes what is stored and leaves arithmetic in floats. Full integer quantisation runs
the traced function over `samples` (`calibration`), turns what values occur into `ranges`, decides
in a `plan` which operators have integer `kernels`, and rebuilds the graph (`integer`). `quality`
compares the result with JAX.
"""

from .layers import LayerError
from .measuring import assess, quantise_all
from .options import Calibration, Quantise, as_quantise
from .pipeline import Quantised
from .quality import QuantisationReport

__all__ = [
    "Calibration",
    "LayerError",
    "QuantisationReport",
    "Quantise",
    "Quantised",
    "as_quantise",
    "assess",
    "quantise_all",
]
