"""The page of `data.row-misalignment`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import answers_of, between, replayed
from ruleout.causes.columns import ROWS, bounded, pair_of
from ruleout.causes.comparison import Comparison, compare
from ruleout.causes.donors import predicted_donors
from ruleout.causes.old_records import old_records
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.causes.recurrence import permuted, slipped
from ruleout.causes.undo import find_undo, source_rows
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.likelihood import log_bayes_factor, normal_power

__all__ = ["RowMisalignment"]


class RowMisalignment(Cause):
    """A column's values stand on the wrong rows: each column alone looks right, together they do not.

    What goes wrong
    ---------------
    A column, or several that came together, was joined to the wrong rows. Its own distribution is what it always was,
    so no check of one column sees it, but it no longer belongs to the row it stands in.

    Why it happens
    --------------
    Arrays are pasted side by side after one of them was sorted, filtered or shuffled; an index is reset on one side of
    an assignment only; a lag is off by some rows; a join key is not what it was.

    What you see
    ------------
    Means, nulls and categories as before; a model trained on the table leans less on the column, or is led astray by it.

    How it is tested
    ----------------
    A column on the wrong rows looks as it did, by itself; what it loses is its company. So the association of every two columns is
    measured, and how much of it is left. Columns are cut into bins. For columns c and d the healthy table gives the pointwise mutual
    information L = log p(c, d) / (p(c) p(d)) (Church and Hanks 1990). The mean of L over the suspect's rows, less what it would be if c and
    d were independent, is divided by the same mean over held-out healthy rows. The quotient is 1 in health, and 0.7 where three rows in ten
    stand out of place.

    Columns that still keep four fifths of their association stand together and form a part; the largest part, and the one that still tells
    the target, is taken to be right. Another part is on the wrong rows if its own distributions did not move while its association with the
    right part is gone. Where shifting it by up to 60 rows (in all rows or in a block), or sorting it by key or time, brings the association
    back, the undo is exact; otherwise only the fault is known, and not the way back.

    Logged answers that are the artifact's own in another order, or the classes of a row that stands some rows later, are on the wrong rows.

    What would rule it out
    ----------------------
    Every column that is associated with another one keeps that association to within its standard error.

    How it is fixed
    ---------------
    Join the column again by key instead of by position, then train again on the mended table.

    How it stays fixed
    ------------------
    A check that each column still tells of the target what it told before; joins by key, counted before and after.

    Told apart from
    ---------------
    `data.label-errors`: the column on wrong rows is the target. `data.schema-mismatch`: two columns have changed places, so that
    exchanging them mends it. `data.concept-drift`: only the relation to the target changed, in the validation table too.
    `pipeline.caching`: the values are those of an older record of the row's own entity. `data.drift`, `data.unit-change`,
    `data.new-categories`, `data.missing-values`: the column's own distribution moved.

    References
    ----------
    Church and Hanks (1990), Word association norms, mutual information, and lexicography, Computational Linguistics 16.
    Little (1988), Missing-data adjustments in large surveys, for donors by predicted means.
    Wakefield (2009), Bayes factors for genome-wide association studies, Genetic Epidemiology 33.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("reference.train", "current.train"),
        ("reference.validation", "current.validation"),
        ("reference.validation", "current.serving"),
        ("reference.train", "current.serving"),
        ("current.train", "current.validation"),
        ("current.serving", "current.model"),
    )
    cost: ClassVar[float] = 0.3

    def suspect(self, problem: Problem) -> Look:
        """Ask of every pair which columns no longer stand together with the rest, and of logged answers whether they are other rows'."""
        answers = answers_of(problem)
        moved = permuted(answers) if answers is not None else None
        if answers is not None and moved is not None:
            column = "score" if "score" in answers.log and answers.case.task != "regression" else "prediction"
            said = (
                f"serving.{column}: the logged answers are the artifact's own in another order: {moved:.1%} of n = {answers.n:,} stand on"
                f" another row than the one they were given for, expected 0%{_slip(slipped(answers))}."
            )
            return Look((between(f"serving.{column}", 3.9, said, {"share": moved}),), 0.95, covers=("serving",))
        findings: list[Finding] = []
        judged: list[float] = []
        covers: list[Component] = []
        n_rows = 0
        for pair in pairs(problem.case):
            held = compare(problem.case, pair)
            if len(held.columns) < 2 or min(held.suspect.n_rows, held.yardstick.n_rows) < 40:
                continue
            covers.append(pair.name)
            n_rows += pair.suspect.n_rows
            known = held.alignment.error[np.isfinite(held.alignment.error)]
            judged.append(normal_power(0.4, float(np.median(known)), 0.0) if len(known) else 0.0)
            if held.misplaced and not self._elsewhere(problem.case, pair, held) and (found := self._finding(problem.case, pair, held)):
                findings.append(found)
        power = 0.95 * min(judged) if judged else 0.0
        said = f"Every column that tells of another one still does, in {len(covers)} tables of together {n_rows:,} rows."
        return Look(tuple(sorted(findings, key=lambda f: -f.evidence)), power, "" if findings else said, tuple(covers))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Undo the shift exactly where it is known; else take the same row's value from the healthy table, or a like row's.

        Answers on other rows are asked of the artifact again.
        """
        if finding.repair.get("replay"):
            return replayed(case, finding.side)
        pair = pair_of(case, finding)
        columns: list[str] = [c for c in finding.repair.get("columns", ()) if pair and c in pair.suspect and c in pair.yardstick]
        if pair is None or not columns:
            return None
        undo = finding.repair.get("undo")
        table = pair.suspect
        if undo:
            source = source_rows(pair.suspect, undo)
            for column in columns:
                table = table.with_column(column, pair.suspect.arrow.column(column).take(_rows(source)))
        else:
            # What is fitted again is fitted on a sample of this size at most, so no more training rows are given a donor.
            rows = table.sample_rows(ROWS if pair.name == "train" else table.n_rows)
            donors, table = self._donors(case, pair, columns, rows), table if len(rows) == table.n_rows else table.take(rows)
            if donors is None:
                return None
            for column in columns:
                table = table.with_column(column, pair.yardstick.arrow.column(column).take(_rows(donors)))
        return case.with_table(pair.side, pair.name, table)

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """Misplace the same columns in the healthy table: by the same shift, else as many rows at random."""
        pair = None if finding.repair.get("replay") else pair_of(case, finding)
        if pair is None or case.reference is None or (healthy := case.reference.table(pair.name)) is None:
            return None
        undo = finding.repair.get("undo")
        rows = np.arange(healthy.n_rows)
        if undo and "shift" in undo:
            first, last = (round(share * healthy.n_rows) for share in undo["shares"])
            rows[first:last] = (rows[first:last] - int(undo["shift"])) % healthy.n_rows
        else:
            rng = np.random.default_rng(0)
            out = rng.random(healthy.n_rows) < float(finding.figures.get("share", 1.0))
            rows[out] = rng.permutation(rows[out])
        for column in finding.repair["columns"]:
            if column in healthy:
                healthy = healthy.with_column(column, healthy.arrow.column(column).take(_rows(rows)))
        return case.with_table("reference", pair.name, healthy)

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The column tells of the target at least half as much more as it does now."""
        from ruleout.guards.tables import association

        pair, target = None if finding.repair.get("replay") else pair_of(problem.case, finding), problem.case.target
        if pair is None or not target or target not in pair.suspect or target not in pair.yardstick:
            return None
        known = [c for c in finding.repair["columns"] if c in pair.suspect and c in pair.yardstick]
        found = {c: (association(pair.yardstick, c, target), association(pair.suspect, c, target)) for c in known}
        column = max(found, key=lambda c: found[c][0] - found[c][1], default=None)
        if column is None or found[column][0] - found[column][1] < 0.03:
            return None
        least = round(sum(found[column]) / 2, 4)
        told = f"{pair.place(column)} no longer tells of {target} what it did: its values may stand on the wrong rows."
        return Guard(self.id(), finding.place, "min_association", pair.name, {"column": column, "target": target, "at_least": least}, told)

    def _finding(self, case: Case, pair: Pair, held: Comparison) -> Finding | None:
        kept, error = held.alignment.kept, held.alignment.error
        right = [c for c in range(len(held.columns)) if held.columns[c] not in held.misplaced]
        worst: dict[str, tuple[float, float, str]] = {}
        for name in held.misplaced:
            at = held.columns.index(name)
            known = [c for c in right if np.isfinite(kept[at, c])]
            known = [c for c in known if held.distance[held.columns[c]] <= 0.1] or known
            if known:
                least = max(known, key=lambda c: (1 - kept[at, c]) / error[at, c])
                worst[name] = (float(kept[at, least]), float(error[at, least]), held.columns[least])
        name = max(worst, key=lambda c: (1 - worst[c][0]) / worst[c][1])
        left, spread, partner = worst[name]
        share = float(np.clip(1 - left, 0, 1))
        undo = find_undo(case, pair, held, held.misplaced)
        # Rows of another time stand otherwise together by themselves: weather goes with other weekdays.
        if not undo and left > 0.5 and (case.time or case.reference is None):
            return None
        evidence = bounded(log_bayes_factor(1 - left, spread, floor=0.06, typical=0.5))
        others = f" ({len(held.misplaced)} columns: {', '.join(held.misplaced)})" if len(held.misplaced) > 1 else ""
        told = ""
        if undo and "shift" in undo:
            rows = "all rows" if undo["shares"] == [0.0, 1.0] else f"rows {undo['first']:,} to {undo['last']:,}"
            told = f"; moving {rows} by {undo['shift']:+d} mends it"
        elif undo:
            told = f"; the order of {undo['order']} mends it"
        statement = (
            f"`{pair.place(name)}`{others}: {left:.2f} +/- {1.96 * spread:.2f} of its association with {partner} is left, expected 1, its "
            f"own distribution being the same; n = {pair.suspect.n_rows:,} against {pair.yardstick.n_rows:,}{told}."
        )
        figures = {
            "columns": list(held.misplaced),
            "kept": round(left, 4),
            "error": round(spread, 4),
            "partner": partner,
            "share": round(share, 4),
            "undo": undo,
            "n": pair.suspect.n_rows,
            "n_yardstick": pair.yardstick.n_rows,
        }
        repair = {"table": pair.name, "columns": list(held.misplaced), "undo": undo}
        return Finding(pair.place(name), pair.name, evidence, statement, figures, repair, pair.side, 1.0 if undo else 0.5)

    def _elsewhere(self, case: Case, pair: Pair, held: Comparison) -> bool:
        """Whether another page says it better: two columns changed places, they are an older record's of the same entity, or only the
        relation to the target changed, in validation too.
        """
        if set(held.misplaced) <= {c for places in held.exchanged for c in places}:
            return True
        old = old_records(case, pair) if pair.name == "serving" else None
        if old is not None and len(set(held.misplaced) & set(old.columns)) >= len(held.misplaced) / 2:
            return True
        target = held.target
        if not target:
            return False
        at = [held.columns.index(c) for c in held.misplaced]
        right = tuple(c for c in range(len(held.columns)) if held.columns[c] not in held.misplaced)
        if any(held.columns[b] != target for a in at for _, b in held.damaged((a,), right)):
            return False
        for other in pairs(case):
            if other.name != pair.name and {pair.name, other.name} == {"train", "validation"} and case.reference:
                beside = compare(case, other)
                if any(
                    c in beside.columns and beside.damaged((beside.columns.index(c),), (len(beside.columns) - 1,)) for c in held.misplaced
                ):
                    return True
        return False

    def _donors(self, case: Case, pair: Pair, columns: Sequence[str], rows: np.ndarray) -> np.ndarray | None:
        """For some rows of the suspect the healthy row whose values they are given: their own where it is found, else one like it."""
        donors = predicted_donors(case, pair, columns, rows)
        if donors is None:
            return None
        mine, theirs = compare(case, pair).joined
        at = np.full(pair.suspect.n_rows, -1)
        at[rows] = np.arange(len(rows))
        asked = at[mine] >= 0
        donors[at[mine[asked]]] = theirs[asked]
        return donors


def _slip(rows: int | None) -> str:
    """In words, how far all answers slipped."""
    return "" if rows is None else f"; each stands {abs(rows)} rows {'below' if rows > 0 else 'above'} its request"


def _rows(rows: np.ndarray) -> Any:
    import pyarrow as pa

    return pa.array(rows.astype(np.int64))
