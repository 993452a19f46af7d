"""Another season of the same world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity
from ruleout.faults.system import System

ORDER = {"flights": "departs_at", "rodents": "year", "storms": "year", "computers": "trend"}
"""The column of each data set by which its rows stand in the order of time."""


class AnotherSeason(Fault):
    """Real drift: rows of another stretch of real time, on which a model trained there is as good as the one before was.

    Nothing is made up: carriers and fares, species and instruments changed as they did, and the metric says that it did no harm.
    """

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The reference in one stretch of the data set, the current side in a later one: neighbours where small, far apart where large."""
        column = ORDER.get(system.dataset.name)
        if column is None:
            raise Inapplicable(f"{system.name}: its rows stand in no order of time.")
        frame = system.dataset.frame.sort_values(column, kind="stable")
        stretches = np.array_split(np.arange(len(frame)), 5)
        apart = {"small": 1, "medium": 2, "large": 3}[severity]
        first = int(rng.integers(5 - apart))
        frames = []
        for stretch, half in ((stretches[first], system.reference), (stretches[first + apart], system.current)):
            drawn = rng.permutation(stretch)[: len(half.train) + len(half.validation)]
            n_train = len(drawn) * 3 // 5
            frames.append([frame.iloc[np.sort(rows)].reset_index(drop=True) for rows in (drawn[:n_train], drawn[n_train:])])

        def apply(healthy: System) -> System:
            (before, judged_before), (after, judged_after) = frames
            return replace(
                healthy,
                reference=replace(healthy.reference, train=before, validation=judged_before),
                current=replace(healthy.current, train=after, validation=judged_after),
            )

        return Plan(apply, (), {"column": column, "apart": apart, "first": first})
