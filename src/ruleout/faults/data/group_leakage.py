"""Entities on both sides of the split."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, Situation, on_current
from ruleout.faults.system import Half, System


class GroupLeakage(Fault):
    """Each unit is measured several times, and its rows are split one by one."""

    situation: ClassVar[Situation] = "too-good"
    variants = ("named", "unnamed")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Rows of the data set become units with several measurements each; the healthy split is by unit, the broken one by row."""
        if system.estimator == "linear":
            raise Inapplicable("a linear model does not remember units")
        if not system.dataset.numeric:
            raise Inapplicable("no number that could be measured again")
        times = int({"small": rng.integers(3, 5), "medium": rng.integers(5, 8), "large": rng.integers(8, 12)}[severity])
        spread, seed = float(rng.uniform(0.02, 0.08)), int(rng.integers(2**31))
        numeric = list(system.dataset.numeric)

        def measured(half: Half) -> tuple[Any, Any]:
            import pandas as pd

            generator = np.random.default_rng(seed)
            rows = pd.concat([half.train, half.validation], ignore_index=True)
            n_units = max(80, len(rows) // times)
            units = rows.iloc[generator.permutation(len(rows))[:n_units]].reset_index(drop=True)
            number = np.repeat(np.arange(len(units)), generator.poisson(times - 1, len(units)) + 1)
            again = units.iloc[number].reset_index(drop=True)
            width = units[numeric].std().to_numpy() * spread
            again[numeric] = again[numeric].astype(float) + generator.normal(0, 1, (len(again), len(numeric))) * width
            again = again.drop(columns=[c for c in (system.dataset.key, system.dataset.time) if c in again.columns])
            again.insert(0, "unit_id", generator.permutation(90_000)[number] + 10_000)
            return again, generator

        def split(half: Half, *, by_unit: bool) -> Half:
            again, generator = measured(half)
            place = generator.permutation(100_000)[again["unit_id"].to_numpy()] if by_unit else generator.permutation(len(again))
            order, n = np.argsort(place, kind="stable"), int(len(again) * 0.65)
            if by_unit:
                ids = again["unit_id"].to_numpy()[order]
                while n < len(ids) - 1 and ids[n] == ids[n - 1]:
                    n += 1
            again = again.iloc[order]
            train, validation = again.iloc[:n], again.iloc[n:]
            shuffled = generator.permutation
            train, validation = (t.iloc[shuffled(len(t))].reset_index(drop=True) for t in (train, validation))
            return half.with_frame("train", train).with_frame("validation", validation)

        fields = {"entity": "unit_id"} if variant == "named" else {}
        original = system.current
        return Plan(
            on_current(lambda _: split(original, by_unit=False)),
            ("unit_id",),
            {"times": times},
            setup=on_current(lambda _: split(original, by_unit=True)),
            accept=("data.overlap",) if spread < 0.01 else (),
            situation="too-good",
            fields=fields,
        )
