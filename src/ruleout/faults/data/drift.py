"""Inputs that moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity
from ruleout.faults.service import PlannedService
from ruleout.faults.system import System, train, weighty

__all__ = ["Drift", "more_rows"]


def more_rows(system: System, table: str) -> Any:
    """Rows to choose a drifted table from: the table's own and those of the same world that no table holds."""
    import pandas as pd

    own = system.current.frame(table)
    pool = system.pool if table == "validation" else system.pool.iloc[::-1]
    return pd.concat([own, pool.head(6 * len(own))], ignore_index=True)


class Drift(Fault):
    """The population moved: other means, another mix of categories, P(y given x) the same."""

    variants = ("both", "validation")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Real rows of the same world are drawn with weights by one feature, towards where the reference model errs."""
        tables = ["train", "validation"] if variant == "both" else ["validation"]
        column = weighty(system, "any", rng)[0]
        strength = {"small": 1.0, "medium": 2.0, "large": 4.0}[severity]
        weight, direction = _weights(system, column, strength)
        seed = int(rng.integers(2**31))
        if len(system.pool) < 400:
            raise Inapplicable("no further rows of this world")

        def apply(system: System) -> System:
            half = system.current
            for k, table in enumerate(tables):
                frame = more_rows(system, table)
                w = weight(frame)
                generator = np.random.default_rng([seed, k])
                # without replacement: no row stands twice (Efraimidis and Spirakis, 2006)
                keys = np.log(generator.random(len(frame))) / w
                n = max(min(len(half.frame(table)), int(0.4 * len(frame))), 300)
                chosen = np.sort(np.argsort(-keys)[:n])
                half = half.with_frame(table, frame.iloc[chosen].reset_index(drop=True))
            return replace(system, current=half)

        return Plan(
            apply, tuple(f"{t}.{column}" for t in tables), {"tables": tables, "column": column, "strength": strength, "towards": direction}
        )


def _weights(system: System, column: str, strength: float) -> tuple[Any, Any]:
    """Sampling weights by a column's value, larger where the reference model errs more."""
    half = system.reference
    model = train(half.config, half.train, half.code)
    target = system.dataset.target
    truth, answer = half.validation[target].to_numpy(), model.predict(half.validation)
    loss = (truth != answer).astype(float) if system.dataset.task == "classification" else np.abs(truth - answer)
    values = half.validation[column]
    if column in system.dataset.categorical:
        means = {level: float(loss[(values == level).to_numpy()].mean()) for level in values.dropna().unique()}
        ranks = {level: k / max(1, len(means) - 1) for k, level in enumerate(sorted(means, key=lambda m: means[m]))}
        return (lambda frame: np.exp(1.5 * strength * frame[column].map(ranks).astype(float).fillna(0).to_numpy())), max(
            means, key=lambda m: means[m]
        )
    centre, spread = float(values.mean()), float(values.std()) or 1.0
    known = values.notna().to_numpy()
    up = np.corrcoef(values[known].astype(float), loss[known])[0, 1] >= 0 if loss[known].std() > 0 else True
    sign = 1.0 if up else -1.0

    def weight(frame: Any) -> np.ndarray:
        z = ((frame[column].astype(float) - centre) / spread).fillna(-3 * sign).to_numpy()
        return np.asarray(np.exp(np.clip(sign * z, -3, 3) * strength))

    return weight, "higher" if up else "lower"


class DriftServing(PlannedService):
    """Other requests come than training saw: other means, another mix of categories."""

    planned: ClassVar[type[Fault]] = Drift
    variants = ("validation",)
