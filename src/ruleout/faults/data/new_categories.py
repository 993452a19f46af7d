"""Category values that are new or spelled otherwise."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.night import PlannedNight
from ruleout.faults.service import PlannedService
from ruleout.faults.system import Half, System, importance, weighty


class NewCategories(Fault):
    """Values of a category are spelled otherwise, abbreviated, coded, or were never seen before."""

    variants = ("case", "abbreviated", "coded", "padded", "new", "partly")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One or more weighty categories of one table."""
        categories = [c for c in importance(system) if c in system.dataset.categorical]
        if not categories:
            raise Inapplicable("no categories")
        n = {"small": 1, "medium": 2, "large": len(categories)}[severity]
        columns = weighty(system, "categorical", rng, n, among=2)
        table = str(rng.choice(["train", "validation"]))
        part = {"small": 0.6, "medium": 0.8, "large": 1.0}[severity] if variant in ("new", "partly") else 1.0
        chosen = rng.random(len(system.current.frame(table))) < part
        spelling = {c: _spelling(variant, sorted(system.reference.train[c].dropna().astype(str).unique())) for c in columns}

        def change(half: Half) -> Half:
            frame = half.frame(table).copy()
            for column in columns:
                was = frame[column]
                now = was.astype(str).map(lambda v, c=column: spelling[c].get(v, v)).astype(str)
                frame[column] = was.where(~chosen[: len(frame)] | was.isna().to_numpy(), now)
            return half.with_frame(table, frame)

        return Plan(
            on_current(change),
            tuple(f"{table}.{c}" for c in columns),
            {"table": table, "columns": columns, "part": part, "spelling": {c: dict(list(m.items())[:4]) for c, m in spelling.items()}},
        )


def _spelling(variant: str, levels: list[str]) -> dict[str, str]:
    """New spellings by old one; distinct levels stay distinct."""
    if variant in ("case", "partly"):
        return {v: v.upper() if v != v.upper() else v.lower() for v in levels}
    if variant == "padded":
        return {v: v + " " for v in levels}
    if variant == "coded":
        return {v: f"{k:02d}" for k, v in enumerate(levels)}
    if variant == "new":
        return {v: f"{v} plus" for v in levels}
    short: dict[str, str] = {}
    for v in levels:
        length = next((k for k in range(1, len(v) + 1) if v[:k] not in short.values()), len(v))
        short[v] = v[:length] if v[:length] != v else f"{v}."
    return short


class NewCategoriesSilent(PlannedNight):
    """A source spells its values otherwise since last night, and every job is green."""

    planned: ClassVar[type[Fault]] = NewCategories
    variants = NewCategories.variants


class NewCategoriesServing(PlannedService):
    """A client spells its values otherwise than training knew them."""

    planned: ClassVar[type[Fault]] = NewCategories
    variants = NewCategories.variants
