"""The page of `data.missing-partition`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.beside import beside
from ruleout.causes.by_itself import holes, with_lone
from ruleout.causes.columns import bounded, finite, numeric_columns, pair_of
from ruleout.causes.comparison import Comparison, compare
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.causes.stages import emptied_stage, emptied_tables, goes_on, leaking_stage, stages_of
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.quantiles import ks_critical, ks_distance
from ruleout.tables.table import Table

__all__ = ["MissingPartition"]

_SHRUNK = 0.33
"""Part of the healthy rows below which a training table has lost rows, whatever else it holds."""

_RUN = 4.0
_LEAST_MASS = 0.02
_LEAST_CLASS = 0.005
_MOST_LEVELS = 60
MOST_LOST = 0.5
"""Share of the healthy rows up to which levels that send no request are lost; where most send none, a part of the population asks."""

ALL_ROWS = 0.97
"""Share of its rows that the stage after one took in, from which on none were lost before it."""

_SPARE = 0.04
"""Share of its rows that an absent level may have left, a broken extraction seldom being clean."""


class MissingPartition(Cause):
    """Part of the data is absent: a day, a segment, a class, a stretch of a number or the tail.

    What goes wrong
    ---------------
    Rows that belong together are not there. What is left looks as it did, in itself.

    Why it happens
    --------------
    A partition was not written when the job read it; a filter or an inner join dropped a segment; a file of several was
    lost; a class had no row in the export.

    What you see
    ------------
    Fewer rows. A model trained without the part errs on it; a validation table without it measures something else, or, lacking
    a class, nothing.

    How it is tested
    ----------------
    Looked at is each level of a category, of a number with few values, of weekday and hour of a time, and each stretch of a number or a
    time. One that holds none of the suspect's n rows, and a share p of the healthy table, would be empty by chance with probability (1 -
    p)^n: the log likelihood ratio is -n log(1 - p), less the log of the number of places looked at. New values or nulls in place of the
    absent ones speak for other causes.

    The healthy table without the part must then resemble the suspect in every column. In a log of requests lost is a hole alone, in time,
    between two values, or of less than half of the levels' rows: whoever else sends no request is not lost.

    The run log's stages are compared by rows out over rows in; without an earlier log, a join that loses half of its rows.

    A table by itself shows a hole in its time, or in a column that counts evenly, three times the next one.

    What would rule it out
    ----------------------
    Every level and stretch that holds two rows in a hundred of the healthy table is there in the suspect.

    How it is fixed
    ---------------
    Find the stage that lost the rows and run it again once its input is complete; then train or validate again.

    How it stays fixed
    ------------------
    A check before training that every partition holds its least share of rows, and a stage that fails when it loses more than usual.

    Told apart from
    ---------------
    `data.label-shift` and `data.drift`: the part is rarer, not absent, or sends no requests. `data.new-categories`: its rows are there
    under another name. `data.missing-values`: its rows are there with nulls. `data.unit-change`: the whole column lies elsewhere.
    `data.stale`: newer rows than the table's last do not lie within its window.

    References
    ----------
    Polyzotis et al. (2019), Data validation for machine learning, MLSys. Mood (1940), The distribution theory of runs, Annals of
    Mathematical Statistics 11, for a stretch that no value of the suspect falls into.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = (("current.train",), ("current.validation",), ("current.serving",), ("current.runlog",))
    cost: ClassVar[float] = 0.3
    # A reference that was split by rows holds every entity and time in both tables; an honest split leaves them out on purpose.
    gives_way_to: ClassVar[tuple[str, ...]] = ("data.group-leakage", "data.temporal-leakage")

    def suspect(self, problem: Problem) -> Look:
        """Look for levels and stretches of every column that hold rows in the healthy table and none in the suspect."""
        case = problem.case
        findings: list[Finding] = []
        covers: list[Component] = []
        n_least = 0
        # Two machines that were asked the same rows have all of them, whatever stands in these.
        same_rows = problem.situation == "environment" and beside(case) is not None
        for pair in pairs(case):
            if min(pair.suspect.n_rows, pair.yardstick.n_rows) < 30 or (same_rows and pair.name == "serving"):
                continue
            covers.append(pair.name)
            n_least = min(n_least or pair.suspect.n_rows, pair.suspect.n_rows)
            found = self._finding(case, pair, asked=problem.situation == "serving") or _shrunk(case, pair)
            if found:
                findings.append(found)
        stage = _lossy_stage(case)
        if stage:
            covers.append("runlog")
            findings.append(_of_stage(stage, findings[0] if findings else None))
        findings += _nothing_left(case)
        power = 1.0 - (1.0 - _LEAST_MASS) ** max(n_least - 100, 0)
        said = f"Every level and stretch with {_LEAST_MASS:.0%} of the healthy rows is there in {len(covers)} tables, n >= {n_least:,}."
        ordered = tuple(sorted(findings, key=lambda f: -f.evidence))
        look = Look(ordered, 0.95 * power, "" if findings else said, tuple(covers))
        if problem.situation != "alone":
            return look
        return with_lone(problem, look, holes, 0.3, "no stretch of time, and of no even count, is without its rows")

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Append the part from the healthy table, as many rows as give it the share that it has there."""
        pair, part = pair_of(case, finding), finding.repair.get("part")
        if pair is not None and finding.repair.get("missing_rows"):
            return case.with_table(pair.side, pair.name, pair.suspect.stack(pair.yardstick.sample(int(finding.repair["missing_rows"]))))
        if pair is None or not part:
            return None
        inside = _inside(pair.yardstick, part)
        share = float(inside.mean()) if len(inside) else 0.0
        if not 0.0 < share < 1.0:
            return None
        n_wanted = round(pair.suspect.n_rows * share / (1.0 - share))
        rng = np.random.default_rng(0)
        there = np.flatnonzero(inside)
        rows = np.sort(rng.choice(there, size=n_wanted, replace=n_wanted > len(there)))
        return case.with_table(pair.side, pair.name, pair.suspect.stack(pair.yardstick.take(rows)))

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """Take the same part out of the healthy table."""
        pair, part = pair_of(case, finding), finding.repair.get("part")
        healthy = case.reference.table(pair.name) if pair and case.reference else None
        if pair is None or healthy is None or not part:
            return None
        return case.with_table("reference", pair.name, healthy.filter(~_inside(healthy, part)))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """Every level holds half of its healthy share; a tail reaches as far; else there are rows enough."""
        pair, part = pair_of(problem.case, finding), finding.repair.get("part")
        if pair is not None and finding.repair.get("missing_rows"):
            least = (pair.suspect.n_rows + pair.yardstick.n_rows) // 2
            said = f"{pair.name} holds less than half of its usual rows."
            return Guard(self.id(), finding.place, "min_rows", pair.name, {"at_least": least}, said)
        if pair is None or not part:
            return None
        told = f"{pair.place(part['column'])}: {part['text']} is absent or nearly so."
        if "levels" in part and not part.get("of"):
            texts = pair.yardstick.texts(part["column"])
            shares = {str(v): round(float(np.mean(texts == v)) / 2, 5) for v in part["levels"]}
            return Guard(self.id(), finding.place, "required_values", pair.name, {"column": part["column"], "shares": shares}, told)
        if (
            "levels" not in part
            and pair.suspect.kind(part["column"]) == "numeric"
            and not (np.isfinite(part["low"]) and np.isfinite(part["high"]))
        ):
            at, bound = (0.99, "low") if np.isfinite(part["low"]) else (0.01, "high")
            values = [t.numbers(part["column"]) for t in (pair.yardstick, pair.suspect)]
            limit = float(np.mean([np.quantile(v[np.isfinite(v)], at) for v in values]))
            return Guard(
                self.id(), finding.place, "quantile_range", pair.name, {"column": part["column"], "quantile": at, bound: limit}, told
            )
        if pair.suspect.n_rows < 0.97 * pair.yardstick.n_rows:
            least = (pair.suspect.n_rows + pair.yardstick.n_rows) // 2
            return Guard(self.id(), finding.place, "min_rows", pair.name, {"at_least": least}, told)
        return None

    def _finding(self, case: Case, pair: Pair, *, asked: bool) -> Finding | None:
        held = compare(case, pair)
        found = [part for part in _parts(case, pair, held) if not (asked and pair.name == "serving" and _of_who_asks(case, pair, part))]
        judged = []
        for part in found:
            left = pair.yardstick.filter(~_inside(pair.yardstick, part))
            if left.n_rows < 30:
                continue
            without = Comparison(case, Pair(pair.name, pair.suspect, left, pair.side))
            own = without.distance.get(part["column"], 0.0)
            rest = float(np.mean(list(without.distance.values()))) if without.distance else 0.0
            judged.append((own + 2.0 * rest, own, part))
        if not judged:
            return None
        # Removing one part empties its companions too: the one that leaves least to explain is the part.
        apart, own, part = min(judged, key=lambda entry: entry[0] - 0.05 * entry[2]["share"])
        n, share = pair.suspect.n_rows, float(part["share"])
        # What is left may differ by what whole clusters of rows (days, stores) do, but by less than the part that is gone.
        alike = apart < max(0.15, 0.9 * share if "levels" in part else 0.0)
        evidence = min(bounded(-n * np.log1p(-share) - np.log(10.0 * len(held.columns))), 3.9 if alike else 1.5)
        if own > max(0.12, min(0.25, 0.6 * share) if "levels" in part else 0.0) or evidence < 2.2:
            return None
        fewer = f"; {n:,} rows against {pair.yardstick.n_rows:,}"
        statement = (
            f"`{pair.place(part['column'])}`: {part['text']} holds {part['left']:,} of n = {n:,} rows, expected "
            f"{share * n:,.0f} by its share {share:.3f} of the healthy ones{fewer}."
        )
        figures = {k: part[k] for k in ("column", "text", "share", "left")} | {
            "n": n,
            "n_yardstick": pair.yardstick.n_rows,
            "apart": round(apart, 3),
        }
        repair = {"table": pair.name, "part": part}
        return Finding(pair.place(part["column"]), pair.name, evidence, statement, figures, repair, pair.side, 0.8)


def _parts(case: Case, pair: Pair, held: Comparison) -> Iterator[dict[str, Any]]:
    """Every part that the healthy table has and the suspect lacks."""
    for column in (*held.columns, *([case.time] if case.time and case.time in pair.suspect and case.time in pair.yardstick else [])):
        kinds = {pair.suspect.kind(column), pair.yardstick.kind(column)}
        if len(kinds) > 1 or kinds & {"other"}:
            continue
        kind = kinds.pop()
        if kind == "time":
            for unit in ("weekday", "hour"):
                yield from _levels(column, _unit(pair.yardstick, column, unit), _unit(pair.suspect, column, unit), _LEAST_MASS, of=unit)
            yield from _stretch(pair, column, dated=True)
            continue
        if kind == "category" or _n_numbers(pair.yardstick, column) <= _MOST_LEVELS:
            least = _LEAST_CLASS if column == case.target and case.task != "regression" else _LEAST_MASS
            yield from _levels(column, pair.yardstick.texts(column), pair.suspect.texts(column), least)
        elif kind == "numeric":
            yield from _stretch(pair, column, dated=column == case.time)


def _of_who_asks(case: Case, pair: Pair, part: Mapping[str, Any]) -> bool:
    """Whether a part is told by who asks: requests are what came, and whoever sends none is not lost.

    Lost is a hole: in time, between two values, or less than half of the levels' rows while several levels remain.
    """
    column = part["column"]
    if column in (case.time, case.target) or pair.suspect.kind(column) == "time":
        return False
    if "levels" in part:
        return part["share"] > MOST_LOST or len(set(pair.suspect.texts(column).tolist())) < 2
    return not (np.isfinite(part["low"]) and np.isfinite(part["high"]))


def _n_numbers(table: Table, column: str) -> int:
    values = table.numbers(column)
    return len(np.unique(values[~np.isnan(values)]))


def _levels(column: str, yardstick: np.ndarray, suspect: np.ndarray, least: float, *, of: str = "") -> Iterator[dict[str, Any]]:
    """The levels of a column that are absent, as one part."""
    n_yard, n = len(yardstick), len(suspect)
    shares, counts = _count(yardstick, n_yard), _count(suspect, n)
    absent = [v for v, p in shares.items() if v is not None and p * n >= 8 and counts.get(v, 0.0) <= _SPARE * p and p * n_yard >= 5]
    mass = sum(shares[v] for v in absent)
    new = sum(p for v, p in counts.items() if v is not None and v not in shares)
    nulls = counts.get(None, 0.0) - shares.get(None, 0.0)
    if not least <= mass <= 0.9 or new > min(0.3 * mass, 0.1) or nulls > 0.3 * mass:
        return
    # Rows under another of the old names: one level took what the absent ones held.
    gains = [counts.get(v, 0.0) - p / (1.0 - mass) for v, p in shares.items() if v is not None and v not in absent]
    if max(gains, default=0.0) > max(0.6 * mass, 0.03):
        return
    named = ", ".join(absent[:4]) + (f" and {len(absent) - 4} more" if len(absent) > 4 else "")
    left = round(sum(counts.get(v, 0.0) for v in absent) * n)
    yield {
        "column": column,
        "levels": absent,
        "of": of,
        "share": round(mass, 5),
        "left": left,
        "text": f"{of} {named}" if of else named,
    }


def _stretch(pair: Pair, column: str, *, dated: bool) -> Iterator[dict[str, Any]]:
    """The longest stretch of a number or a time, by healthy rows in it, that holds none of the suspect's."""
    mine, theirs = pair.suspect.numbers(column), pair.yardstick.numbers(column)
    n_null = float(np.isnan(mine).mean() - np.isnan(theirs).mean())
    mine, theirs = np.sort(mine[np.isfinite(mine)]), np.sort(theirs[np.isfinite(theirs)])
    if len(mine) < 30 or len(theirs) < 30:
        return
    gap = np.searchsorted(mine, theirs, side="left")
    between = ~np.isin(theirs, mine)
    counts = np.bincount(gap[between], minlength=len(mine) + 1)
    if dated and (mine[0] - theirs[0] > 0.02 * (theirs[-1] - theirs[0])):
        # A window that moved on begins later by itself, and what lies before it is no loss.
        counts[0] = 0
    at = int(counts.argmax())
    share = float(counts[at] / len(theirs))
    outside = float(np.mean((mine < theirs[0]) | (mine > theirs[-1])))
    if not _LEAST_MASS <= share <= 0.9 or n_null > 0.3 * share or (outside > 0.3 * share and not dated):
        return
    # The longest run of healthy values without one of the suspect's between them is chosen among all: of m and n values a run of k
    # begins at a given one with probability (m / (m + n))^k (Mood, 1940).
    n_run = float(counts[at])
    if n_run * np.log1p(len(mine) / len(theirs)) - np.log(10.0 * len(theirs)) < _RUN:
        return
    low = float(mine[at - 1]) if at else -np.inf
    high = float(mine[at]) if at < len(mine) else np.inf
    yield {"column": column, "low": low, "high": high, "share": round(share, 5), "left": 0, "text": _range(low, high, pair, column)}


def _range(low: float, high: float, pair: Pair, column: str) -> str:
    said = [str(np.datetime64(int(v), "s")) if pair.suspect.kind(column) == "time" and np.isfinite(v) else f"{v:.6g}" for v in (low, high)]
    if not np.isfinite(low):
        return f"what lies below {said[1]}"
    return f"what lies above {said[0]}" if not np.isfinite(high) else f"what lies between {said[0]} and {said[1]}"


def _inside(table: Table, part: Mapping[str, Any]) -> np.ndarray:
    """Which rows of a table belong to a part, shape (n_rows,)."""
    column = part["column"]
    if column not in table:
        return np.zeros(table.n_rows, dtype=bool)
    if "levels" in part:
        values = _unit(table, column, part["of"]) if part["of"] else table.texts(column)
        return np.array([v in set(part["levels"]) for v in values], dtype=bool)
    numbers = table.numbers(column)
    found: np.ndarray = (numbers > part["low"]) & (numbers < part["high"])
    return found


def _unit(table: Table, column: str, unit: str) -> np.ndarray:
    """Weekday or hour of a time as text, shape (n_rows,)."""
    seconds = table.numbers(column)
    days = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
    out = np.full(len(seconds), None, dtype=object)
    for at in np.flatnonzero(np.isfinite(seconds)):
        out[at] = days[int(seconds[at] // 86_400) % 7] if unit == "weekday" else f"{int(seconds[at] // 3_600) % 24:02d}"
    return out


def _count(values: np.ndarray, n: int) -> dict[str | None, float]:
    from collections import Counter

    return {value: count / max(n, 1) for value, count in Counter(values.tolist()).items()}


def _nothing_left(case: Case) -> tuple[Finding, ...]:
    """Tables without rows and the first stage that let none through: with neither is there a part that could be named."""
    order = [s.name for s in stages_of(case.current.runlog)]
    stages = [s for s in (emptied_stage(case), leaking_stage(case)) if s is not None]
    tables, stage = emptied_tables(case), min(stages, key=lambda s: order.index(str(s.figures["stage"])), default=None)
    return (*tables, *((stage,) if stage is not None else ()))


def _shrunk(case: Case, pair: Pair) -> Finding | None:
    """A training table of less than a third of the healthy rows, although no one part of them is missing."""
    n, usual = pair.suspect.n_rows, pair.yardstick.n_rows
    if pair.name != "train" or n >= _SHRUNK * usual:
        return None
    for column in numeric_columns(case, pair):
        mine, theirs = finite(pair.suspect.numbers(column)), finite(pair.yardstick.numbers(column))
        if ks_distance(mine, theirs) > ks_critical(len(mine), len(theirs), 1e-4):
            return None
    said = f"`{pair.name}`: {n:,} rows against {usual:,} in the healthy table ({n / usual:.0%}), from every part alike, n = {n:,}."
    figures = {"n": n, "n_yardstick": usual}
    return Finding(pair.name, pair.name, 2.5, said, figures, {"table": pair.name, "missing_rows": usual - n}, pair.side, 0.5)


def _lossy_stage(case: Case) -> dict[str, Any] | None:
    """The stage that keeps less of its rows, or begins with fewer, than the reference's run of it."""
    stages = stages_of(case.current.runlog)
    before = {stage.name: stage for stage in stages_of(case.reference.runlog if case.reference else None)}
    worst: dict[str, Any] | None = None
    for number, stage in enumerate(stages):
        was = before.get(stage.name)
        if was is None or stage.rows_out is None or was.rows_out is None:
            continue
        if number + 1 < len(stages) and goes_on(stages[number + 1], before, ALL_ROWS):
            continue  # What comes after it had its rows: the stage was left out, no rows were.
        kept, usual = (s.rows_out / max(s.rows_in or s.rows_out, 1.0) for s in (stage, was) if s.rows_out is not None)
        fewer = stage.rows_out / max(was.rows_out, 1.0)
        lost = 1.0 - kept / max(usual, 1e-9)
        first = number == 0 and fewer < 0.8
        share = max(lost, (1.0 - fewer) * first)
        if (lost > 0.05 or first) and (worst is None or share > worst["lost"]):
            worst = {"stage": stage.name, "lost": share, "rows": stage.rows_out, "before": was.rows_out}
    return worst


def _of_stage(stage: Mapping[str, Any], finding: Finding | None) -> Finding:
    place = f"runlog.{stage['stage']}"
    statement = (
        f"`{place}`: {stage['rows']:,.0f} rows came out against {stage['before']:,.0f} in the reference run, {stage['lost']:.0%} "
        f"fewer than expected."
    )
    evidence = min(finding.evidence - 0.1, 3.0) if finding else 2.0
    return Finding(place, "runlog", evidence, statement, dict(stage), dict(finding.repair) if finding else {}, "current", 0.6)
