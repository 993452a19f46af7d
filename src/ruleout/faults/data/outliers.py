"""A few absurd values."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.service import PlannedService
from ruleout.faults.system import Half, System, weighty


class Outliers(Fault):
    """A few absurd values in a column of one table do the harm."""

    variants = ("feature", "target", "validation")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """At most three rows in a hundred, a thousand and more spreads away."""
        table = "validation" if variant == "validation" else "train"
        part = float({"small": rng.uniform(0.001, 0.003), "medium": rng.uniform(0.003, 0.01), "large": rng.uniform(0.01, 0.03)}[severity])
        size = float(10 ** {"small": rng.uniform(2, 3), "medium": rng.uniform(3, 4), "large": rng.uniform(4, 6)}[severity])
        regression = system.dataset.task == "regression"
        if variant == "target" and not regression:
            raise Inapplicable("classes have no outliers")
        if variant == "feature" and system.estimator not in ("linear", "mlp"):
            raise Inapplicable("trees do not mind absurd features")
        if variant == "validation" and not regression:
            raise Inapplicable("a few wrong answers among classes do not move the metric")
        column = system.dataset.target if variant == "target" else weighty(system, "numeric", rng)[0]
        if variant == "validation" and system.estimator not in ("linear", "mlp"):
            column = system.dataset.target
        columns = [column] if variant != "feature" or severity == "small" else weighty(system, "numeric", rng, 3, among=4)
        rows = rng.permutation(len(system.current.frame(table)))
        rows = rows[: max(3, int(len(rows) * part))]
        signs = rng.choice([-1.0, 1.0], len(rows)) if variant == "feature" else np.ones(len(rows))

        def change(half: Half) -> Half:
            frame = half.frame(table).copy()
            inside = rows < len(frame)
            for column in columns:
                values = frame[column].to_numpy(dtype=float, copy=True)
                values[rows[inside]] = np.round(np.nanmean(values) + signs[inside] * size * np.nanstd(values), 1)
                frame[column] = values
            return half.with_frame(table, frame)

        parameters = {"table": table, "columns": columns, "n_rows": len(rows), "size": size}
        return Plan(on_current(change), tuple(f"{table}.{c}" for c in columns), parameters)


class OutliersServing(PlannedService):
    """A few requests hold absurd values."""

    planned: ClassVar[type[Fault]] = Outliers
    variants = ("validation",)
