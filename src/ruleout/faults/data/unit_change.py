"""A column in another unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.service import PlannedService
from ruleout.faults.system import Half, System, weighty

_FACTORS = {
    "small": (1.18, 0.4536, 1.609, 2.2046),
    "medium": (2.54, 0.3048, 3.2808, 10.0, 0.1),
    "large": (60.0, 0.01, 100.0, 1000.0, 0.001),
}


class UnitChange(Fault):
    """A numeric column of one table arrives in another unit, scale, offset or sign, wholly or for a part of the rows."""

    variants = ("scale", "offset", "log", "sign", "affine", "mixed")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One to three weighty numbers of one table, one arithmetic."""
        n = {"small": 1, "medium": 1 + int(rng.random() < 0.3), "large": int(rng.integers(1, 4))}[severity]
        columns = weighty(system, "numeric", rng, n)
        if variant == "log":
            columns = [c for c in columns if system.current.train[c].min() >= 0 and system.current.train[c].max() > 5]
        if not columns:
            raise Inapplicable(f"no column for {variant}")
        table = str(rng.choice(["train", "validation"]))
        factor = float(rng.choice(_FACTORS[severity]))
        spread = {c: float(system.reference.train[c].std()) for c in columns}
        shift = {
            c: float(np.round(rng.choice([-1, 1]) * {"small": 1.0, "medium": 2.0, "large": 5.0}[severity] * spread[c], 1)) or 1.0
            for c in columns
        }
        part = float(rng.uniform(0.35, 0.65)) if variant == "mixed" else 1.0
        chosen = rng.random(len(system.current.frame(table))) < part
        arithmetic: dict[str, Callable[[Any, str], Any]] = {
            "scale": lambda x, _: x * factor,
            "mixed": lambda x, _: x * factor,
            "offset": lambda x, c: x + shift[c],
            "log": lambda x, _: np.log1p(x),
            "sign": lambda x, _: -x,
            "affine": lambda x, _: x * 1.8 + 32,
        }

        def change(half: Half) -> Half:
            frame = half.frame(table).copy()
            for column in columns:
                was = frame[column].astype(float)
                frame[column] = was.where(~chosen[: len(frame)], arithmetic[variant](was, column))
            return half.with_frame(table, frame)

        parameters = {"table": table, "columns": columns, "factor": factor, "offset": shift, "part": part}
        return Plan(on_current(change), tuple(f"{table}.{c}" for c in columns), parameters)


class UnitChangeServing(PlannedService):
    """A column of the requests comes in another unit, scale, offset or sign."""

    planned: ClassVar[type[Fault]] = UnitChange
    variants = UnitChange.variants
