"""Features that know the outcome."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, Situation, on_current
from ruleout.faults.system import Half, System


class LabelLeakage(Fault):
    """A feature is made from the target, or filled in because of it."""

    situation: ClassVar[Situation] = "too-good"
    variants = ("copy", "reason", "nulls", "made-from-it", "two-together")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One or two columns that were written after the outcome was known, in training and validation alike."""
        noise = float({"small": rng.uniform(0.03, 0.05), "medium": rng.uniform(0.01, 0.03), "large": rng.uniform(0.0, 0.01)}[severity])
        target, regression = system.dataset.target, system.dataset.task == "regression"
        if regression and variant in ("copy", "reason", "nulls"):
            raise Inapplicable("the target is no class")
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
        }[variant]
        seed = int(rng.integers(2**31))
        values = system.current.train[target]
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
