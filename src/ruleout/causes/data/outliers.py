"""data.outliers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.by_itself import absurd, with_lone
from ruleout.causes.columns import borrowed, bounded, finite, numbers, numeric_columns, pair_of, put_values
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.stand_ins import is_customary
from ruleout.statistics.tails import beyond

ALPHA = 1e-7
MOST = 0.05


class Outliers(Cause):
    """A few rows hold absurd values, far beyond anything that the healthy table holds.

    What goes wrong
    ---------------
    One row in a hundred or fewer holds a number that cannot be: an age of 999, an amount a million times too large. Squared errors, means,
    scalers and linear weights follow those few rows and leave the many.

    Why it happens
    --------------
    A sensor glitches, a field overflows, a decimal point is lost while typing, test records get into production, two ids are added up.

    What you see
    ------------
    A column's largest or smallest value lies many times further out than before, while its quartiles stand still. Its mean and standard
    deviation, and whatever was fitted on them, have moved.

    How it is tested
    ----------------
    The healthy column's tail is taken as Pareto with Hill's index over its largest 5 % of distances from the median (Hill 1975). k values
    beyond c times the healthy reach are compared with the (n / m) c^(-1/index) that are to be expected; a Poisson probability below 1e-7 is
    a finding. At most 5 % of the rows may be concerned, and not all with the same value.

    In a table by itself the values are held against the others' own tail, and must lie thirty times as far out as the next one, or a
    hundred where they are one or two.

    What would rule it out
    ----------------------
    Every value lies within what the healthy tail leads one to expect of a sample of that size.

    How it is fixed
    ---------------
    Correct the rows at the source where the true value can be had; else set these cells aside as missing, and train again.

    How it stays fixed
    ------------------
    Refuse values outside the range that the column can have, where the data enter; hold the share outside the healthy range near zero.

    Told apart from
    ---------------
    `data.unit-change`: all rows of a part are wrong by one factor. `data.missing-values`: one value stands for null. `data.drift`: the
    quartiles moved as well.

    References
    ----------
    Hill (1975), A simple general approach to inference about the tail of a distribution. Pickands (1975), Statistical inference using
    extreme order statistics.
    """

    needs = (("current.train",), ("current.validation",), ("current.serving",))
    cost = 0.1
    columns_alone = True

    def suspect(self, problem: Problem) -> Look:
        """Ask of each end of each numeric column whether it reaches too far out."""
        found: list[Finding] = []
        covers: list[Component] = []
        n_columns = 0
        for pair in pairs(problem.case):
            covers.append(pair.name)
            for column in numeric_columns(problem.case, pair):
                x, y = finite(numbers(pair.suspect, column)), finite(numbers(pair.yardstick, column))
                if len(x) < 50 or len(y) < 50 or len(np.unique(y)) < 4:
                    continue
                n_columns += 1
                (high, p_high), (negative_low, p_low) = beyond(x, y), beyond(-x, -y)
                limits = (-negative_low if p_low < ALPHA else -np.inf, high if p_high < ALPHA else np.inf)
                strange = x[(x <= limits[0]) | (x >= limits[1])]
                if not len(strange) or len(strange) > MOST * len(x) or (len(np.unique(strange)) == 1 and is_customary(float(strange[0]))):
                    continue
                # Real tables hold a wild value or two. Fewer than five do harm only where they outweigh all the others.
                if len(strange) < 5 and np.sum((strange - np.median(y)) ** 2) < 10 * len(x) * np.var(y):
                    continue
                seen = _finding(pair, column, limits, strange, min(p_high, p_low))
                # Absurd features lift no score: only an absurd target makes one look too good.
                heard = problem.situation != "too-good" or column == problem.case.target
                found.append(seen if heard else replace(seen, evidence=0.0))
        found.sort(key=lambda f: -f.evidence)
        said = f"{n_columns} numeric columns: no value beyond the reach that the healthy tail leads one to expect (p < {ALPHA:g})."
        # A handful of values at ten times the healthy reach is seen in all but the heaviest tails.
        look = Look(tuple(found), 0.95 if n_columns else 0.0, "" if found else said, tuple(covers))
        return with_lone(problem, look, absurd, 0.9, "no few values lie out of all reach of the others")

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Give the absurd cells the value of the healthy row most like them; rows with an absurd target are left out."""
        pair = pair_of(case, finding)
        column = str(finding.repair["column"])
        if pair is None or column not in pair.suspect:
            return None
        values = pair.suspect.numbers(column)
        rows = (values <= finding.repair["low"]) | (values >= finding.repair["high"])
        if column == case.target:
            return case.with_table(pair.side, pair.name, pair.suspect.filter(~rows))
        taken = borrowed(case, pair, column, rows)
        values[rows] = np.nan if taken is None else taken
        return case.with_table(pair.side, pair.name, put_values(pair.suspect, column, values, pair.yardstick))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """Hardly any value outside the range between the healthy reach and the absurd values."""
        pair = pair_of(problem.case, finding)
        if pair is None:
            return None
        column = str(finding.repair["column"])
        y = finite(pair.yardstick.numbers(column))
        low = (float(y.min()) + finding.repair["low"]) / 2 if np.isfinite(finding.repair["low"]) else float(y.min() - 10 * np.ptp(y))
        high = (float(y.max()) + finding.repair["high"]) / 2 if np.isfinite(finding.repair["high"]) else float(y.max() + 10 * np.ptp(y))
        parameters = {"column": column, "low": low, "high": high, "max_rate": round(float(finding.figures["share"]) / 10, 6)}
        return Guard(self.id(), finding.place, "max_outside_share", pair.name, parameters, f"{finding.place} holds absurd values.")


def _finding(pair: Pair, column: str, limits: tuple[float, float], strange: np.ndarray, p: float) -> Finding:
    x, y = finite(numbers(pair.suspect, column)), finite(numbers(pair.yardstick, column))
    worst = float(strange[np.argmax(np.abs(strange - np.median(y)))])
    said = (
        f"{pair.place(column)}: {len(strange):,} of {len(x):,} values lie beyond any healthy one, as far as {worst:.6g}; the healthy table "
        f"ranges from {y.min():.6g} to {y.max():.6g} (p = {max(p, 1e-300):.0e}, n = {len(y):,})."
    )
    figures = {"n_outliers": len(strange), "share": len(strange) / len(x), "worst": worst, "low": float(y.min()), "high": float(y.max())}
    repair = {"table": pair.name, "column": column, "low": float(limits[0]), "high": float(limits[1])}
    return Finding(pair.place(column), pair.name, bounded(3.9 if len(strange) >= 3 else 3.0), said, figures, repair, pair.side, 0.8)
