"""Repeated rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.segment import draw_segment
from ruleout.faults.service import PlannedService, Service, Serving
from ruleout.faults.system import Half, System


class Duplicates(Fault):
    """Rows are repeated within a table and weigh too much."""

    variants = ("class", "segment", "rows", "validation")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A join that fans out one class or one segment, a few rows appended many times, or hard validation rows repeated."""
        times = int({"small": rng.integers(4, 8), "medium": rng.integers(8, 16), "large": rng.integers(16, 30)}[severity])
        target, regression = system.dataset.target, system.dataset.task == "regression"
        table = "validation" if variant == "validation" else "train"
        seed = int(rng.integers(2**31))
        places: tuple[str, ...]
        if variant == "class":
            values = system.reference.train[target]
            if regression:
                cut = float(values.quantile(float(rng.choice([0.15, 0.85]))))
                above = cut > values.median()
                what, places = f"{target} {'>' if above else '<'} {cut:g}", (table, f"{table}.{target}")
            else:
                shares = values.value_counts(normalize=True)
                rare = [c for c in shares.index if shares[c] < 0.4]
                label = str(rng.choice(rare or [shares.index[-1]]))
                what, places = f"{target} is {label}", (table, f"{table}.{target}")
        elif variant == "rows":
            what, places = "a few rows", (table,)
        else:
            segment = draw_segment(system, rng, 0.15)
            what, places = segment.text, (table, f"{table}.{segment.column}")

        def repeated(frame: object) -> np.ndarray:
            if variant == "class":
                y = frame[target]  # type: ignore[index]  # a pandas frame
                return np.asarray((y > cut if above else y < cut) if regression else y == label)
            if variant == "rows":
                return np.random.default_rng(seed).random(len(frame)) < 0.006  # type: ignore[arg-type]  # a pandas frame
            return segment.inside(frame)

        if not repeated(system.current.frame(table)).any():
            raise Inapplicable("no row to repeat")
        # a few rows must weigh as much as all the others together before they are heard
        copies = times * 25 if variant == "rows" else times

        def change(half: Half) -> Half:
            frame = half.frame(table)
            counts = np.where(repeated(frame), copies, 1)
            counts = np.minimum(counts, max(2, 4 * len(frame) // max(1, int(repeated(frame).sum()))))
            rows = np.repeat(np.arange(len(frame)), np.maximum(counts, 1))
            if variant == "rows":
                rows = np.random.default_rng(seed).permutation(rows)
            return half.with_frame(table, frame.iloc[rows].reset_index(drop=True))

        return Plan(on_current(change), places, {"table": table, "rows": what, "times": copies})


class DuplicatesServing(PlannedService):
    """Requests are logged several times over."""

    planned: ClassVar[type[Fault]] = Duplicates
    variants = ("validation",)

    def serve(self, service: Service, rng: np.random.Generator, severity: Severity, variant: str) -> Serving:
        """Only requests that bear a key or a time are seen to be the same one."""
        if not (service.system.dataset.key or service.system.dataset.time):
            raise Inapplicable("requests without a key or a time may well be alike")
        return super().serve(service, rng, severity, variant)
