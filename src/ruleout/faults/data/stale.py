"""Data that are not new."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ruleout.faults.data.concept_drift import new_world
from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity
from ruleout.faults.night import Night, PlannedNight, Spoilt, Style
from ruleout.faults.segment import draw_segment
from ruleout.faults.system import System


class Stale(Fault):
    """The training table is not new, yesterday's again or ending too early, while the world moved on."""

    variants = ("again", "early")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """In the current world the relation has changed in a segment; the training rows are those of before."""
        fraction = {"small": 0.3, "medium": 0.45, "large": 0.6}[severity]
        segment = draw_segment(system, rng, fraction)
        seed = int(rng.integers(2**31))
        dated = system.dataset.time is None
        if variant == "early" and not dated:
            raise Inapplicable("the rows have dates of their own")
        time = "recorded_at" if dated else str(system.dataset.time)

        def setup(system: System) -> System:
            if dated:
                system = _dated(system)
            return replace(system, current=new_world(system, segment, system.current, seed))

        def apply(system: System) -> System:
            half = system.current
            if variant == "again":
                return replace(system, current=half.with_frame("train", system.reference.train))
            # the days since the change are absent, older ones stand in their place
            old = system.reference.train.tail(len(half.train)).reset_index(drop=True)
            old = old.assign(**{time: old[time] + _days(7)})
            return replace(
                system, current=half.with_frame("train", old.sample(frac=0.9, random_state=seed).sort_values(time).reset_index(drop=True))
            )

        return Plan(apply, ("train", f"train.{time}"), {"segment": segment.text}, setup=setup)


def _days(n: int) -> Any:
    import pandas as pd

    return pd.Timedelta(days=n)


def _dated(system: System) -> System:
    """The system with a date in every row: four weeks of training, one of validation, the current side four weeks later."""
    import pandas as pd

    starts = {"reference": "2025-03-03", "current": "2025-03-31"}
    for k, (side, start) in enumerate(starts.items()):
        half = system.half(side)  # type: ignore[arg-type]  # the keys are the two sides
        for table, first, n_days in (("train", 0, 28), ("validation", 28, 7)):
            frame = half.frame(table)
            minutes = np.sort(np.random.default_rng([system.seed, k, first]).integers(0, n_days * 1440, len(frame)))
            stamps = pd.Timestamp(start) + pd.to_timedelta(minutes + first * 1440, unit="min")
            half = half.with_frame(table, frame.assign(recorded_at=stamps))
        system = system.with_half(side, half)  # type: ignore[arg-type]  # the keys are the two sides
    return system


class StaleSilent(PlannedNight):
    """The night ran on the day before's rows, while the world moved on."""

    planned: ClassVar[type[Fault]] = Stale
    variants = ("again", "early", "told")

    def draw(
        self, system: System, rng: np.random.Generator, severity: Severity, variant: str, style: Style, day: int
    ) -> tuple[System, Night, Spoilt]:
        """The rows are those of the night before; where the log tells, it does so in passing."""
        ready, night, spoilt = super().draw(system, rng, severity, "again" if variant == "told" else variant, style, day)
        place, after = f"runlog.{style.stage('extract')}", spoilt.night
        if variant == "told":
            said = str(rng.choice(["partition not there yet, using yesterday's", "fell back to the previous snapshot", "read from cache"]))
            after = after.with_stage("extract", message=said)
        return ready, night, replace(spoilt, night=after, places=((*spoilt.places[0], place),))
