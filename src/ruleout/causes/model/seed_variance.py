"""The page on what another seed gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ruleout.case.case import ABSENT, Case
from ruleout.case.difference import SEEDS, with_value
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.scores import figure, refitted, same_config, same_tables, spread
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["SeedVariance"]


class SeedVariance(Cause):
    """The two sides differ in the seed alone, and training from another seed scatters as widely as the difference.

    What goes wrong
    ---------------
    Nothing is broken. Rows, settings and code are the same, the seed is not, and training is so unstable that the metric moves by as
    much as the change that alarmed people.

    Why it happens
    --------------
    Few training rows, a small or uneven validation table, random initial weights, row and column sampling, an early stop on a noisy
    score, a seed that nobody set.

    What you see
    ------------
    Each retraining gives another metric, up as often as down, and nothing else differs.

    How it is tested
    ----------------
    Only where training rows and configuration are the same but for a seed. With s the standard deviation of the metric over refits
    with other seeds, z = |change| / (s sqrt 2): the evidence is 3 - z^2 / 2, the log likelihood ratio of a change drawn from the
    seeds' own scatter against one of unknown size, and at least 1: where nothing else differs it is the seed, however unlucky.

    What would rule it out
    ----------------------
    Rows or settings that differ, or refits over seeds that scatter far less than the difference.

    How it is fixed
    ---------------
    Judge by the mean over several seeds, or average their models; get more rows where the scatter is too wide to live with.

    How it stays fixed
    ------------------
    Record the seed with each artifact, report the metric with its spread over seeds, and alarm on changes beyond that spread.

    Told apart from
    ---------------
    Every cause that changes rows or settings. model.hyperparameter never counts a seed as a setting.

    References
    ----------
    Bouthillier et al. (2021), Accounting for variance in machine learning benchmarks, MLSys. Dodge et al. (2020), Fine-tuning
    pretrained language models: weight initializations, data orders, and early stopping.
    """

    needs = (("reference.train", "current.train", "current.model"), ("reference.config", "current.config"))
    cost = 2.0

    def suspect(self, problem: Problem) -> Look:
        """Where nothing but a seed differs, compare the change with the scatter over seeds."""
        tables, config = same_tables(problem.case), same_config(problem.case)
        n = problem.case.current.train.n_rows if problem.case.current.train else 0
        if tables is False or config is False or (tables is None and config is None):
            what = "training rows" if tables is False else "settings" if config is False else "unknown rows and settings"
            return Look(
                (), 0.9 if tables is False or config is False else 0.0, f"config.seed: {what} differ too, so no seed alone, n = {n:,}."
            )
        seed = _seed(problem)
        change = abs(problem.change) if problem.change is not None else None
        if seed is None or change is None or change <= 0:
            return Look((), 0.5, f"config.seed: the seed is the same or unknown on both sides, n = {n:,}.")
        path, was, now = seed
        known = problem.figures.get("seed_sd")
        values = [] if known is not None else refitted(problem, "current")
        if known is None and len(values) < 2 and figure(problem, "refit", "current") is None:
            return Look((), 0.1, f"config.{'.'.join(path)}: {was!r} became {now!r}; no refit over seeds could be made, n = {n:,}.")
        s = spread(problem, values)
        z = change / (s * math.sqrt(2))
        place = f"config.{path[-1].rsplit('__', 1)[-1]}"
        statement = (
            f"{place}: {was!r} became {now!r} and nothing else; change {change:.4f}, expected scatter {s * math.sqrt(2):.4f}, n = {n:,}."
        )
        repair = {"path": path, "healthy": was, "broken": now}
        # Nothing but the seed differs, so it is the seed by identity; a change far beyond the scatter only makes it an unlucky one.
        finding = Finding(place, "seed", max(3.0 - z * z / 2, 1.0), statement, {"spread": s, "z": z}, repair, specificity=0.4)
        return Look((finding,), 0.9)

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The current side with the reference's seed, to be fitted again."""
        return _put(case, finding, "healthy")

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The seed is the one that was recorded."""
        key, healthy = ".".join(finding.repair["path"]), finding.repair["healthy"]
        if problem.case.current.config is None or healthy is ABSENT:
            return None
        return Guard(
            self.id(), finding.place, "config_equals", "config", {"key": key, "value": healthy}, "The seed is not the recorded one."
        )


def _put(case: Case, finding: Finding, which: str) -> Case | None:
    held = case.side(finding.side)
    if held is None or "path" not in finding.repair:
        return None
    return case.with_config(finding.side, with_value(held.config, tuple(finding.repair["path"]), finding.repair[which]))


def _seed(problem: Problem) -> tuple[tuple[str, ...], Any, Any] | None:
    """The path and both values of the seed that differs, in the configurations or else in the artifacts' parameters."""
    reference, current = problem.case.reference, problem.case.current
    if reference is not None and reference.config is not None and current.config is not None:
        return _differing(reference.config, current.config, ())
    first, second = problem.laboratory.model("reference"), problem.laboratory.model("current")
    return None if first is None or second is None else _differing(first.describe().parameters, second.describe().parameters, ())


def _differing(old: Mapping[str, Any], new: Mapping[str, Any], above: tuple[str, ...]) -> tuple[tuple[str, ...], Any, Any] | None:
    for name in {**old, **new}:
        first, second = old.get(name, ABSENT), new.get(name, ABSENT)
        path = (*above, str(name))
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            below = _differing(first, second, path)
            if below is not None:
                return below
        elif SEEDS.search(str(name).rsplit("__", 1)[-1].lower()) and first != second:
            return path, first, second
    return None
