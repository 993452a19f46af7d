"""Absent rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.segment import draw_segment
from ruleout.faults.system import Half, System


class MissingPartition(Fault):
    """A class, a segment or a stretch of time is absent from a table."""

    variants = ("class", "segment", "range", "time", "validation")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One to three classes, some levels of a category, one side of a number, or the last days."""
        target, part = system.dataset.target, {"small": 0.3, "medium": 0.5, "large": 0.7}[severity]
        table, time = "validation" if variant == "validation" else "train", system.dataset.time
        if variant == "class":
            classes = np.array(sorted(system.reference.train[target].unique()), dtype=object)
            if system.dataset.task == "regression" or len(classes) < 3:
                raise Inapplicable("fewer than three classes")
            lost = list(rng.choice(classes, min({"small": 1, "medium": 2, "large": 3}[severity], len(classes) - 2), replace=False))
            return _plan(table, target, f"{target} in {', '.join(lost)}", lambda f: f[target].isin(lost).to_numpy())
        if variant == "time":
            if time is None:
                raise Inapplicable("no time column")
            cut = system.current.train[time].quantile(1 - part)
            return _plan(table, time, f"{time} after {cut}", lambda f: (f[time] > cut).to_numpy())
        if variant == "segment" and not system.dataset.categorical:
            raise Inapplicable("no categories")
        kind = {"segment": "categorical", "range": "numeric"}.get(variant, "any")
        segment = draw_segment(system, rng, part, kind, among=1 if severity == "large" else 3)
        return _plan(table, segment.column, segment.text, segment.inside)


def _plan(table: str, column: str, text: str, inside: Any) -> Plan:
    def change(half: Half) -> Half:
        frame = half.frame(table)
        kept = frame[~inside(frame)]
        if len(kept) < 50 or len(kept) == len(frame):
            raise Inapplicable(f"too few rows are left without {text}")
        return half.with_frame(table, kept.reset_index(drop=True))

    return Plan(on_current(change), (f"{table}.{column}",), {"table": table, "absent": text})
