"""Which of the method's situations a case is, read off the evidence that is there rather than asked."""

from __future__ import annotations

import math
from typing import Literal

from ruleout.case.case import Case
from ruleout.tables.moments import clock

__all__ = ["Situation", "situation_of"]

SHARED_KEYS = 0.5
"""Share of the keys from which on two logs are of the same requests."""

Situation = Literal["retraining", "serving", "silent", "too-good", "environment", "training", "alone", "factors"]
"""retraining: a model was retrained and is worse. serving: good validation, bad production. silent: the pipeline fails in
silence. too-good: a perfect score of no use. environment: works here, fails there. training: it does not converge. alone: a table or
a model without anything to hold it against. factors: a black box whose differences the case names itself."""


def situation_of(case: Case) -> Situation:
    """Say which situation the evidence describes.

    Curves alone are `training`; answers of both sides to the same requests are `environment`; a serving log with answers is
    `serving`, an earlier log of the same service being its yardstick; a run log or a reported metric that is no number is `silent`;
    training and validation rows without a reference are `too-good`; anything else without a reference is `alone`; the rest is `retraining`.
    """
    current, reference = case.current, case.reference
    tables = [t for t in (current.train, current.validation, current.serving) if t is not None]
    if current.history is not None and not tables:
        return "training"
    answered = current.serving is not None and bool({"prediction", "score"} & set(current.serving.columns))
    if answered and reference is not None and _same_requests(case):
        return "environment"
    if answered and not (current.validation is not None and case.changed == "retraining"):
        return "serving"
    if current.runlog or _silent_metrics(case):
        return "silent"
    if reference is None and current.train is not None and current.validation is not None:
        return "too-good"
    return "retraining" if reference is not None or case.changed == "retraining" else "alone"


def _same_requests(case: Case) -> bool:
    """Whether both serving logs answer the same requests, rather than those of an earlier and of a later time.

    By key where both logs have one, else by their times, else by their lengths.
    """
    first, second = case.reference and case.reference.serving, case.current.serving
    if not first or not second:
        return False
    if case.key and case.key in first and case.key in second:
        ours, theirs = set(first.texts(case.key).tolist()), set(second.texts(case.key).tolist())
        return len(ours & theirs) >= SHARED_KEYS * min(len(ours), len(theirs))
    earlier, later = (clock(t, case.time) if t.n_rows else None for t in (first, second))
    if earlier is not None and later is not None and bool(earlier.max() < later.min() or later.max() < earlier.min()):
        return False
    return first.n_rows == second.n_rows


def _silent_metrics(case: Case) -> bool:
    """Whether a metric was reported that is no number."""
    reported = case.current.metrics
    if reported is None:
        return False
    return any(value is None or (isinstance(value, float) and not math.isfinite(value)) for value in reported.values())
