"""What a model is worth on a table, and how surely that is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["answers", "standard_error", "value"]


def answers(estimator: Any, frame: Any, target: str, metric: str, positive: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Truth and answers as the metric compares them, each of shape (n_rows,); scores of the positive class for `roc_auc`."""
    frame = frame[frame[target].notna()]
    truth = frame[target].to_numpy()
    if metric == "roc_auc":
        column = list(estimator.classes_).index(positive)
        return (truth == positive).astype(int), estimator.predict_proba(frame)[:, column]
    return truth, np.asarray(estimator.predict(frame))


def value(metric: str, truth: np.ndarray, answer: np.ndarray, positive: str | None = None) -> float:
    """A scorer's value, higher is better; NaN where it is not defined."""
    import sklearn.metrics as m

    functions: dict[str, Callable[[], float]] = {
        "accuracy": lambda: float(np.mean(truth == answer)),
        "balanced_accuracy": lambda: float(np.mean([np.mean(answer[truth == c] == c) for c in np.unique(truth)])),
        "f1": lambda: m.f1_score(truth, answer, pos_label=positive, zero_division=0.0),
        "f1_macro": lambda: m.f1_score(truth, answer, average="macro", zero_division=0.0),
        "roc_auc": lambda: m.roc_auc_score(truth, answer) if len(np.unique(truth)) == 2 else float("nan"),
        "r2": lambda: float(1 - np.sum((truth - answer) ** 2) / max(np.sum((truth - np.mean(truth)) ** 2), 1e-300)),
        "neg_mean_absolute_error": lambda: -float(np.mean(np.abs(truth - answer))),
        "neg_root_mean_squared_error": lambda: -float(np.sqrt(np.mean((truth - answer) ** 2))),
    }
    return float(functions[metric]())


def standard_error(metric: str, truth: np.ndarray, answer: np.ndarray, positive: str | None = None, replicates: int = 40) -> float:
    """The metric's standard error over rows, by the bootstrap (Efron, 1979) with a fixed seed."""
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, len(truth), len(truth)) for _ in range(replicates)]
    return float(np.nanstd([value(metric, truth[r], answer[r], positive) for r in rows], ddof=1))
