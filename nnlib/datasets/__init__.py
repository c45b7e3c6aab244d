"""Small data sets, downloaded on first use and kept in $NNLIB_HOME, else ~/.nnlib.

Files that Keras has downloaded before, in ~/.keras, are used as well.
"""

from nnlib.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]
