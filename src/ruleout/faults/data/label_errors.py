"""Wrong labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.system import Half, System


class LabelErrors(Fault):
    """Labels of one table are wrong: exchanged between classes, noisy, wrong one way only, shifted, scaled or cut off."""

    variants = ("swap", "noise", "one-sided", "shift", "scale", "cut")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A fraction of the labels of one table, most often of training."""
        target = system.dataset.target
        table = "train" if rng.random() < 0.75 else "validation"
        part = float({"small": rng.uniform(0.15, 0.25), "medium": rng.uniform(0.25, 0.4), "large": rng.uniform(0.4, 0.6)}[severity])
        labels = system.current.frame(table)[target]
        seed = int(rng.integers(2**31))
        if system.dataset.task == "regression":
            if variant in ("swap", "one-sided"):
                raise Inapplicable(f"{variant} is for classes")
            spread = float(system.reference.train[target].std())
            size = {"small": 1.0, "medium": 2.0, "large": 4.0}[severity] * spread
            changes: dict[str, Callable[[Any, np.random.Generator], Any]] = {
                "noise": lambda y, g: g.permutation(y),
                "shift": lambda y, _: y + size,
                "scale": lambda y, _: y * (10.0 if severity == "large" else 2.5),
                "cut": lambda y, _: np.minimum(y, float(np.quantile(y, {"small": 0.7, "medium": 0.5, "large": 0.3}[severity]))),
            }
            part = 1.0 if variant == "cut" else part
            wrong = changes[variant]
            details: dict[str, Any] = {"size": size}
        else:
            if variant in ("shift", "scale", "cut"):
                raise Inapplicable(f"{variant} is for numbers")
            classes = list(labels.value_counts().index)
            pair = list(rng.choice(np.array(classes[:4], dtype=object), 2, replace=False))
            if severity != "small" and variant != "noise":
                part = 0.9 if severity == "large" else 0.6
            table_of = {"swap": {pair[0]: pair[1], pair[1]: pair[0]}, "one-sided": {pair[0]: pair[1]}}.get(variant, {})

            def wrong(y: Any, g: np.random.Generator) -> Any:
                if variant == "noise":
                    return np.array([[c for c in classes if c != v][g.integers(len(classes) - 1)] for v in y], dtype=object)
                return np.array([table_of.get(v, v) for v in y], dtype=object)

            details = {"classes": pair if variant != "noise" else None}

        def change(half: Half) -> Half:
            generator = np.random.default_rng(seed)
            frame = half.frame(table).copy()
            rows = np.flatnonzero(generator.random(len(frame)) < part)
            values = frame[target].to_numpy(dtype=object if system.dataset.task == "classification" else float, copy=True)
            values[rows] = wrong(values[rows], generator)
            frame[target] = frame[target].__class__(
                values, index=frame.index, dtype="float64" if system.dataset.task == "regression" else "str"
            )
            return half.with_frame(table, frame)

        # A number that went through the same arithmetic in a part of the rows is in another unit or at another offset there.
        accept = ("data.unit-change",) if variant in ("shift", "scale") else ()
        return Plan(on_current(change), (f"{table}.{target}",), {"table": table, "part": part, **details}, accept=accept)
