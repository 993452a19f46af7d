"""Training code that differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.system import Half, System, weighty

_LABELLED = '    frame = frame[frame[config["target"]].notna()]\n'
_FEATURES = "    features = frame[numeric + categorical].copy()\n"
_SCALER = 'Pipeline([("impute", numbers), ("scale", StandardScaler())])'


class Code(Fault):
    """The training code differs, and that alone makes the difference."""

    variants = ("dropped-columns", "head", "no-categories", "filled", "clipped", "no-scaler")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One edit of the training program, as a refactoring leaves it behind."""
        n = {"small": 1, "medium": 2, "large": 3}[severity]
        columns = weighty(system, "any", rng, n)
        numbers = weighty(system, "numeric", rng, n)
        rows = {"small": 0.06, "medium": 0.03, "large": 0.015}[severity]
        if variant == "no-categories" and not system.dataset.categorical:
            raise Inapplicable("no categories")
        if variant == "no-scaler" and system.estimator != "mlp":
            raise Inapplicable("only the network needs its scaler")
        drop = "".join(f"    {kind} = [c for c in {kind} if c not in {columns!r}]\n" for kind in ("numeric", "categorical"))
        edits = {
            "dropped-columns": (_FEATURES, drop + _FEATURES),
            "head": (_LABELLED, _LABELLED + f"    frame = frame.head({max(30, int(len(system.current.train) * rows))})\n"),
            "no-categories": (_FEATURES, "    categorical = []\n" + _FEATURES),
            "filled": (_FEATURES, _FEATURES + "".join(f"    features[{c!r}] = features[{c!r}].fillna(0) * 0\n" for c in numbers)),
            "clipped": (
                _FEATURES,
                _FEATURES + "".join(f"    features[{c!r}] = features[{c!r}].clip(upper=features[{c!r}].quantile(0.05))\n" for c in numbers),
            ),
            "no-scaler": (_SCALER, "numbers"),
        }
        old, new = edits[variant]

        def change(half: Half) -> Half:
            text = half.code.replace(old, new)
            return replace(half, code=text, shown_code=text)

        accept = ("pipeline.scaling", "pipeline.preprocessing") if variant == "no-scaler" else ("pipeline.preprocessing",)
        places = ("code", "code.train.py", "train.py", "model")
        return Plan(on_current(change), places, {"columns": columns if variant == "dropped-columns" else numbers}, accept=accept)
