"""Training on the future, or features made of it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, Situation, on_current
from ruleout.faults.system import Half, System

_FEATURES = {"shuffled": "day", "next-rows": "rate_around", "shifted": "next_result", "all-times": "shop_level"}


class TemporalLeakage(Fault):
    """Rows that have a time are split without regard to it, or a feature looks ahead."""

    situation: ClassVar[Situation] = "too-good"
    variants = ("shuffled", "next-rows", "shifted", "all-times")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Rows come in weeks of different kinds; the healthy split is by time, and its features look back only."""
        target, regression = system.dataset.target, system.dataset.task == "regression"
        if not regression and system.current.train[target].nunique() > 2:
            raise Inapplicable("a mean over rows needs two classes or a number")
        if variant == "shuffled" and system.estimator == "linear":
            raise Inapplicable("a line through the days does not remember one of them")
        strength = float({"small": rng.uniform(0.8, 1.1), "medium": rng.uniform(1.1, 1.6), "large": rng.uniform(1.6, 2.2)}[severity])
        seed, n_days = int(rng.integers(2**31)), int(rng.integers(40, 90))
        column, lacking = _FEATURES[variant], float(rng.uniform(0.0, 0.1))

        def dated(half: Half) -> Any:
            import pandas as pd

            generator = np.random.default_rng(seed)
            rows = pd.concat([half.train, half.validation], ignore_index=True)
            y = _outcome(rows, target, regression)
            effect = generator.normal(0, strength, n_days)
            # a row falls on a day whose kind suits its outcome (Gumbel, 1954: the largest of noisy utilities)
            day = np.argmax(np.outer((y - y.mean()) / y.std(), effect) + generator.gumbel(size=(len(rows), n_days)), axis=1)
            seconds = day * 86_400 + generator.integers(0, 86_400, len(rows))
            rows = rows.drop(columns=[c for c in (system.dataset.time,) if c])
            rows["recorded_at"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(seconds, unit="s")
            rows = rows.sort_values("recorded_at", kind="stable").reset_index(drop=True)
            y = _outcome(rows, target, regression)
            if variant == "shuffled":
                rows["day"] = (rows["recorded_at"] - pd.Timestamp("2024-03-01")).dt.days.astype(float)
            return rows, y, generator

        def split(half: Half, *, ahead: bool) -> Half:
            import pandas as pd

            rows, y, generator = dated(half)
            series = pd.Series(y)
            if variant == "next-rows":
                rows[column] = (
                    series.rolling(5, center=True, min_periods=1).mean()
                    if ahead
                    else series.shift(1).rolling(5, min_periods=1).mean().fillna(0)
                )
            if variant == "shifted":
                rows[column] = (0.4 * series + 0.6 * series.shift(-1) if ahead else series.shift(1)).fillna(0)
            if variant == "all-times":
                # Shops of few rows each; their level is the mean over all of their days, or over those before the cut; some rows are gone.
                before = np.arange(len(rows)) < int(len(rows) * 0.65)
                shop = generator.integers(0, len(rows) // 6, len(rows))
                lost = generator.random(len(rows)) < lacking
                used = np.ones(len(rows)) if ahead else before.astype(float)
                total, size = np.bincount(shop, weights=y * used), np.bincount(shop, weights=used)
                rows["shop"], rows[column] = [f"s{k}" for k in shop], np.where(size > 0, total / np.maximum(size, 1), y.mean())[shop]
                rows, y = rows[~lost].reset_index(drop=True), y[~lost]
            n = int(len(rows) * 0.65)
            order = generator.permutation(len(rows)) if ahead and variant == "shuffled" else np.arange(len(rows))
            train, validation = (rows.iloc[np.sort(part)].reset_index(drop=True) for part in (order[:n], order[n:]))
            half = half.with_frame("train", train).with_frame("validation", validation)
            return half.with_config(numeric=[*half.config["numeric"], column])

        original = system.current
        return Plan(
            on_current(lambda _: split(original, ahead=True)),
            ("train.recorded_at", "recorded_at", "train") if variant == "shuffled" else (column,),
            {"strength": strength, "days": n_days},
            setup=on_current(lambda _: split(original, ahead=False)),
            accept={
                "shuffled": (),
                "all-times": ("data.label-leakage", "data.preprocessing-leakage", "data.group-leakage"),
            }.get(variant, ("data.label-leakage",)),
            situation="too-good",
            fields={"time": "recorded_at"},
        )


def _outcome(frame: Any, target: str, regression: bool) -> np.ndarray:
    values = frame[target]
    out: np.ndarray = values.to_numpy(float) if regression else (values == sorted(values.unique())[-1]).to_numpy(float)
    return out
