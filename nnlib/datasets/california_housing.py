"""California housing: prices of houses in 1990."""

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.datasets.files import fetch
from nnlib.datasets.splits import Split, check_test_split, cut, shuffled

_SMALL = 600


def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> Split:
    """20,640 districts of California with 8 features, and the median value of a house in dollars.

    The features are median income, median age of houses, mean rooms, mean bedrooms, population,
    mean occupation, latitude and longitude.

    Args:
        version: "large" for all districts, "small" for the first 600.
        path: name of the file in the cache, or an absolute path.
        test_split: the fraction of rows for tests.
        seed: of the order of rows.

    Returns:
        (x_train, y_train), (x_test, y_test): (n, 8) and (n,).

    Raises:
        ArgumentError: for another version, or a test_split outside of [0, 1).
        DownloadError: if the file is in no cache and cannot be downloaded.

    Source: Pace and Barry 1997, "Sparse Spatial Autoregressions".
    """
    check_test_split("california_housing.load_data", test_split)
    if version not in ("small", "large"):
        raise ArgumentError(
            "california_housing.load_data: expected version to be 'small' or 'large', got "
            f"{version!r}."
        )
    place = fetch("california_housing.load_data", "california_housing.npz", path)
    with np.load(place, allow_pickle=False) as file:
        rows = slice(_SMALL if version == "small" else None)
        x, y = file["x"][rows], file["y"][rows]
    return cut(*shuffled(np.random.RandomState(seed), x, y), test_split)
