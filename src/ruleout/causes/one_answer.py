"""Whether a run's scores are those of a model that answers one class for every row, read off the curves alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ruleout.problem.curves import columns_of
from ruleout.tables.table import Table

__all__ = ["OneAnswer", "one_answer"]

APART = 0.15
"""How far accuracy stands above the score of even classes where one class is answered and is the commonest by far."""

BETTER = 0.03
"""By how much a score must exceed that of one constant answer for other classes to be answered too."""

COUNTS = ("class_counts", "label_counts", "class_distribution", "class_shares", "class_share", "n_per_class", "target_counts")


class OneAnswer(NamedTuple):
    """What says that one class is answered: the log likelihood ratio, the columns it was read from, and the sentence.

    `least` is what the first column must reach in the second half of a run in which other classes are answered too, in its own unit; None
    where it need not: accuracy falls when a rare class is answered.
    """

    evidence: float
    columns: tuple[str, ...]
    said: str
    least: float | None


def one_answer(history: Table, config: Mapping[str, Any] | None) -> OneAnswer | None:
    """Hold the scores of the second half of a run against those of one constant answer.

    Such an answer has the commonest class's share as its accuracy, 1 / classes as its balanced accuracy, and recall 0 of every other.
    """
    known = columns_of(history)
    score = known.held_score or known.train_score
    if score is None or score == known.even_score:
        return None
    level = _standing(history.numbers(score), 0.02)
    if level is None or not 0.6 < level < 0.995:
        return None
    if known.even_score is not None:
        even = _standing(history.numbers(known.even_score), 0.02)
        classes = round(1 / even) if even else 0
        if even and classes >= 2 and abs(even - 1 / classes) < 0.02 and level - even >= APART:
            said = f"{known.even_score} stands at {even:.3g} = 1 / {classes} classes while {score} is {level:.3g}"
            return OneAnswer(3.4, (known.even_score, score), said, (1 / classes + BETTER) * _unit(history.numbers(known.even_score)))
        return None
    for column in known.class_scores:
        values = _second_half(history.numbers(column))
        if len(values) and float(values.max()) <= 0.01:
            told = f"{column} is {float(values[-1]):.3g} while {score} is {level:.3g}"
            return OneAnswer(3.2, (column, score), told, BETTER * _unit(history.numbers(score)))
    share = _commonest(config)
    if share is not None and abs(level - share) < 0.02 and _standing(history.numbers(score), 0.002) is not None:
        return OneAnswer(2.6, (score,), f"{score} stands at {level:.3g}, the share of the commonest class ({share:.3g})", None)
    return None


def _second_half(values: np.ndarray) -> np.ndarray:
    kept = values[np.isfinite(values)]
    half: np.ndarray = kept[len(kept) // 2 :] if len(kept) >= 4 else kept[:0]
    return half


def _unit(values: np.ndarray) -> float:
    """100 where a score is a percentage, else 1."""
    half = _second_half(values)
    return 100.0 if len(half) and float(half.max()) > 1.5 else 1.0


def _standing(values: np.ndarray, within: float) -> float | None:
    """The value at which a score stands over the second half, a percentage as a share; None where it moves."""
    half = _second_half(values)
    if len(half) and half.max() > 1.5:
        half = half / 100.0
    return float(np.median(half)) if len(half) and float(np.ptp(half)) <= within else None


def _commonest(config: Mapping[str, Any] | None) -> float | None:
    """The commonest class's share, where a configuration counts the classes."""
    for key, value in (config or {}).items():
        if isinstance(value, Mapping):
            numbers = [v for v in value.values() if isinstance(v, int | float) and not isinstance(v, bool) and v >= 0]
            if str(key).lower() in COUNTS and len(numbers) == len(value) >= 2 and sum(numbers) > 0:
                return float(max(numbers) / sum(numbers))
            deeper = _commonest(value)
            if deeper is not None:
                return deeper
    return None
