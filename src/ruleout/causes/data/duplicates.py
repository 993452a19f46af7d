"""data.duplicates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.by_itself import repeated_rows, with_lone
from ruleout.causes.columns import bounded, pair_of
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.causes.repeated_rows import codes, ways_to_repeat
from ruleout.causes.stages import fanned_stage
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.repeats import coincidence, repeats
from ruleout.tables.repeated import Repeats, affordable, count_repeats
from ruleout.tables.table import Table

FLOOR = 0.01

HEARD = 0.1
"""Share of repeats within one table from which on they may lift a score that stands alone."""


class Duplicates(Cause):
    """Rows are repeated within a table, and weigh more than they should.

    What goes wrong
    ---------------
    The same observation stands in the table two, ten, a hundred times. The model takes what is repeated for what is common, and where one
    class or segment is repeated more than others its share is no longer true.

    Why it happens
    --------------
    A join fans out over a key that is not unique, a job appends the same day twice, a retry writes again, an oversampling step
    was left in.

    What you see
    ------------
    More rows than before, keys that come more than once, a class whose share rose while its rows are the same few.

    How it is tested
    ----------------
    Rows are compared by hash: by their key where the healthy keys are unique, over all columns, and over all columns without the key. The
    healthy table's coincidence probability (Simpson 1949) says how many equal pairs chance gives at this size; repeats beyond it by 12
    standard errors of a Poisson count and by 1 % of the rows are a finding. Tables that are examined by a sample are counted whole, unless
    they hold more than 500 million values.

    A table by itself is held against its key, which must come once, else (from 5 % of the rows) against the pairs that agree in all columns
    but one. Requests of a log may well be alike: they are the same only by key or with their time, and count where some were sent more
    often than others.

    What would rule it out
    ----------------------
    No more repeats than chance gives.

    How it is fixed
    ---------------
    Drop the repeats, find the join or the job that makes them, and train again.

    How it stays fixed
    ------------------
    Declare the key unique and let the load fail when it is not; hold the row count after each join against the count before.

    Told apart from
    ---------------
    `data.overlap`: the repeats are on both sides of the split. `data.label-shift`: the mix of classes moved without repeats.

    References
    ----------
    Simpson (1949), Measurement of diversity.
    """

    needs = (
        ("current.train",),
        ("current.validation",),
        ("current.runlog",),
        ("current.serving", "reference.validation"),
        ("current.serving", "reference.train"),
    )
    cost = 0.3

    def suspect(self, problem: Problem) -> Look:
        """Count repeats in every table, and what chance would give."""
        found: list[Finding] = []
        covers: list[Component] = []
        power, said = 1.0, []
        for pair in pairs(problem.case):
            n, m = pair.suspect.n_rows, pair.yardstick.n_rows
            if n < 50 or m < 50 or (pair.name == "serving" and problem.situation != "serving"):
                continue
            covers.append(pair.name)
            seen, part = False, problem.whole.get(f"{pair.side}.{pair.name}")
            ways = ways_to_repeat(problem.case, pair)
            for columns, counted in zip(ways, _counted(part, ways), strict=True):
                if pair.name == "serving" and (problem.current is None or not {problem.case.key, problem.case.time} & set(columns)):
                    continue  # Two requests may well be alike; those of one key or one moment are one.
                mine, theirs = codes(pair.suspect, columns), codes(pair.yardstick, columns)
                again = repeats(mine)
                n_again, of_n = (int(again.sum()), n) if counted is None else (counted.n_repeats, counted.n_rows)
                chance = coincidence(theirs) * n * (n - 1) / 2 if counted is None else _most_by_chance(theirs, of_n)
                seen = seen or chance < 0.02 * of_n
                of = f" in a sample of {part.n_rows:,} rows" if part is not None and counted is None else ""
                said.append(f"{pair.name}: {n_again:,} repeats, at most {chance:,.0f} by chance, n = {of_n:,}{of}")
                if pair.name == "serving" and _evenly(mine):
                    break  # Each was sent as often as the others: none weighs more.
                if n_again > chance + 12 * np.sqrt(chance + 1) and n_again - chance >= FLOOR * of_n:
                    finding = _finding(problem.case, pair, columns, again, chance, (n_again, of_n))
                    if problem.situation == "too-good" and finding.figures["share"] < HEARD:
                        # A few repeats within one table are heard by nobody: only copies across the split lift a score.
                        finding = replace(finding, evidence=0.0)
                    found.append(finding)
                    break
            # Of a repeat under another key a sample drawn by key holds both rows with a chance of its share only.
            share = n / part.n_rows if part is not None and part.n_rows and not affordable(part) else 1.0
            power = min(power, 0.98 * min(share, 1.0) if seen else 0.0)
        fanned = fanned_stage(problem.case) if not found else None
        if fanned is not None:
            found.append(fanned)
            covers.append("runlog")
        found.sort(key=lambda f: -f.evidence)
        look = Look(tuple(found), power if covers else 0.0, "" if found or not said else "; ".join(said[:2]) + ".", tuple(covers))
        return with_lone(problem, look, repeated_rows, 0.9, "no more rows repeat an earlier one than chance gives")

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Keep the first of each row."""
        pair = pair_of(case, finding)
        if pair is None or not set(finding.repair["columns"]) <= set(pair.suspect.columns):
            return None
        again = repeats(codes(pair.suspect, finding.repair["columns"]))
        return case.with_table(pair.side, pair.name, pair.suspect.filter(~again))

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """Repeat the reference's rows as often, level by level of the target, as the broken side repeats its own."""
        pair = pair_of(case, finding)
        table = case.reference.table(finding.repair["table"]) if case.reference else None
        if pair is None or table is None:
            return None
        mine = codes(pair.suspect, finding.repair["columns"])
        _, first, counts = np.unique(mine, return_index=True, return_counts=True)
        level = case.target if case.task == "classification" and case.target in pair.suspect else None
        theirs = table.texts(level) if level else np.zeros(table.n_rows, dtype=object)
        labels = pair.suspect.texts(level)[first] if level else np.zeros(len(first), dtype=object)
        rng, times = np.random.default_rng(0), np.ones(table.n_rows, dtype=np.int64)
        for value in set(labels.tolist()):
            inside = np.array([v == value for v in theirs.tolist()], dtype=bool)
            times[inside] = rng.choice(counts[[v == value for v in labels.tolist()]], inside.sum())
        return case.with_table("reference", finding.repair["table"], table.take(np.repeat(np.arange(table.n_rows), times)))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The share of repeats, halfway between healthy and broken."""
        pair = pair_of(problem.case, finding)
        if pair is None:
            return None
        columns = tuple(finding.repair["columns"])
        usual = float(repeats(codes(pair.yardstick, columns)).mean())
        parameters = {"columns": list(columns), "max_rate": round((usual + float(finding.figures["share"])) / 2, 4)}
        return Guard(self.id(), finding.place, "max_duplicate_rate", pair.name, parameters, f"{pair.name} repeats its rows.")


def _counted(whole: Table | None, ways: list[tuple[str, ...]]) -> list[Repeats] | list[None]:
    """The repeats of a table of which the case holds a sample, over all its rows; None where that would cost too much."""
    if whole is None or not ways or not affordable(whole):
        return [None] * len(ways)
    return count_repeats(whole, ways)


def _most_by_chance(yardstick: np.ndarray, n: int) -> float:
    """Pairs of equal rows among n by chance: those seen in the yardstick, plus four standard errors, since n may be far more rows."""
    n_pairs = len(yardstick) * (len(yardstick) - 1) / 2
    seen = coincidence(yardstick) * n_pairs
    return (seen + 4 * float(np.sqrt(seen + 1)) + 4) / n_pairs * n * (n - 1) / 2


def _evenly(codes: np.ndarray) -> bool:
    """Whether nearly every row stands twice or more, and as often as the others."""
    counts = np.unique(codes, return_counts=True)[1]
    return bool(np.median(counts) > 1 and np.mean(counts == np.median(counts)) > 0.98)


def _finding(case: Case, pair: Pair, columns: tuple[str, ...], again: np.ndarray, chance: float, counted: tuple[int, int]) -> Finding:
    """The finding; `again` says which rows repeat one, of a large table in its sample, and `counted` how many of how many do in all."""
    n_again, n = counted
    share = n_again / n
    who = ""
    if again.any() and case.target and case.task == "classification" and case.target in pair.suspect:
        labels = pair.suspect.texts(case.target).astype(str)
        lift = {v: float((labels[again] == v).mean() - (labels[~again] == v).mean()) for v in np.unique(labels).tolist()}
        most = max(lift, key=lambda v: lift[v])
        shares = np.mean(labels[again] == most), np.mean(labels[~again] == most)
        who = f"; {shares[0]:.0%} of them have {case.target} = {most}, of the other rows {shares[1]:.0%}"
    by = f"the key {columns[0]}" if columns == (case.key,) else f"{len(columns)} columns"
    said = (
        f"{pair.name}: {n_again:,} of {n:,} rows ({share:.1%}) repeat an earlier one by {by}, expected at most {chance:,.0f} "
        f"by chance{who}."
    )
    figures = {"n_repeats": n_again, "share": share, "chance": chance, "n": n}
    return Finding(pair.name, pair.name, bounded(3.9), said, figures, {"table": pair.name, "columns": columns}, pair.side, 0.9)
