"""Which tables of a case are held side by side for a reader."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import get_args

import numpy as np

from ruleout.case.case import SideName, TableName
from ruleout.problem.metric import labels_of
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = ["Pair", "by_target", "pairs"]

SIDES: tuple[SideName, ...] = ("reference", "current")
MOST_CLASSES = 50
"""A target of more values is no class that rows can be parted by."""

_YARDSTICKS = ("reference.validation", "current.validation", "reference.train", "current.train")


@dataclass(frozen=True)
class Pair:
    """Two tables side by side, and what each is called; the second has no rows where a table stands alone."""

    tables: tuple[str, ...]
    reference: Table
    current: Table
    names: tuple[str, str]
    alone: bool = False


def pairs(problem: Problem) -> tuple[Pair, ...]:
    """The pairs that a case offers, the one on which its metric is measured in production first.

    A serving log without an earlier one is held against validation, else training; training and validation against each other where
    nothing else is there; a lone table against none.
    """
    held = _held(problem)
    found = [
        Pair((name,), held[f"reference.{name}"], held[f"current.{name}"], (f"reference {name}", f"current {name}"))
        for name in ("serving", "train", "validation")
        if f"reference.{name}" in held and f"current.{name}" in held
    ]
    served = held.get("current.serving")
    if served is not None and not any(pair.tables == ("serving",) for pair in found):
        yardstick = next((place for place in _YARDSTICKS if place in held), None)
        if yardstick is not None:
            found.insert(0, Pair(("serving",), held[yardstick], served, (yardstick.replace(".", " "), "current serving")))
    if not found and "current.train" in held and "current.validation" in held:
        found.append(Pair(("train", "validation"), held["current.train"], held["current.validation"], ("train", "validation")))
    if not found:
        for name in get_args(TableName):
            table = held.get(f"current.{name}")
            if table is not None and table.stored is None:
                found.append(Pair((name,), table, table.take(np.array([], dtype=np.int64)), (name, ""), alone=True))
    return tuple(found)


def by_target(problem: Problem, name: str, table: Table) -> Pair | None:
    """One table's rows parted by the target: its two commonest classes, or the halves below and above its median; None without labels."""
    target = problem.case.target
    if target is None or target not in table or table.stored is not None or not table.n_rows:
        return None
    if problem.case.task == "regression":
        numbers = table.numbers(target)
        middle = float(np.nanmedian(numbers)) if np.isfinite(numbers).any() else float("nan")
        parts, names = (numbers <= middle, numbers > middle), (f"{target} up to {middle:.4g}", f"{target} above {middle:.4g}")
    else:
        labels = labels_of(table.values(target))
        counts = Counter(label for label in labels.tolist() if label is not None)
        classes = sorted(counts, key=lambda label: (-counts[label], label))[:2] if len(counts) <= MOST_CLASSES else []
        if len(classes) < 2:
            return None
        parts, names = (labels == classes[0], labels == classes[1]), (f"{target} = {classes[0]}", f"{target} = {classes[1]}")
    return Pair((name,), table.filter(parts[0]), table.filter(parts[1]), names)


def _held(problem: Problem) -> dict[str, Table]:
    """Every table of the case by its place; a profile where that was given in its place."""
    found: dict[str, Table] = {}
    for side in SIDES:
        held = problem.case.side(side)
        for name in get_args(TableName):
            place = f"{side}.{name}"
            table = problem.profiles.get(place)
            if table is None and held is not None:
                table = held.table(name)
            if table is not None:
                found[place] = table
    return found
