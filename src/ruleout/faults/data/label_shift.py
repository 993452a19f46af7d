"""A target whose mix moved."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from ruleout.faults.data.drift import more_rows
from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity
from ruleout.faults.service import PlannedService
from ruleout.faults.system import System, train


class LabelShift(Fault):
    """The target's mix moved, P(x given y) the same."""

    variants = ("validation", "both", "any-class")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """Real rows are drawn so that a class, or a range of the target, takes a larger part than it did."""
        target = system.dataset.target
        part = {"small": 0.5, "medium": 0.7, "large": 0.85}[severity]
        tables = ["train", "validation"] if variant == "both" else ["validation"]
        half = system.reference
        truth = half.validation[target]
        edges: np.ndarray | None = None
        label: int | str
        if system.dataset.task == "regression":
            edges = np.quantile(truth, [0.25, 0.5, 0.75])
            groups = np.searchsorted(edges, truth).astype(object)
            label = int(rng.integers(1, 3))
        else:
            groups = truth.to_numpy(dtype=object)
            right = train(half.config, half.train, half.code).predict(half.validation) == groups
            recall = {c: float(right[groups == c].mean()) for c in np.unique(groups.astype(str))}
            worst = sorted(recall, key=lambda c: recall[c])
            label = worst[0] if variant != "any-class" else str(rng.choice(worst[:3]))
        if len(system.pool) < 400:
            raise Inapplicable("no further rows of this world")
        seed = int(rng.integers(2**31))

        def apply(system: System) -> System:
            half = system.current
            for k, table in enumerate(tables):
                frame = more_rows(system, table)
                inside = (frame[target] == label).to_numpy() if edges is None else np.searchsorted(edges, frame[target]) == label
                generator = np.random.default_rng([seed, k])
                wanted = min(len(half.frame(table)), int(inside.sum() / part))
                yes = generator.permutation(np.flatnonzero(inside))[: int(wanted * part)]
                no = generator.permutation(np.flatnonzero(~inside))[: wanted - len(yes)]
                if wanted < 200:
                    raise Inapplicable("too few rows of that class")
                half = half.with_frame(table, frame.iloc[np.sort(np.r_[yes, no])].reset_index(drop=True))
            return replace(system, current=half)

        return Plan(apply, tuple(f"{t}.{target}" for t in tables), {"tables": tables, "more of": label, "part": part})


class LabelShiftServing(PlannedService):
    """Other classes come than training saw, each looking as it did."""

    planned: ClassVar[type[Fault]] = LabelShift
    variants = ("validation", "any-class")
