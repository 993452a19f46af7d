"""data.unit-change."""

from __future__ import annotations

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.by_itself import two_units, with_lone
from ruleout.causes.calendar import by_calendar
from ruleout.causes.columns import bounded, finite, numbers, numeric_columns, pair_of, put_values, quantile_guard, sampled
from ruleout.causes.comparison import usual
from ruleout.causes.formula import FEW_VALUES, ON_VALUES, Rows, changed_part, changed_rows, changed_whole, even_steps, near_levels, off_grid
from ruleout.causes.hidden_scale import hidden_scale
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.arithmetic import Arithmetic, decimals_of, on_values, undone
from ruleout.statistics.quantiles import detection_power, ks_critical, ks_distance

ALPHA = 1e-6
FLOOR = 0.04
APART = 0.02
"""Two factors are the same to within this."""

ORDINARY = 2.0
"""By this factor and its inverse a target moves by itself; a fitted one within them is no unit."""

LEFT = 0.05
"""Share of values off the healthy grid from which on a column moved, whatever the others did: no season brings new decimals."""

CLEAR = 4.0
"""A formula leaves at most the fourth part of the distance, whatever is usual: of so many, one always mends half of a season's move."""


class UnitChange(Cause):
    """A numeric column is in another unit: every value, or every value of one part of the rows, went through the same arithmetic.

    What goes wrong
    ---------------
    Cents come for dollars, Fahrenheit for Celsius, milliseconds for seconds; a sign is turned, a logarithm taken twice or not at all. The
    values are right and mean something else, so the model reads them wrongly.

    Why it happens
    --------------
    A source changes its unit, a join brings in a second source, a supplier or a region reports in its own currency, a transformation moves
    from the feature code into the warehouse and is done in both places.

    What you see
    ------------
    One column's quantiles are a straight line (or one curve) of their old selves, while the other columns stand still. Nothing is null and
    nothing has another type.

    How it is tested
    ----------------
    Where the Kolmogorov-Smirnov distance between the two tables is beyond chance (p < 1e-6, at least 0.04), each known formula (units,
    temperatures, sign, logarithms, powers), then a scale, an offset and both, fitted by least squares on 97 quantiles (Wilk and
    Gnanadesikan 1968), is undone. A formula is accepted when the distance falls to sampling noise (1.2 times the 0.1 % critical value).

    Drift also moves a column: a formula counts as proof when its constants are known, or when it puts the values back on the grid on which
    the healthy ones stand; a fitted scale or offset counts only while the other columns stand still.

    Parts of the rows are found by a column whose levels disagree, by the row at which the level changes (Pettitt 1979), by decimals that
    healthy values never need, or by values that only the formula explains (a two-component mixture).

    A factor that a column's own spread hides is told by the other numbers of the rows: in view of how all go together, nine tenths of what
    their means differ by must be one column's move (Rao 1948).

    A table by itself shows a change of a part of its rows: two crowds of one shape, a
    unit's factor apart.

    What would rule it out
    ----------------------
    No numeric column's distribution differs beyond chance, at a sample size that would have shown a distance of 0.15.

    How it is fixed
    ---------------
    Apply the inverse arithmetic to the rows concerned, at the source where it can be had, and train again.

    How it stays fixed
    ------------------
    Write the unit into the column's name or schema, and let a gate hold a quantile of the column against the last healthy table.

    Told apart from
    ---------------
    `data.drift`: the population moved, no one formula explains every quantile. `pipeline.scaling`: the fitted scaler differs, the table
    does not. `data.outliers`: a few absurd rows. `pipeline.encoding`: the same codes in another order.

    References
    ----------
    Wilk, Gnanadesikan (1968), Probability plotting methods for the analysis of data. Pettitt (1979), A non-parametric approach to the
    change-point problem. Rao (1948), Tests of significance in multivariate analysis, Biometrika 35.
    """

    needs = (("current.train",), ("current.validation",), ("current.serving",))
    cost = 0.6
    columns_alone = True

    def suspect(self, problem: Problem) -> Look:
        """Hold every numeric column against its healthy self, and ask which one formula explains the difference."""
        found: list[Finding] = []
        covers: list[Component] = []
        power, n_columns = 1.0, 0
        for pair in pairs(problem.case):
            covers.append(pair.name)
            columns = numeric_columns(problem.case, pair)
            values = {c: (finite(numbers(pair.suspect, c)), finite(numbers(pair.yardstick, c))) for c in columns}
            values = {c: v for c, v in values.items() if min(len(v[0]), len(v[1])) >= 50}
            distance = {c: ks_distance(x, y) for c, (x, y) in values.items()}
            critical = {c: max(FLOOR, ks_critical(len(x), len(y), ALPHA)) for c, (x, y) in values.items()}
            beyond = [c for c in values if distance[c] > critical[c]]
            moved = [c for c in beyond if distance[c] > usual(distance, c) or _left_its_grid(*values[c])]
            # A part of the row's own date moves as time goes on, and is no quantity.
            moved = [c for c in moved if not by_calendar(problem.case, pair, c)]
            for column, (x, y) in values.items():
                n_columns += 1
                power = min(power, detection_power(0.15, critical[column], len(x), len(y)))
                still = len(beyond) - (column in beyond) <= 0.25 * (len(values) - 1)
                common = min(usual(distance, column), distance[column] / CLEAR)
                change = changed_whole(x, y, usual=common) if column in moved else None
                rows: Rows = {}
                if column in moved and not change:
                    parted = changed_part(problem.case, pair, column, usual=common)
                    change, rows = parted if parted else (None, rows)
                # Values at home in another column that moved as well have changed places with it.
                noise = ks_critical(len(x), len(y), 1e-3)
                if (
                    change
                    and column == problem.case.target
                    and not change.known
                    and (change.offset or 1 / ORDINARY < change.scale < ORDINARY)
                ):
                    continue  # Bent to its old place any target fits again, whatever moved it: prices rise, tests become easier.
                if change and not any(o != column and ks_distance(x, values[o][1]) < noise for o in moved):
                    finding = _finding(pair, column, change, rows, before=distance[column], still=still)
                    # Two fitted constants bend to many a drift: small moves of that sort say nothing.
                    # What moved no more than the others do is told by where the values stand, or not at all.
                    proved = finding.figures["back"] or distance[column] > usual(distance, column)
                    far = finding.evidence > 0 and distance[column] > 0.3
                    found += [finding] if proved and (finding.evidence > 2 or far) else []
            hidden = hidden_scale(problem.case, pair)
            if hidden is not None:
                # Quantiles take a factor for the unit nearest to it; the relation to the other columns gives it to a hundredth.
                place, scale = pair.place(hidden[0]), hidden[1].scale
                found = [f for f in found if f.place != place or not _another_factor(f, scale)]
                found += [_beside(pair, *hidden)] if all(f.place != place for f in found) else []
        said = f"{n_columns} numeric columns: none differs from its healthy table by one formula (Kolmogorov-Smirnov, p < {ALPHA:g})."
        found.sort(key=lambda f: -f.evidence)
        look = Look(tuple(found), power if n_columns else 0.0, "" if found else said, tuple(covers))
        return with_lone(problem, look, two_units, 0.4, "no numeric column is two crowds one unit apart")

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Undo the formula in the rows concerned."""
        pair = pair_of(case, finding)
        column = str(finding.repair["column"])
        if pair is None or column not in pair.suspect:
            return None
        values, healthy = pair.suspect.numbers(column), finite(pair.yardstick.numbers(column))
        back = undone(finding.repair["arithmetic"], values, healthy)
        right = np.where(changed_rows(pair.suspect, column, finding.repair["rows"]) & np.isfinite(back), back, values)
        return case.with_table(pair.side, pair.name, put_values(pair.suspect, column, right, pair.yardstick))

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """Apply the formula to the same part of the reference's table; to as many rows where no level of a column tells which."""
        name, column = finding.repair["table"], str(finding.repair["column"])
        table = case.reference.table(name) if case.reference else None
        if table is None or column not in table:
            return None
        values, part = table.numbers(column), finding.repair["rows"]
        if {"from", "mixture", "off"} & set(part):
            rows = np.random.default_rng(0).random(len(values)) < float(finding.figures["share"])
        else:
            rows = changed_rows(table, column, part)
        return case.with_table(
            "reference", name, put_values(table, column, np.where(rows, finding.repair["arithmetic"].apply(values), values))
        )

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """A quantile of the column between healthy and broken."""
        pair = pair_of(problem.case, finding)
        if pair is None:
            return None
        return quantile_guard(self.id(), finding.place, pair, str(finding.repair["column"]), f"{finding.place} is in another unit.")


def _another_factor(finding: Finding, scale: float) -> bool:
    """Whether a finding says every row was multiplied, by something else."""
    said = finding.figures
    return said["formula"] == "affine" and said["share"] > 0.99 and not said["offset"] and abs(said["scale"] / scale - 1) > APART


def _beside(pair: Pair, column: str, change: Arithmetic) -> Finding:
    n, m = sampled(pair.suspect).n_rows, sampled(pair.yardstick).n_rows
    said = (
        f"{pair.place(column)}: current = reference {change.label} in every row, as its relation to all other numbers tells; its own spread"
        f" hides it (n = {n:,} and {m:,})."
    )
    figures = {"scale": change.scale, "offset": 0.0, "formula": change.kind, "share": 1.0, "n": n}
    repair = {"table": pair.name, "column": column, "arithmetic": change, "rows": {}}
    return Finding(pair.place(column), pair.name, 3.3, said, figures, repair, pair.side, 0.9)


def _left_its_grid(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether many values need decimals that the healthy ones never do, or stand where, of a few healthy values, none does."""
    grid = decimals_of(y, most=2)
    if len(np.unique(y)) <= FEW_VALUES and on_values(x, y) < 0.5:
        return True
    return grid is not None and float(off_grid(x, grid).mean()) > LEFT


def _finding(pair: Pair, column: str, change: Arithmetic, rows: Rows, *, before: float, still: bool) -> Finding:
    repair = {"table": pair.name, "column": column, "arithmetic": change, "rows": rows}
    x, y = numbers(pair.suspect, column), finite(numbers(pair.yardstick, column))
    inside = changed_rows(sampled(pair.suspect), column, rows) & np.isfinite(x)
    right = undone(change, x[inside], y)
    after = ks_distance(np.concatenate([right, x[~inside & np.isfinite(x)]]), y)
    grid = decimals_of(y, most=4)
    back = grid is not None and off_grid(x[inside], grid).mean() > 0.3 and off_grid(right, grid).mean() < 0.02
    back = back or (on_values(right, y) > 0.98 and on_values(x[inside], y) < 0.5)
    levels = np.unique(y)
    if 2 < len(levels) <= FEW_VALUES:
        back = back or (near_levels(right, levels) > ON_VALUES and near_levels(x[inside], levels) < 0.5)
    # Where all goes on, a count goes on as well: months, versions, numbers of a day.
    goes_on = not change.known and not still and even_steps(y)
    if goes_on:
        back, evidence = False, 0.0
    elif back or change.known:
        evidence = 3.9 if back or still else 2.5
    elif change.scale != 1.0 and change.offset == 0.0:
        evidence = 2.5 if still else 0.5
    else:
        # No drift carries a whole column past its old range.
        evidence = (1.5 if still else 0.2) + (1.5 if before > 0.9 else 0.0)
    part = f"{inside.mean():.1%} of the rows" if rows else "every row"
    if "by" in rows:
        part += f" ({rows['by']} is {', '.join(rows['levels'])[:60]})"
    said = (
        f"{pair.place(column)}: current = reference {change.label} in {part}: Kolmogorov-Smirnov distance {before:.3f}, "
        f"with the formula undone {after:.3f} (noise {ks_critical(len(x), len(y), 1e-3):.3f}, n = {len(x):,} and {len(y):,})."
    )
    figures = {
        "before": before,
        "after": after,
        "scale": change.scale,
        "offset": change.offset,
        "formula": change.kind,
        "share": float(inside.mean()),
        "back": bool(back),
        "n": len(x),
    }
    exact = 1.0 if back or change.known else 0.85
    return Finding(pair.place(column), pair.name, bounded(evidence), said, figures, repair, pair.side, exact)
