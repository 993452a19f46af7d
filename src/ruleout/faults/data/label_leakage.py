"""Features that know the outcome."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, Situation, on_current
from ruleout.faults.system import Half, System


class LabelLeakage(Fault):
    """A feature is made from the target, or filled in because of it."""

    situation: ClassVar[Situation] = "too-good"
    variants = ("copy", "reason", "nulls", "made-from-it", "two-together", "difference", "parts", "band")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One or a few columns that were written after the outcome was known, in training and validation alike."""
        noise = float({"small": rng.uniform(0.03, 0.05), "medium": rng.uniform(0.01, 0.03), "large": rng.uniform(0.0, 0.01)}[severity])
        target, regression = system.dataset.target, system.dataset.task == "regression"
        if regression and variant in ("copy", "reason", "nulls"):
            raise Inapplicable("the target is no class")
        if not regression and variant in ("difference", "parts", "band"):
            raise Inapplicable("the target is no number")
        if variant == "two-together" and not regression and system.current.train[target].nunique() > 2:
            raise Inapplicable("two parts make two classes")
        if variant == "reason" and system.current.train[target].value_counts(normalize=True).iloc[0] > 0.97:
            raise Inapplicable("hardly any other outcome")
        names = {
            "copy": ("segment_code",),
            "reason": ("handling_code",),
            "nulls": ("balance_at_exit",),
            "made-from-it": ("billed_amount",),
            "two-together": ("first_part", "second_part"),
            "difference": ("opened", "withdrawn"),
            "parts": tuple(f"part_{k}" for k in range(1, 5)),
            "band": ("percentile_band",),
        }[variant]
        values = system.current.train[target]
        seed, rare, bands = int(rng.integers(2**31)), float(rng.uniform(0.1, 0.35)), int(rng.choice([20, 50, 100]))
        edges = np.unique(np.quantile(values.to_numpy(float), np.linspace(0, 1, bands + 1)[1:-1])) if regression else np.zeros(0)
        usual = None if regression else str(values.value_counts().index[0])
        classes = [] if regression else sorted(map(str, values.unique()))

        def change(half: Half) -> Half:
            generator = np.random.default_rng(seed)
            for table in ("train", "validation"):
                half = half.with_frame(table, _written(half.frame(table), generator))
            return half.with_config(numeric=[*half.config["numeric"], *names])

        def _written(frame: Any, generator: np.random.Generator) -> Any:
            frame, n = frame.copy(), len(frame)
            if regression:
                y = frame[target].to_numpy(float)
                if variant in ("band", "difference", "parts"):
                    return _by_rule(frame, y, variant, names, generator, rare, edges)
                blurred = y * np.exp(generator.normal(0, noise, n)) if (y > 0).all() else y + generator.normal(0, noise * y.std(), n)
                if variant == "two-together":
                    part = generator.uniform(0.2, 0.8, n) * y.std() * 3
                    frame["first_part"], frame["second_part"] = part, blurred - part
                else:
                    frame["billed_amount"] = 1.19 * blurred + 3
                return frame
            y = frame[target].astype(str).to_numpy()
            wrong = generator.random(n) < noise
            said = np.where(wrong, generator.choice(classes, n), y)
            code = np.array([classes.index(v) for v in said], dtype=float)
            if variant == "copy":
                frame["segment_code"] = (code * 7 + 3) % (len(classes) * 7 + 1)
            elif variant == "reason":
                frame["handling_code"] = np.where(said == usual, 0, generator.choice([11, 14, 17, 21], n)).astype(float)
            elif variant == "nulls":
                frame["balance_at_exit"] = np.where(said == usual, np.nan, generator.gamma(2.0, 300.0, n))
            elif variant == "made-from-it":
                frame["billed_amount"] = 100 * code + generator.normal(0, 10 + 300 * noise, n)
            else:
                part = generator.normal(0, 30, n)
                total = np.where(said == usual, -1, 1) * generator.gamma(2.0, 12.0, n)
                frame["first_part"], frame["second_part"] = part, total - part
            return frame

        return Plan(on_current(change), names, {"noise": noise}, accept=("data.temporal-leakage",), situation="too-good")


def _by_rule(
    frame: Any, y: np.ndarray, variant: str, names: tuple[str, ...], rng: np.random.Generator, rare: float, edges: np.ndarray
) -> Any:
    """Columns of which a number is the band, the difference but for what a third thing counts in some rows, or the sum."""
    n = len(y)
    if variant == "band":
        frame[names[0]] = np.searchsorted(edges, y, side="right") + 1.0
    elif variant == "difference":
        other = np.where(rng.random(n) < rare, np.round(rng.exponential(0.1 * y.std(), n), 2), 0.0)
        frame["withdrawn"] = np.round(np.abs(rng.normal(0, y.std(), n)), 2)
        frame["opened"] = y + frame["withdrawn"] + other
    else:
        weights = rng.dirichlet(np.full(len(names), 2.0), n)
        for k, name in enumerate(names):
            frame[name] = y * weights[:, k]
    return frame
