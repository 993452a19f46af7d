"""What the pages on fitted models share: scores of models on tables, asked of the laboratory where the restating did not measure them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from ruleout.case.case import Case, SideName
from ruleout.case.difference import config_difference
from ruleout.causes.settings import changed_settings
from ruleout.errors import RuleoutError
from ruleout.guards.systems import code_fingerprint
from ruleout.models.model import Model
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = [
    "better",
    "explained_by_setting",
    "figure",
    "measured",
    "other_code",
    "refitted",
    "same_config",
    "same_tables",
    "spread",
    "train_score",
    "without_artifact",
]


def better(problem: Problem) -> float:
    """+1 where a higher metric is better, -1 where lower."""
    return -1.0 if problem.case.direction == "lower" else 1.0


def figure(problem: Problem, name: str, side: SideName) -> float | None:
    """A number that was measured when the problem was restated; None where it was not."""
    held = problem.figures.get(name)
    value = held.get(side) if isinstance(held, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) else None


def measured(problem: Problem, model: Model | None, table: Table | None) -> float | None:
    """The case's metric of a model on a table; None where it cannot be had."""
    target = problem.case.target
    if model is None or table is None or target is None or target not in table or table.n_rows == 0:
        return None
    try:
        value = problem.laboratory.metric(model, table)
    except RuleoutError:
        return None
    return value if math.isfinite(value) else None


def train_score(problem: Problem, side: SideName) -> float | None:
    """The metric of a side's artifact on its own training rows."""
    known = figure(problem, "train_score", side)
    held = problem.case.side(side)
    if known is not None or held is None or held.train is None:
        return known
    return measured(problem, problem.laboratory.model(side), held.train.sample(10_000, 0))


def refitted(problem: Problem, side: SideName, seeds: int = 3) -> list[float]:
    """The metric of models fitted again on a side as it stands, one a seed; [] where it cannot be fitted again."""
    held = problem.case.side(side)
    known = figure(problem, "refit", side)
    if known is not None:
        return [known]
    if held is None or held.train is None or held.validation is None:
        return []
    out: list[float] = []
    for seed in range(seeds):
        try:
            model = problem.laboratory.fit(without_artifact(problem.case, side), side, seed=problem.laboratory.seed + seed)
        except RuleoutError:
            break
        value = measured(problem, model, held.validation)
        if value is None:
            break
        out.append(value)
    return out


def spread(problem: Problem, values: list[float] | None = None) -> float:
    """Standard deviation of the metric over seeds: measured where it was, at least half of what counts as noise."""
    known = problem.figures.get("seed_sd", problem.figures.get("training_noise"))
    found = float(known) if isinstance(known, int | float) and math.isfinite(known) else 0.0
    if values and len(values) > 1:
        mean = sum(values) / len(values)
        found = max(found, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)))
    return max(found, 0.5 * problem.noise, 1e-9)


def explained_by_setting(problem: Problem) -> bool:
    """Whether some setting differs between the sides: then its own page comes first."""
    return bool(changed_settings(problem).changes)


def same_config(case: Case) -> bool | None:
    """Whether the two configurations say the same, seeds and labels aside; None where one is not known."""
    reference, current = case.reference, case.current
    if reference is None or reference.config is None or current.config is None:
        return None
    return not config_difference(reference.config, current.config)


def same_tables(case: Case) -> bool | None:
    """Whether both sides' training rows are the same; None where one is not known."""
    reference, current = case.reference, case.current
    if reference is None or reference.train is None or current.train is None:
        return None
    if reference.train.n_rows != current.train.n_rows:
        return False
    return reference.train.fingerprint == current.train.fingerprint


def other_code(problem: Problem) -> bool:
    """Whether both sides' code is known and does not do the same: then what the artifact is made of follows from that."""
    reference, current = problem.case.reference, problem.case.current
    if reference is None or reference.code is None or current.code is None:
        return False
    return code_fingerprint(reference.code.files) != code_fingerprint(current.code.files)


def without_artifact(case: Case, side: SideName) -> Case:
    """The case with a side's artifact taken away, so that it is fitted again from the rows and settings that stand there."""
    held = case.side(side)
    return case if held is None else case.with_side(side, replace(held, model=None))
