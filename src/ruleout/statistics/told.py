"""What some columns say of another one: boosted trees, learned on healthy rows, asked about any."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["told_by"]


def told_by(features: np.ndarray, values: np.ndarray, *, seed: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """Learn a number from other columns and return the function that says it of other rows (Friedman 2001).

    Parameters
    ----------
    features
        Floats, NaN for null, shape (n_rows, n_columns).
    values
        What is learned, shape (n_rows,), finite.
    seed
        Of the trees.

    Returns
    -------
    A function of features, shape (n, n_columns), that gives what is expected of them, shape (n,), in the units of `values`.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(max_iter=80, random_state=seed).fit(features, values)

    def say(asked: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(asked), dtype=float)

    return say
