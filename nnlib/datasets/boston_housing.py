"""Boston housing: prices of houses in the 1970s."""

import numpy as np

from nnlib.datasets.files import fetch
from nnlib.datasets.splits import Split, check_test_split, cut, shuffled


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Split:
    """506 districts of Boston with 13 features, and the median price of a house in 1000 dollars.

    One of the features supposes that segregation by race raises prices. Use the data, if at all,
    to talk about that; `california_housing` serves for everything else.

    Args:
        path: name of the file in the cache, or an absolute path.
        test_split: the fraction of rows for tests.
        seed: of the order of rows.

    Returns:
        (x_train, y_train), (x_test, y_test): float64 (n, 13) and (n,).

    Raises:
        ArgumentError: for a test_split outside of [0, 1).
        DownloadError: if the file is in no cache and cannot be downloaded.

    Source: Harrison and Rubinfeld 1978, "Hedonic housing prices and the demand for clean air".
    """
    check_test_split("boston_housing.load_data", test_split)
    place = fetch("boston_housing.load_data", "boston_housing.npz", path)
    with np.load(place, allow_pickle=False) as file:
        x, y = file["x"], file["y"]
    return cut(*shuffled(np.random.RandomState(seed), x, y), test_split)
