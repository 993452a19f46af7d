"""Nulls, or a value standing for null."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.night import Night, PlannedNight
from ruleout.faults.service import PlannedService, Service, Serving
from ruleout.faults.system import Half, System, weighty


class MissingValues(Fault):
    """Values of a column are gone, or a sentinel stands where they should be."""

    variants = ("null", "sentinel", "segment")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A fraction of one to three weighty columns, in one table or in both."""
        n = {"small": 1, "medium": int(rng.integers(1, 3)), "large": int(rng.integers(2, 4))}[severity]
        part = float({"small": rng.uniform(0.25, 0.45), "medium": rng.uniform(0.4, 0.75), "large": rng.uniform(0.7, 0.95)}[severity])
        columns = weighty(system, "any", rng, n)
        tables = [["train"], ["validation"], ["train", "validation"]][int(rng.integers(3))]
        if variant == "segment" and not system.dataset.categorical:
            raise Inapplicable("no category to lose values by")
        by = weighty(system, "categorical", rng, among=6)[0] if variant == "segment" else None
        if by is not None:
            columns = [c for c in columns if c != by] or [c for c in system.dataset.features if c != by][:1]
            levels = np.array(system.reference.train[by].dropna().unique(), dtype=object)
            lost = list(rng.permutation(levels)[: max(1, round(len(levels) * part))])
        chosen = {t: rng.random((len(system.current.frame(t)), len(columns))) < part for t in tables}
        number, word = float(rng.choice([-999, -1, 0, 9999, -99])), str(rng.choice(["unknown", "", "N/A", "?", "none"]))

        def change(half: Half) -> Half:
            for table in tables:
                frame = half.frame(table).copy()
                for k, column in enumerate(columns):
                    mask = chosen[table][: len(frame), k] if by is None else frame[by].isin(lost).to_numpy()
                    numeric = column in system.dataset.numeric
                    filler: Any = (number if numeric else word) if variant == "sentinel" else np.nan
                    was = frame[column].astype(float) if numeric else frame[column]
                    frame[column] = was.mask(mask, filler)
                half = half.with_frame(table, frame)
            return half

        places = tuple(f"{t}.{c}" for t in tables for c in columns)
        parameters = {
            "tables": tables,
            "columns": columns,
            "part": part,
            "sentinel": [number, word] if variant == "sentinel" else None,
            "by": by,
        }
        return Plan(on_current(change), places, parameters)


class MissingValuesSilent(PlannedNight):
    """A lookup found nothing for a part of the rows, and the nulls went through every stage of the night."""

    planned: ClassVar[type[Fault]] = MissingValues
    variants = MissingValues.variants

    def told(self, night: Night, after: Night, rng: np.random.Generator) -> tuple[Night, tuple[str, ...]]:
        """Now and then the join says how many keys it did not find."""
        if rng.random() < 0.4:
            n = round(len(after.half.train) * float(rng.uniform(0.2, 0.9)))
            after = after.with_stage("join", message=f"joined lookup, {n} keys not found")
        return after, (f"runlog.{night.style.stage('join')}",)


class MissingValuesServing(PlannedService):
    """Values of a column are gone from the requests, or a sentinel stands where they should be."""

    planned: ClassVar[type[Fault]] = MissingValues
    variants = MissingValues.variants

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """As planned; where a column is gone for whole levels of another one, a source that does not serve them is as good a name."""
        serving = super().serve(service, rng, severity, variant)
        more = ("pipeline.feature-availability",) if variant == "segment" else ()
        return replace(serving, accept=(*serving.accept, *more))
