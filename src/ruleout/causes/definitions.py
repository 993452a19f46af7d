"""Other definitions of a metric: what a report may have computed instead of what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

__all__ = ["Definition", "classification", "ranking", "regression", "thresholds"]


class Definition(NamedTuple):
    """A way to compute a metric, in words, and what it gives."""

    words: str
    value: float


def classification(target: np.ndarray, answer: np.ndarray, weights: np.ndarray | None = None, *, only: str = "") -> list[Definition]:
    """Accuracy, and precision, recall, F1 under every averaging and for every class (Sokolova and Lapalme 2009, tables 2 and 3).

    Parameters
    ----------
    target, answer
        Labels as text, shape (n_rows,).
    weights
        A weight a row, shape (n_rows,); None counts each once.
    only
        "accuracy" where no other is asked for: it is the cheapest by far.
    """
    n = len(target)
    weight = np.ones(n) if weights is None else weights
    total = float(weight.sum())
    if n == 0 or total <= 0:
        return []
    hit = float(weight[target == answer].sum()) / total
    found = [Definition("accuracy", hit), Definition("error rate", 1 - hit)]
    if only == "accuracy":
        return found
    labels = sorted({*target.tolist(), *answer.tolist()})[:200]
    true = np.array([weight[target == v].sum() for v in labels], dtype=float)
    said = np.array([weight[answer == v].sum() for v in labels], dtype=float)
    both = np.array([weight[(target == v) & (answer == v)].sum() for v in labels], dtype=float)
    per = {"precision": _ratio(both, said), "recall": _ratio(both, true), "F1": _ratio(2 * both, said + true)}
    found.append(Definition("balanced accuracy", float(per["recall"][true > 0].mean())))
    for name, values in per.items():
        found.append(Definition(f"macro {name}", float(values.mean())))
        found.append(Definition(f"weighted {name}", float((values * true).sum() / true.sum())))
        found.extend(Definition(f"{name} of class {label!r}", float(v)) for label, v in zip(labels, values, strict=True))
    return found


def thresholds(stem: str, positive: np.ndarray, score: np.ndarray) -> list[Definition]:
    """A binary metric of the answers `score >= cut`, for the cuts 0.01 to 0.99 and each distinct number of positive answers.

    Parameters
    ----------
    stem
        "accuracy", "balanced_accuracy", "precision", "recall" or "f1".
    positive
        Whether each row is of the positive class, shape (n_rows,).
    score
        Probability or decision value of the positive class, shape (n_rows,).
    """
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    hits = np.concatenate([[0], np.cumsum(positive[order])]).astype(float)
    counts = np.arange(len(score) + 1, dtype=float)
    n, n_positive = float(len(score)), float(positive.sum())
    if n == 0 or n_positive in (0.0, n):
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {
            "accuracy": (hits + (n - n_positive) - (counts - hits)) / n,
            "balanced_accuracy": (hits / n_positive + 1 - (counts - hits) / (n - n_positive)) / 2,
            "precision": np.where(counts > 0, hits / counts, 0.0),
            "recall": hits / n_positive,
            "f1": 2 * hits / (counts + n_positive),
        }.get(stem)
    if values is None:
        return []
    cuts = [round(c / 100, 2) for c in range(1, 100)]
    at = {int(np.searchsorted(-ranked, -cut, side="right")): cut for cut in cuts}
    found = [Definition(f"{stem} at a threshold of {cut:g}", float(values[k])) for k, cut in at.items()]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) + 1
    found.extend(Definition(f"{stem} at a threshold of {ranked[k - 1]:.4g}", float(values[k])) for k in ends.tolist() if k not in at)
    return found


def ranking(target: np.ndarray, score: np.ndarray, classes: tuple[str, ...]) -> list[Definition]:
    """The area under the ROC curve: of each class against the rest, the means of these, and one against one (Hand, Till 2001).

    Parameters
    ----------
    target
        Labels as text, shape (n_rows,).
    score
        Shape (n_rows, n_classes).
    classes
        The class of each column of `score`.
    """
    areas, shares, labels = [], [], []
    for at, label in enumerate(classes):
        area = _area(target == label, score[:, at])
        if np.isfinite(area):
            areas.append(area)
            shares.append(float(np.mean(target == label)))
            labels.append(label)
    if not areas:
        return []
    found = [Definition("AUC, one against the rest, plain mean", float(np.mean(areas)))]
    found.append(Definition("AUC, one against the rest, weighted mean", float(np.average(areas, weights=shares))))
    found.extend(Definition(f"AUC of class {label!r}", float(a)) for label, a in zip(labels, areas, strict=True))
    found.extend(Definition(f"1 - AUC of class {label!r}", float(1 - a)) for label, a in zip(labels, areas, strict=True))
    hard = np.array(classes, dtype=object)[score.argmax(axis=1)]
    found.append(
        Definition(
            "AUC of the answers and not of the scores", float(np.mean([_area(target == c, (hard == c).astype(float)) for c in classes]))
        )
    )
    pairs = []
    for i in range(min(len(classes), 30)):
        for j in range(i + 1, min(len(classes), 30)):
            rows = (target == classes[i]) | (target == classes[j])
            pairs.append((_area(target[rows] == classes[i], score[rows, i]) + _area(target[rows] == classes[j], score[rows, j])) / 2)
    if pairs:
        found.append(Definition("AUC, one against one, plain mean", float(np.mean(pairs))))
    return found


def regression(target: np.ndarray, answer: np.ndarray, weights: np.ndarray | None = None) -> list[Definition]:
    """Squared, absolute and relative errors, R2, explained variance and squared correlation; on logarithms where all are positive."""
    n = len(target)
    weight = np.ones(n) if weights is None else weights
    if n == 0 or weight.sum() <= 0:
        return []
    found = list(_errors(target, answer, weight, ""))
    if float(target.min()) > -1 and float(answer.min()) > -1:
        found.extend(_errors(np.log1p(target), np.log1p(answer), weight, " of log(1 + y)"))
    return found


def _errors(target: np.ndarray, answer: np.ndarray, weight: np.ndarray, of: str) -> Iterator[Definition]:
    error = target - answer
    mean = float(np.average(target, weights=weight))
    squared = float(np.average(error**2, weights=weight))
    variance = float(np.average((target - mean) ** 2, weights=weight))
    yield Definition(f"mean squared error{of}", squared)
    yield Definition(f"root mean squared error{of}", float(np.sqrt(squared)))
    yield Definition(f"mean absolute error{of}", float(np.average(np.abs(error), weights=weight)))
    yield Definition(f"median absolute error{of}", float(np.median(np.abs(error))))
    if (target != 0).all():
        yield Definition(f"mean absolute relative error{of}", float(np.average(np.abs(error / target), weights=weight)))
    if variance > 0:
        yield Definition(f"R2{of}", 1 - squared / variance)
        bias = float(np.average(error, weights=weight))
        yield Definition(f"explained variance{of}", 1 - (squared - bias**2) / variance)
        if answer.std() > 0:
            yield Definition(f"squared correlation{of}", float(np.corrcoef(target, answer)[0, 1] ** 2))


def _area(positive: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve by ranks, ties shared (Mann and Whitney 1947)."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    _, at, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[at]
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0))
