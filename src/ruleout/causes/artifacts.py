"""Which artifact gave the answers of a production log: the intended one, the other side's, or none that the case holds."""

from __future__ import annotations

import math

import numpy as np

from ruleout.causes.answers import Answers, answers_of, between, follows
from ruleout.causes.page import Look
from ruleout.causes.recurrence import permuted, recurrence
from ruleout.causes.stretches import stretch_of
from ruleout.problem.problem import Problem

__all__ = ["answering_artifact"]


def answering_artifact(problem: Problem) -> Look:
    """Hold the log's answers against every artifact of the case.

    Another artifact than the intended that reproduces the log is near proof. Where none does, answers that differ throughout and yet
    go with the artifact's own are what another model would give.
    """
    answers = answers_of(problem)
    if answers is None:
        return follows(None, "another artifact")
    rates = answers.rates
    if answers.artifact != answers.intended:
        said = (
            f"model: the {answers.artifact} side's artifact gives {answers.plain.rate:.1%} of the logged answers again, the intended one"
            f" of the {answers.intended} side {rates[answers.intended]:.1%}, n = {answers.n:,}."
        )
        return Look(
            (between("model", 3.9, said, {"rates": dict(rates)}, repair={"meant": answers.intended}),), 0.95, covers=("serving", "model")
        )
    if answers.follow and answers.intended == "current" and rates.get("reference", 1.0) < 0.9:
        said = (
            f"model: the logged answers are those of the current artifact ({answers.plain.rate:.1%}), not the validated one: that gives"
            f" {rates['reference']:.1%} of n = {answers.n:,} answers again."
        )
        repair = {"meant": "reference"}
        return Look(
            (between("model", 2.5, said, {"rates": dict(rates)}, specificity=0.8, repair=repair),), 0.95, covers=("serving", "model")
        )
    if answers.follow:
        return follows(answers, "another artifact")
    stretch = stretch_of(answers)
    if stretch is not None and stretch.column not in answers.features and recurrence(answers) is None:
        said = (
            f"model: {stretch.words} the artifact gives {stretch.rate:.1%} of n = {int(stretch.rows.sum()):,} logged answers again, of all"
            f" others {float(answers.plain.same[~stretch.rows].mean()):.1%}: there another artifact answers."
        )
        figures = {"rates": dict(rates), "where": stretch.words, "inside": stretch.rate}
        finding = between("model", 3.5, said, figures, specificity=0.8, repair={"meant": answers.intended})
        return Look((finding,), 0.9, covers=("serving", "model"))
    how = _unlike_throughout(answers)
    if how is None:
        said = f"model: {answers.plain.rate:.1%} of n = {answers.n:,} logged answers are the artifact's, the others no other model's."
        return Look((), 0.6, said, ("serving",))
    said = f"model: {how}; another artifact than the validated one answers, n = {answers.n:,}."
    finding = between("model", 2.2, said, {"rates": dict(rates)}, specificity=0.5, repair={"meant": answers.intended})
    return Look((finding,), 0.8, covers=("serving", "model"))


def _unlike_throughout(answers: Answers) -> str | None:
    """How the logged answers differ as another model's would, in words; None where they do not."""
    if recurrence(answers) is not None or permuted(answers) is not None:
        return None
    rate = answers.plain.rate
    if answers.numbers is not None:
        from scipy.stats import spearmanr

        logged, own = answers.numbers
        if np.ptp(logged) == 0 or np.ptp(own) == 0:
            return None
        together = float(spearmanr(logged, own, nan_policy="omit").statistic)
        if rate > 0.2 or not together > 0.2:
            return None
        return (
            f"the artifact gives {rate:.1%} of the logged numbers again, expected 100 %, yet both order the rows alike"
            f" (rank correlation {together:.2f})"
        )
    same = answers.plain.same
    first, second = (float(part.mean()) for part in np.array_split(same, 2))
    if rate > 0.97 or abs(first - second) > 4 * math.sqrt(max(rate * (1 - rate), 1e-4) * 4 / answers.n):
        return None
    return (
        f"the artifact gives {rate:.1%} of the logged classes again, expected 100 %, in the first half of the log ({first:.1%}) as in the"
        f" second ({second:.1%})"
    )
