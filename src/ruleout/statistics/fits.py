"""Two fits that say how much one thing tells of another."""

from __future__ import annotations

import numpy as np

__all__ = ["held_out_r2", "isotonic"]

MOST_ROWS = 4_000


def isotonic(x: np.ndarray, y: np.ndarray, rising: bool) -> np.ndarray:
    """The best monotone function of `x` for `y`, at each `x`, shape (n_rows,) (Barlow et al., 1972)."""
    from sklearn.isotonic import IsotonicRegression

    # The largest x of many alike may come out a last digit smaller, and is then beyond what was fitted.
    return np.asarray(IsotonicRegression(increasing=rising, out_of_bounds="clip").fit_transform(x, y))


def held_out_r2(features: np.ndarray, target: np.ndarray) -> float:
    """R2 of boosted trees on rows they were not fitted on, two folds, of at most 4,000 rows.

    Parameters
    ----------
    features
        Shape (n_rows, n_features); NaN is a value of its own.
    target
        Numbers that are not all the same, shape (n_rows,).
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    rows = np.random.default_rng(0).permutation(len(target))[:MOST_ROWS]
    total = left = 0.0
    for test, train in (np.array_split(rows, 2), np.array_split(rows, 2)[::-1]):
        trees = HistGradientBoostingRegressor(max_iter=80, max_leaf_nodes=12, min_samples_leaf=10, learning_rate=0.1, early_stopping=False)
        with threadpool_limits(limits=1):
            trees.fit(features[train], target[train])
            left += float(((target[test] - trees.predict(features[test])) ** 2).sum())
        total += float(((target[test] - target[test].mean()) ** 2).sum())
    return 1.0 - left / total
