"""What tells two samples apart, and how one would look with the other's rows: a domain classifier and its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Domain", "domain_classifier", "effective_rows", "shift_terms"]

_LARGEST_WEIGHT = 20.0
_BINS = 254


@dataclass(frozen=True)
class Domain:
    """Two samples as a cross-fitted classifier sees them.

    Parameters
    ----------
    auc, error
        Area under the curve of telling suspect from yardstick rows, and its standard error (Hanley and McNeil 1982).
    suspect, yardstick
        Probability that a row is from the suspect, were both samples of one size, shape (n_rows,) each; out of fold.
    """

    auc: float
    error: float
    suspect: np.ndarray
    yardstick: np.ndarray

    def weights(self, of: str) -> np.ndarray:
        """Density ratio by which rows of one sample ("suspect" or "yardstick") look like the other's, mean 1, at most 20."""
        chance = np.clip(self.suspect if of == "suspect" else 1.0 - self.yardstick, 1e-4, 1.0 - 1e-4)
        weights = np.minimum((1.0 - chance) / chance, _LARGEST_WEIGHT)
        scaled: np.ndarray = weights / weights.mean()
        return scaled


def domain_classifier(
    suspect: np.ndarray,
    yardstick: np.ndarray,
    *,
    seed: int = 0,
    suspect_weights: np.ndarray | None = None,
    categories: Sequence[int] = (),
    max_rows: int = 4_000,
) -> Domain:
    """Learn to tell two samples apart, on half of the rows for the other half and back.

    Parameters
    ----------
    suspect, yardstick
        Floats, NaN for null, shape (n_rows, n_columns).
    seed
        Of the halves.
    suspect_weights
        Weight of each suspect row, shape (n_rows,); 1 where None.
    categories
        Columns that hold codes.
    max_rows
        Rows of either sample to learn from.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(seed)
    samples = list(_coarse(suspect, yardstick, categories))
    given = np.ones(len(suspect)) if suspect_weights is None else suspect_weights
    halves = [rng.permutation(len(s)) % 2 for s in samples]
    out = [np.full(len(s), 0.5) for s in samples]
    for fold in (0, 1):
        parts = [np.flatnonzero(h != fold)[:max_rows] for h in halves]
        rows = np.concatenate([s[p] for s, p in zip(samples, parts, strict=True)])
        truth = np.concatenate([np.ones(len(parts[0])), np.zeros(len(parts[1]))])
        mass = given[parts[0]].sum()
        weight = np.concatenate([given[parts[0]] / max(mass, 1e-12), np.full(len(parts[1]), 1.0 / max(len(parts[1]), 1))]) * len(rows) / 2
        model = HistGradientBoostingClassifier(
            max_iter=40,
            max_leaf_nodes=8,
            learning_rate=0.1,
            min_samples_leaf=20,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=seed,
        )
        # Equal weights are none, and scikit-learn bins weighted rows a hundred times slower.
        model.fit(rows, truth, sample_weight=None if np.allclose(weight, 1.0) else weight)
        for at, sample in enumerate(samples):
            mine = halves[at] == fold
            if mine.any():
                out[at][mine] = model.predict_proba(sample[mine])[:, 1]
    auc = _auc(out[0], out[1], given)
    n_suspect = given.sum() ** 2 / max(float((given**2).sum()), 1e-12)
    return Domain(auc, _auc_error(auc, n_suspect, len(yardstick)), out[0], out[1])


def effective_rows(weights: np.ndarray) -> float:
    """How many equally weighted rows say as much: (sum w)^2 / sum w^2 (Kish 1965)."""
    return float(weights.sum() ** 2 / max(float((weights**2).sum()), 1e-12))


def shift_terms(domain: Domain, suspect_losses: np.ndarray, yardstick_losses: np.ndarray) -> dict[str, float]:
    """Split the change of a model's mean loss between what the inputs and what the labels given the inputs did.

    With shared inputs S, density in proportion to p q / (p + q): the change is [S, healthy labels] - [healthy] (inputs), plus
    [S, suspect labels] - [S, healthy labels] (labels given inputs), plus [suspect] - [S, suspect labels] (inputs). That is DISDE
    (Cai, Namkoong and Yadlowsky 2023, equation 3), the shared mean being taken with weights p(other | x).

    Returns
    -------
    dict
        `inputs`, `labels`, `labels_error` (its standard error), `total`, `auc` of the classifier, and `n_shared`, the effective
        rows of the smaller side.
    """
    weights = (1.0 - domain.suspect, domain.yardstick)
    losses = (suspect_losses, yardstick_losses)
    shared = [float(np.average(loss, weights=w)) for loss, w in zip(losses, weights, strict=True)]
    errors = [
        float(np.sqrt((w**2 * (loss - mean) ** 2).sum()) / max(float(w.sum()), 1e-12))
        for loss, w, mean in zip(losses, weights, shared, strict=True)
    ]
    total = float(suspect_losses.mean() - yardstick_losses.mean())
    labels = shared[0] - shared[1]
    return {
        "inputs": total - labels,
        "labels": labels,
        "labels_error": float(np.hypot(errors[0], errors[1])),
        "total": total,
        "auc": domain.auc,
        "n_shared": min(effective_rows(w) for w in weights),
    }


def _coarse(suspect: np.ndarray, yardstick: np.ndarray, categories: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Both samples in few distinct values, so that binning them is a matter of counting.

    A number is replaced by the 1/254 of all rows that it lies in, which is what the trees would do with it. Codes beyond the eightieth
    are one: they are ranks by frequency, so that the rare ones go together.
    """
    out = (np.array(suspect, dtype=float), np.array(yardstick, dtype=float))
    for at in range(suspect.shape[1]):
        if at in categories:
            for rows in out:
                rows[:, at] = np.minimum(rows[:, at], 80.0)
            continue
        both = np.concatenate([rows[:, at] for rows in out])
        present = np.sort(both[~np.isnan(both)])
        # Quantiles of all rows: either sample's own would leave the other's range in one bin.
        edges = np.unique(present[np.linspace(0, len(present) - 1, _BINS + 1).astype(np.int64)[1:-1]]) if len(present) else present
        for rows in out:
            rows[:, at] = np.where(np.isnan(rows[:, at]), np.nan, np.searchsorted(edges, rows[:, at], side="right"))
    return out


def _auc(positive: np.ndarray, negative: np.ndarray, weights: np.ndarray) -> float:
    ordered = np.sort(negative)
    below = (np.searchsorted(ordered, positive, side="left") + np.searchsorted(ordered, positive, side="right")) / 2.0
    return float(np.average(below / max(len(negative), 1), weights=weights))


def _auc_error(auc: float, n_positive: float, n_negative: float) -> float:
    first, second = auc / (2.0 - auc), 2.0 * auc**2 / (1.0 + auc)
    spread = auc * (1 - auc) + (n_positive - 1) * (first - auc**2) + (n_negative - 1) * (second - auc**2)
    return float(np.sqrt(max(spread, 0.0) / max(n_positive * n_negative, 1.0)))
