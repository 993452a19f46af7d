"""A metric of the case's own, "module:function", as a function that is evaluated in the child process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ruleout.models.child import call_metric
from ruleout.models.model import Prediction

__all__ = ["metric_function"]


def metric_function(spec: str, folder: Path) -> Callable[[np.ndarray, Prediction], float]:
    """Return a function of the truth, shape (n_rows,), and a prediction that evaluates the case's metric in a child process.

    The caller has made sure that the case is trusted. As in scikit-learn, a metric that asks for scores gets those of
    the second class where there are two.

    Parameters
    ----------
    spec
        As in `case.toml`.
    folder
        Where the module lies.
    """

    def evaluate(truth: np.ndarray, answer: Prediction) -> float:
        score = answer.score
        if score is not None and score.ndim == 2 and score.shape[1] == 2:
            score = score[:, 1]
        return call_metric(spec, truth, answer.prediction, score, folder=folder, trusted=True)

    return evaluate
