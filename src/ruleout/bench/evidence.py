"""Cases of which a part of the evidence is missing, as in most teams: no configuration kept, no lock file, no labels yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.case.case import Case, SideName

__all__ = ["LOSSES", "with_less"]


def _both(field: str) -> Callable[[Case], Case]:
    def lose(case: Case) -> Case:
        for name in ("reference", "current"):
            case = _one(name, field)(case)
        return case

    return lose


def _one(name: SideName, field: str) -> Callable[[Case], Case]:
    def lose(case: Case) -> Case:
        side: Any = case.side(name)
        return case if side is None or getattr(side, field) is None else case.with_side(name, replace(side, **{field: None}))

    return lose


def _labels(case: Case) -> Case:
    log = case.current.serving
    if log is None or case.target is None or case.target not in log or (case.reference and case.reference.serving is not None):
        return case
    return case.with_side("current", replace(case.current, serving=log.without([case.target])))


LOSSES: dict[str, Callable[[Case], Case]] = {
    "config": _both("config"),
    "environment": _both("environment"),
    "code": _both("code"),
    "reference.model": _one("reference", "model"),
    "reference.metrics": _one("reference", "metrics"),
    "reference.runlog": _one("reference", "runlog"),
    "metrics": _both("metrics"),
    "labels": _labels,
    "key": lambda case: case if case.key is None else replace(case, key=None),
    "run": lambda case: case if case.run.train is None else replace(case, run=replace(case.run, train=None)),
}
"""What may be missing, and the case without it."""

_HELD_BY = {
    "pipeline.code": ("code",),
    "pipeline.dependency": ("environment",),
    "pipeline.metric": ("metrics", "reference.metrics", "reference.model"),
    "pipeline.silent-metrics": ("metrics", "reference.metrics"),
    "data.duplicates": ("key",),
    "data.concept-drift": ("labels",),
    "model.checkpoint": ("reference.model",),
}
"""What a cause cannot be told without, beside what its places say."""


def with_less(case: Case, causes: Sequence[str], places: Sequence[str], rng: np.random.Generator) -> tuple[Case, tuple[str, ...]]:
    """The case without one to three kinds of its evidence, and which; never without that in which the fault itself lies.

    Where answers were logged the artifact stays: without it nothing between features and answers could be looked at at all.
    """
    kept = {place.split(".")[0] for place in places} | {held for cause in causes for held in _HELD_BY.get(cause, ())}
    if any(place == f"serving.{case.target}" for place in places):
        kept.add("labels")
    if "model" in kept or case.current.serving is not None:
        kept.add("reference.model")
    losable = [name for name, lose in LOSSES.items() if name not in kept and lose(case) is not case]
    n = min(len(losable), int(rng.integers(1, 4)))
    lost = [losable[i] for i in sorted(rng.permutation(len(losable))[:n])]
    for name in lost:
        case = LOSSES[name](case)
    return case, tuple(lost)
