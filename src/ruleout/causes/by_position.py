"""A metric that was computed with columns taken by position: an artifact without names, rows whose columns stand in another order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ruleout.causes.page import Finding
from ruleout.errors import RuleoutError
from ruleout.guards.guard import Guard
from ruleout.models.by_position import ByPosition
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = ["by_position", "order_guard"]

ROUNDING = 1e-3
"""How near the reported number must be reproduced: reports are rounded, and seldom to fewer decimals."""

NAMED = 8
"""Columns that are told as places, the first that stand elsewhere."""


def by_position(problem: Problem) -> Iterator[Finding]:
    """Yield the places whose order of columns, taken by position, gives the reported metric that the columns by name do not give."""
    held, figures = problem.case.current, problem.figures
    said, given = (figures.get(name, {}).get("current") for name in ("reported", "recomputed"))
    if held.train is None or held.validation is None or said is None or given is None or abs(said - given) <= ROUNDING:
        return
    model = problem.laboratory.model("current")
    # A model that knows its columns by name asks for them by name.
    if not isinstance(model, ByPosition) or any(c not in held.validation for c in model.features):
        return
    learned = list(model.features)
    config = _listed(problem, learned)
    for place, order in (("validation", [c for c in held.validation.columns if c in learned]), (config[0], config[1])):
        if len(order) != len(learned) or order == learned:
            continue
        try:
            found = problem.laboratory.metric(model, _read(held.validation, learned, order))
        except RuleoutError:
            continue
        if not math.isfinite(found) or abs(found - said) > ROUNDING * max(1.0, abs(said)):
            continue
        elsewhere = [c for c, other in zip(learned, order, strict=True) if c != other]
        keys = [k for k, v in (held.metrics or {}).items() if isinstance(v, int | float) and abs(abs(v) - abs(said)) < 1e-12]
        sign = 1.0 if not keys or (held.metrics or {})[keys[0]] == said else -1.0
        statement = (
            f"{place}: {len(elsewhere)} of {len(learned)} features stand in another order than in the training table, and the artifact"
            f" knows no names: taken by position they give the reported {said:.6g}, by name {given:.6g}; n = {held.validation.n_rows:,}."
        )
        shown = {"reported": said, "by_name": given, "by_position": found, "n": held.validation.n_rows}
        repair = {"metrics": dict.fromkeys(keys, sign * given), "order": learned}
        for where in (place, *(f"validation.{c}" for c in elsewhere[:NAMED])):
            yield Finding(where, "metrics", 3.9, statement.replace(place, where, 1), shown, repair, specificity=1.0)
        return


def order_guard(cause: str, finding: Finding) -> Guard | None:
    """The reported metric is what the artifact gives for columns by name."""
    keys = list(finding.repair["metrics"])
    if not keys:
        return None
    given = {"metric": keys[0], "table": "validation", "tolerance": 5 * ROUNDING}
    return Guard(cause, finding.place, "metric_reproduced", "metrics", given, "The metric was computed with columns in another order.")


def _read(table: Table, learned: Sequence[str], order: Sequence[str]) -> Table:
    """The table with the columns under the names that a reader by position gives them."""
    out = table
    for name, values in zip(learned, order, strict=True):
        out = out.with_column(name, table.arrow.column(values))
    return out


def _listed(problem: Problem, learned: Sequence[str]) -> tuple[str, list[str]]:
    """The configuration's list of the very same columns, where it holds one, and its key."""
    for key, value in (problem.case.current.config or {}).items():
        if isinstance(value, list | tuple) and len(value) == len(learned) and set(map(str, value)) == set(learned):
            return f"config.{key}", [str(v) for v in value]
    return "config", []
