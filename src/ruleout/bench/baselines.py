"""Naive ways to answer a case, to set ruleout's beside: they know the vocabulary and nothing of the handbook."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ruleout.case.case import Case, Side, TableName

__all__ = ["BASELINES", "answer_naively"]

_PRIOR = (
    "data.drift",
    "data.missing-values",
    "data.label-errors",
    "data.schema-mismatch",
    "model.hyperparameter",
    "data.new-categories",
    "data.unit-change",
    "data.concept-drift",
    "pipeline.code",
    "pipeline.dependency",
    "model.regularization",
    "data.label-shift",
    "data.missing-partition",
    "data.duplicates",
    "model.learning-rate",
)
"""What people meet after a retraining, the commonest first."""

_TABLES: tuple[TableName, ...] = ("train", "validation")

Guess = tuple[str, str, float]
"""Cause, place and how strongly it speaks."""


def answer_naively(name: str, case: Case, smallest: float = 0.01) -> dict[str, Any]:
    """What one of `BASELINES` would say; all of them call a fall of the reported metric below `smallest` no problem."""
    metric = case.metric or ""
    sides = [side.metrics or {} for side in (case.reference or Side(), case.current)]
    was, now = (_number(side.get(metric), usual) for side, usual in zip(sides, (1.0, 0.0), strict=True))
    if was - now < smallest:
        return {"verdict": "no-problem", "causes": [], "open": []}
    guesses = BASELINES[name](case)
    if not guesses:
        return {"verdict": "inconclusive", "causes": [], "open": []}
    first = {"cause": guesses[0][0], "where": [guesses[0][1]], "share": None, "probability": None}
    return {"verdict": "cause-found", "causes": [first], "open": [g[0] for g in guesses[1:3]]}


def _number(value: Any, usual: float) -> float:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else usual


def largest_drift(case: Case) -> list[Guess]:
    """The column that moved most, weighted by how much the reference model needs it; the kind of move names the cause."""
    if case.reference is None:
        return []
    guesses: list[Guess] = []
    weights = _importance(case)
    for name in _TABLES:
        was, now = (side.table(name) for side in (case.reference, case.current))
        if was is None or now is None or not was.n_rows or not now.n_rows:
            continue
        before, after = was.to_pandas(), now.to_pandas()
        for column in case.features(was):
            weight = weights.get(column, 0.0) + 1e-3
            if column not in after:
                guesses.append(("data.schema-mismatch", f"{name}.{column}", weight))
                continue
            cause, size = _move(before[column], after[column])
            guesses.append((cause, f"{name}.{column}", size * weight))
    best: dict[str, Guess] = {}
    for guess in sorted(guesses, key=lambda g: -g[2]):
        best.setdefault(guess[0], guess)
    return sorted(best.values(), key=lambda g: -g[2])


def _move(before: Any, after: Any) -> tuple[str, float]:
    """The distance between two columns in [0, 1] and what it looks like."""
    from scipy.stats import ks_2samp

    nulls = abs(float(after.isna().mean()) - float(before.isna().mean()))
    if before.dtype.kind in "iuf" and after.dtype.kind in "iuf":
        distance = (
            float(ks_2samp(before.dropna(), after.dropna(), method="asymp").statistic)
            if before.notna().any() and after.notna().any()
            else 0.0
        )
        spread = float(before.std()) or 1.0
        cause = "data.unit-change" if abs(float(after.mean()) - float(before.mean())) > 3 * spread else "data.drift"
    else:
        a, b = (s.astype(str).value_counts(normalize=True) for s in (before, after))
        distance = float(a.sub(b, fill_value=0).abs().sum() / 2)
        cause = "data.new-categories" if not set(b.index) <= set(a.index) and distance > 0.1 else "data.drift"
    return ("data.missing-values", nulls) if nulls > distance else (cause, distance)


def _importance(case: Case) -> dict[str, float]:
    """How often the reference model answers otherwise when a column is shuffled; nothing where it cannot be asked."""
    side = case.reference
    if side is None or side.model is None or side.model.estimator is None or side.validation is None:
        return {}
    frame = side.validation.to_pandas().head(400)
    rng = np.random.default_rng(0)
    out = {}
    try:
        whole = _answers(side.model.estimator, frame)
        for column in case.features(side.validation):
            answer = _answers(side.model.estimator, frame.assign(**{column: frame[column].to_numpy()[rng.permutation(len(frame))]}))
            numeric = whole.dtype.kind in "iuf"
            out[column] = float(np.std(answer - whole) / (np.std(whole) or 1.0)) if numeric else float(np.mean(answer != whole))
    except (TypeError, ValueError):  # it takes an array that is made of the frame elsewhere
        return {}
    return out


def _answers(model: Any, frame: Any) -> Any:
    """What a model answers to a frame, shape (n,); that one fitted on an array is given names is no matter here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X has feature names", category=UserWarning)
        return np.asarray(model.predict(frame))


def latest_change(case: Case) -> list[Guess]:
    """What was changed by hand: a setting, the code, a package; else the column that drifted most."""
    reference, current = case.reference or Side(), case.current
    guesses: list[Guess] = []
    before, after = dict(reference.config or {}), dict(current.config or {})
    guesses += [("model.hyperparameter", f"config.{key}", 3.0) for key in {**before, **after} if before.get(key) != after.get(key)]
    if reference.code and current.code and dict(reference.code.files) != dict(current.code.files):
        guesses.append(("pipeline.code", "code", 2.0))
    was, now = (dict(s.environment.packages) if s.environment else {} for s in (reference, current))
    guesses += [("pipeline.dependency", f"environment.{p}", 1.0) for p in now if was.get(p, now[p]) != now[p]]
    return (guesses + largest_drift(case))[:6]


def prior_only(case: Case) -> list[Guess]:
    """The commonest cause, whatever the case."""
    return [(cause, "", 1.0) for cause in _PRIOR] if case else []


def at_random(case: Case) -> list[Guess]:
    """Any cause at any column."""
    rng = np.random.default_rng(zlib.crc32(repr((case.title, case.symptom)).encode()))
    columns = case.features(case.current.train) if case.current.train else ("",)
    return [(str(c), str(rng.choice(columns)), 1.0) for c in rng.permutation(_PRIOR)]


BASELINES: dict[str, Callable[[Case], list[Guess]]] = {
    "drift x importance": largest_drift,
    "latest change": latest_change,
    "prior only": prior_only,
    "random": at_random,
}
"""The naive ways, by the name that the table gives them."""
