"""A score that is as good as it looks."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, Situation, on_current
from ruleout.faults.system import Half, System


class HonestScore(Fault):
    """One side stands alone, and its score is honest, high or not: be it for a column that is good, and looks as one that leaks."""

    situation: ClassVar[Situation] = "too-good"
    variants = ("plain", "driver", "earlier-results", "dated")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The system as it is, without its reference.

        `driver`: shops differ, and a column says by how much. `earlier-results`: rows come in order of time, and a column is the mean
        of the results before. `dated`: the rows have times that mean nothing, and are split without regard to them.
        """
        target, regression = system.dataset.target, system.dataset.task == "regression"
        if variant != "plain" and not regression and system.current.train[target].nunique() > 2:
            raise Inapplicable("a level of the outcome needs two classes or a number")
        made = {"driver": _driver, "earlier-results": _earlier, "dated": _dated}.get(variant)
        strength = float({"small": rng.uniform(0.2, 0.4), "medium": rng.uniform(0.4, 0.7), "large": rng.uniform(0.7, 1.0)}[severity])
        seed = int(rng.integers(2**31))

        def ready(half: Half) -> Half:
            return half if made is None else made(half, target, regression, strength, np.random.default_rng(seed), system.dataset.time)

        fields = {"symptom": f"{system.metric} is better than we hoped; is it honest?"}
        if variant in ("earlier-results", "dated"):
            fields["time"] = "recorded_at"
        return Plan(lambda system: system, (), {"strength": strength}, setup=on_current(ready), situation="too-good", fields=fields)


def _driver(half: Half, target: str, regression: bool, strength: float, rng: np.random.Generator, time: str | None) -> Half:
    """Rows fall to shops of some ten rows that suit their outcome, and the shop's pull is a column: it drives, and knows no outcome."""
    rows, y = _together(half, target, regression, time)
    n_shops = max(40, len(rows) // int(rng.integers(5, 15)))
    pull = rng.normal(0, strength, n_shops)
    # A row falls to a shop that suits its outcome (Gumbel, 1954: the largest of noisy utilities).
    shop = np.argmax(np.outer((y - y.mean()) / y.std(), pull) + rng.gumbel(size=(len(rows), n_shops)), axis=1)
    rows["shop"], rows["shop_pull"] = [f"s{k}" for k in shop], np.round(pull[shop], 4)
    return _apart(half, rows).with_config(numeric=[*half.config["numeric"], "shop_pull"])


def _earlier(half: Half, target: str, regression: bool, strength: float, rng: np.random.Generator, time: str | None) -> Half:
    """Rows in order of time, in spells that suit their outcomes, and the mean of the five results before each as a column."""
    import pandas as pd

    rows, y = _together(half, target, regression, time)
    n_days = int(rng.integers(40, 90))
    pull = rng.normal(0, strength, n_days)
    day = np.argmax(np.outer((y - y.mean()) / y.std(), pull) + rng.gumbel(size=(len(rows), n_days)), axis=1)
    seconds = day * 86_400 + rng.integers(0, 86_400, len(rows))
    rows["recorded_at"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(seconds, unit="s")
    order = np.argsort(seconds, kind="stable")
    rows, y = rows.iloc[order].reset_index(drop=True), y[order]
    rows["recent_results"] = pd.Series(y).shift(1).rolling(5, min_periods=1).mean().fillna(float(y.mean()))
    return _apart(half, rows).with_config(numeric=[*half.config["numeric"], "recent_results"])


def _dated(half: Half, target: str, regression: bool, strength: float, rng: np.random.Generator, time: str | None) -> Half:
    """Rows with times that have nothing to do with them, split as they come."""
    import pandas as pd

    rows, _ = _together(half, target, regression, time)
    seconds = rng.integers(0, int(rng.integers(40, 90)) * 86_400, len(rows))
    rows["recorded_at"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(seconds, unit="s")
    return _apart(half, rows)


def _together(half: Half, target: str, regression: bool, time: str | None) -> tuple[Any, np.ndarray]:
    """Training and then validation rows without the data set's own time, and their outcomes as numbers."""
    import pandas as pd

    rows = pd.concat([half.train, half.validation], ignore_index=True).drop(columns=[c for c in (time,) if c])
    values = rows[target]
    return rows, values.to_numpy(float) if regression else (values == sorted(values.unique())[-1]).to_numpy(float)


def _apart(half: Half, rows: Any) -> Half:
    """The first rows as training, the rest as validation."""
    n = len(half.train)
    return half.with_frame("train", rows[:n].reset_index(drop=True)).with_frame("validation", rows[n:].reset_index(drop=True))
