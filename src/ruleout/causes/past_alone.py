"""Whether later rows are predicted worse from the past alone than from rows of all times: the split, tested on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.case.case import Case
from ruleout.case.reading import read_leaks
from ruleout.causes.columns import bounded
from ruleout.causes.leaks import disbelieved
from ruleout.causes.page import Finding
from ruleout.problem.metric import Evaluation
from ruleout.problem.problem import Problem
from ruleout.statistics.difference import Difference
from ruleout.tables.moments import moments

__all__ = ["past_alone"]

FALL = 0.01
CERTAIN = 2.5
DRAWS = 4
"""Draws of training rows from all times that the past alone is held against."""
PAIRED = 4.0
"""Standard errors by which the past must predict the same rows worse, after each of the points in time, for that to need no other proof."""
CUTS = (0.5, 0.7, 0.3)
"""Points of the validation period, as shares of its rows, after which rows are predicted twice."""


def past_alone(problem: Problem, time: str, late: float) -> tuple[Finding | None, str]:
    """Whether later validation rows are predicted worse from the past alone than from as many rows of all times."""
    case, laboratory = problem.case, problem.laboratory
    train, validation = case.current.train, case.current.validation
    assert train is not None and validation is not None
    said = f"{time}: {late:.0%} of {train.n_rows:,} training rows are later than the start of validation"
    trials: list[_Trial] = []
    for part in CUTS:
        trial = _trial(problem, time, part)
        if trial is None:
            break
        trials.append(trial)
        if trial.fall.value < FALL / 2:
            break
    if not trials:
        return None, said
    fall = float(np.mean([t.fall.value for t in trials]))
    # Two trainings on different rows differ by more than the rows they are judged on say.
    noise = np.sqrt(2) * problem.figures.get("training_noise", 0.0)
    errors = [float(np.hypot(t.fall.error if np.isfinite(t.fall.error) else abs(t.fall.value) / 3, noise)) for t in trials]
    error = float(np.mean(errors)) / np.sqrt(len(trials))
    z, name, first = fall / max(error, 1e-9), laboratory.scorer.name, trials[0]
    if fall >= FALL and z >= CERTAIN:
        # Any other rows would have taught something else too: the past is held against several draws from all times.
        fall, error = _beside_other_draws(problem, trials, error)
        z = fall / max(error, 1e-9)
    said = f"{said}; {name} of the later rows {first.mixed:.4f} learned from all times, {first.past:.4f} from the past alone"
    if fall < FALL or z < CERTAIN:
        return None, said
    lines = [r for r in read_leaks(case.current.code, target=case.target, time=time) if r.kind == "shuffled-time-split"]
    evidence = 2.2 + min(1.5, 0.35 * (z - CERTAIN)) + (0.5 if disbelieved(case) else 0.0) + (0.7 if lines else 0.0)
    where = f" ({lines[0].file}:{lines[0].line} shuffles them)" if lines else ""
    figures: dict[str, Any] = {"late": late, "mixed": first.mixed, "past": first.past, "z": z, "n": first.n}
    sentence = f"{said}{where}; expected: the same, to within {2 * error:.4f}, n = {first.n:,}."
    # The same rows, predicted twice: that is an intervention already, and other rows say less than these.
    sure = z >= PAIRED and len(trials) == len(CUTS)
    return Finding(f"train.{time}", "split", bounded(evidence), sentence, figures, {"time": time}, specificity=0.85, certain=sure), said


@dataclass(frozen=True)
class _Trial:
    """The score of later rows learned from all times and from the past alone, and how much it falls."""

    mixed: float
    past: float
    fall: Difference
    n: int
    base: Case
    n_past: int


def _trial(problem: Problem, time: str, part: float) -> _Trial | None:
    """Cut the validation period at one point; None where too few rows lie on one side of it."""
    case, laboratory = problem.case, problem.laboratory
    train, validation = case.current.train, case.current.validation
    assert train is not None and validation is not None
    ours, theirs = moments(train, time), moments(validation, time)
    cut = float(np.nanquantile(theirs, part))
    later, past = validation.filter(theirs > cut), np.flatnonzero(ours <= cut)
    if len(past) < 100 or later.n_rows < 40 or int((ours > cut).sum()) < 20:
        return None
    base = case.with_table("current", "validation", later)
    mixed = _of_all_times(problem, base, len(past), 0)
    alone = laboratory.outcome(base.with_table("current", "train", train.take(past)), "current")
    found = mixed.minus(alone)
    fall = Difference(laboratory.scorer.sign * found.value, found.error)
    return _Trial(mixed.value, alone.value, fall, later.n_rows, base, len(past))


def _of_all_times(problem: Problem, base: Case, n_rows: int, draw: int) -> Evaluation:
    """The score of the later rows learned from as many training rows of all times, drawn at random."""
    train = problem.case.current.train
    assert train is not None
    seed = problem.laboratory.seed if draw == 0 else [problem.laboratory.seed, draw]
    rows = np.sort(np.random.default_rng(seed).permutation(train.n_rows)[:n_rows])
    return problem.laboratory.outcome(base.with_table("current", "train", train.take(rows)), "current")


def _beside_other_draws(problem: Problem, trials: list[_Trial], error: float) -> tuple[float, float]:
    """How much worse the past is than the mean of several draws from all times, and its error with the scatter of such draws.

    If times meant nothing the past would be one more draw (a permutation test; Fisher, 1935). The points in time share their rows, so that
    the scatter of draws does not shrink with their number.
    """
    falls, variances = [], []
    for trial in trials:
        drawn = [trial.mixed, *(_of_all_times(problem, trial.base, trial.n_past, k).value for k in range(1, DRAWS))]
        falls.append(problem.laboratory.scorer.sign * (float(np.mean(drawn)) - trial.past))
        variances.append(float(np.var(drawn, ddof=1)))
    return float(np.mean(falls)), float(np.hypot(error, np.sqrt(np.mean(variances) * (1 + 1 / DRAWS))))
