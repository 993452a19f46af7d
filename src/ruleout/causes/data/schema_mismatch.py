"""data.schema-mismatch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.by_itself import text_numbers, with_lone
from ruleout.causes.columns import borrowed, bounded, pair_of, put_values, quantile_guard, sampled, texts
from ruleout.causes.page import Cause, Component, Finding, Look, Pair, pairs
from ruleout.causes.places import changed_places, gap, returned
from ruleout.causes.strayed import brought_home, strayed
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.quantiles import detection_power, ks_critical
from ruleout.statistics.retyping import read_numbers, read_times, read_truth
from ruleout.statistics.spelling import assign, name_likeness
from ruleout.tables.table import Table


class SchemaMismatch(Cause):
    """A column is missing, renamed or of another type, or columns have changed places.

    What goes wrong
    ---------------
    The table no longer has the columns that the model was made for: one is gone, one is called otherwise, numbers came as text, or the
    values of two columns stand under each other's names.

    Why it happens
    --------------
    An export changed, a file was read without its header or in another locale, columns were assigned by position, a select was edited.

    What you see
    ------------
    A name or a type that differs; or two columns that each look like the other did.

    How it is tested
    ----------------
    Names and types are compared. A vanished column is matched with a new one by the least Kolmogorov-Smirnov (for text, total variation)
    distance and likeness of name.

    Text in the place of numbers is read with a decimal point and a decimal comma, and the nearer reading kept.

    Columns that moved (p < 1e-6) are assigned to the healthy columns at least cost (Kuhn 1955): they changed places if under the assignment
    every one of them returns to within sampling noise.

    Where only a part of the rows has its values in other columns (cells one to the right, two columns exchanged by one of two sources),
    each column that moved is fitted as a mixture of its healthy self and of another column that moved or was emptied (Dempster, Laird and
    Rubin 1977). Two columns or more must hold strangers in the same share of the rows, with a log likelihood ratio above 50, and be healthy
    to within noise once each row's values stand where they are likelier. Rows of which something was overwritten are left out.

    A table by itself shows decimal numbers that are held as text.

    What would rule it out
    ----------------------
    The same names and types, and no set of moved columns that fit each other's places.

    How it is fixed
    ---------------
    Rename, cast or exchange the columns back where the table is made, by name and never by position; train again.

    How it stays fixed
    ------------------
    Declare names and types in a schema that is checked when the table is written and again when it is read.

    Told apart from
    ---------------
    `pipeline.feature-order`: the names are right but reach the model in another order at serving. `data.unit-change`: a column moved by
    a formula. `data.missing-values`: the column is there and empty. `data.row-misalignment`: right column, wrong rows.

    References
    ----------
    Kuhn (1955), The Hungarian method for the assignment problem. Dempster, Laird and Rubin (1977), Maximum likelihood from incomplete
    data via the EM algorithm, JRSS B 39.
    """

    needs = (("current.train",), ("current.validation",), ("current.serving",))
    cost = 0.2
    imputes = True
    columns_alone = True

    def suspect(self, problem: Problem) -> Look:
        """Compare names, types and places, table by table."""
        found: list[Finding] = []
        covers: list[Component] = []
        power, n_columns = 1.0, 0
        for pair in pairs(problem.case):
            covers.append(pair.name)
            n_columns += len(problem.case.features(pair.yardstick))
            n, m = sampled(pair.suspect).n_rows, sampled(pair.yardstick).n_rows
            power = min(power, detection_power(0.15, ks_critical(n, m, 1e-6), n, m))
            found += [*_absent(problem.case, pair), *_retyped(problem.case, pair), *_exchanged(problem.case, pair)]
        found.sort(key=lambda f: -f.evidence)
        said = f"{n_columns} columns have the healthy tables' names and types, and none fits another's place."
        look = Look(tuple(found), power if n_columns else 0.0, "" if found else said, tuple(covers))
        return with_lone(problem, look, text_numbers, 0.3, "no column holds its numbers as text")

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Rename, cast or exchange back; a column that is gone is borrowed from healthy rows like these."""
        pair = pair_of(case, finding)
        if pair is None:
            return None
        table, repair = pair.suspect, finding.repair
        if repair["what"] == "renamed":
            table = table.rename({repair["now"]: repair["column"]})
        elif repair["what"] == "missing":
            taken = borrowed(case, pair, repair["column"], np.ones(table.n_rows, dtype=bool))
            if taken is None:
                return None
            table = put_values(table, repair["column"], taken, pair.yardstick)
        elif repair["what"] == "retyped":
            read = _read(table, pair.yardstick, repair["column"])
            if read is None:
                return None
            table = put_values(table, repair["column"], read[0], pair.yardstick)
        elif repair["what"] == "strayed":
            if any(c not in table or c not in pair.yardstick for c in {*repair["into"], *repair["into"].values()}):
                return None
            if gap(table, repair["column"], pair.yardstick, repair["column"]) <= repair["noise"]:
                return case  # Put right already: each of the columns has a finding of its own.
            table = brought_home(pair, repair["into"], repair["share"], table)
        else:
            # Each of the columns has a finding of its own, and the first one that is put right puts all of them right.
            back = returned(pair, repair["places"], finding.figures["noise"], repair["mark"])
            if back is None:
                return case
            table = back
        if repair["what"] not in ("exchanged", "strayed") and set(pair.yardstick.columns) == set(table.columns):
            table = table.select(pair.yardstick.columns)
        return case.with_table(pair.side, pair.name, table)

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The healthy names and kinds; for exchanged columns a quantile of one of them."""
        pair = pair_of(problem.case, finding)
        if pair is None:
            return None
        message = f"{finding.place} is not what the schema says."
        if finding.repair["what"] in ("exchanged", "strayed"):
            column = str(finding.repair["column"])
            if pair.yardstick.kind(column) == "numeric":
                return quantile_guard(self.id(), finding.place, pair, column, message)
            known = sorted({v for v in pair.yardstick.texts(column).tolist() if v is not None})
            return Guard(self.id(), finding.place, "allowed_categories", pair.name, {"column": column, "values": known}, message)
        kinds = {c: pair.yardstick.kind(c) for c in problem.case.features(pair.yardstick)}
        return Guard(self.id(), finding.place, "required_columns", pair.name, {"columns": kinds}, message)


def _absent(case: Case, pair: Pair) -> Iterator[Finding]:
    gone = [c for c in case.features(pair.yardstick) if c not in pair.suspect]
    new = [c for c in case.features(pair.suspect) if c not in pair.yardstick]
    n, m = sampled(pair.suspect).n_rows, sampled(pair.yardstick).n_rows
    now: dict[str, tuple[str, float]] = {}
    if gone and new:
        gaps = np.array([[gap(pair.suspect, c, pair.yardstick, old) for c in new] for old in gone])
        likeness = np.array([[name_likeness(c, old) for c in new] for old in gone])
        for i, j in zip(*assign(gaps - 0.3 * likeness), strict=True):
            if gaps[i, j] < 1.2 * ks_critical(n, m, 1e-3) or (likeness[i, j] > 0.8 and gaps[i, j] < 0.5):
                now[gone[i]] = new[j], float(gaps[i, j])
    for column in gone:
        if column in now:
            name, apart = now[column]
            said = f'{pair.place(column)}: called "{name}" here, at a distance of {apart:.3f} from the healthy column, n = {n:,} and {m:,}.'
            yield _finding(pair, column, said, {"what": "renamed", "now": name}, 1.0)
        else:
            columns = len(pair.yardstick.columns), len(pair.suspect.columns)
            said = f"{pair.place(column)}: absent; the healthy table has {columns[0]} columns, this one {columns[1]}, n = {n:,}."
            yield _finding(pair, column, said, {"what": "missing"}, 0.8)


def _read(mine: Table, theirs: Table, column: str) -> tuple[np.ndarray, str] | None:
    """The column's values in the healthy column's kind, with what they had become."""
    kind, now = theirs.kind(column), mine.kind(column)
    values = mine.texts(column)
    if kind == "numeric" and now == "category":
        read = read_numbers(values, theirs.numbers(column))
        if read:
            return read[0], f"text with {read[1]}"
        truth = read_truth(values)
        return (truth, "yes or no") if truth is not None else None
    if kind == "time" and now == "category":
        times = read_times(values)
        return (times, "text") if times is not None else None
    if kind == "category" and now in ("numeric", "category"):
        return _as_text(values, theirs.values(column), now)
    if kind == "numeric" and now == "time":
        return mine.numbers(column), "points in time"
    return None


def _as_text(values: np.ndarray, healthy: np.ndarray, now: str) -> tuple[np.ndarray, str] | None:
    known = {v for v in healthy.tolist() if v is not None}
    if known and known <= {True, False} and all(isinstance(v, bool) for v in known):
        truth = read_truth(values)
        return None if truth is None else (np.array([None if np.isnan(v) else bool(v) for v in truth], dtype=object), f"{now} values")
    said = {v for v in values.tolist() if v is not None}
    if said & known:
        return values, "numbers"
    truth, theirs = read_truth(values), read_truth(np.array([None if v is None else str(v) for v in healthy.tolist()], dtype=object))
    if truth is None or theirs is None:
        return None
    names = {float(read_truth(np.array([str(v)], dtype=object))[0]): v for v in sorted(known)}  # type: ignore[index]
    return np.array([None if np.isnan(v) else names.get(v) for v in truth], dtype=object), f"{now} values"


def _retyped(case: Case, pair: Pair) -> Iterator[Finding]:
    for column in case.features(pair.suspect):
        if column not in pair.yardstick:
            continue
        was, now = pair.yardstick.arrow.schema.field(column).type, pair.suspect.arrow.schema.field(column).type
        kinds = pair.yardstick.kind(column), pair.suspect.kind(column)
        # A truth value and a text are one kind and two types; whole numbers as floats do no harm.
        if "other" in kinds or (kinds[0] == kinds[1] and (kinds[0] != "category" or (str(was) == "bool") == (str(now) == "bool"))):
            continue
        read = _read(sampled(pair.suspect), sampled(pair.yardstick), column)
        example = next((v for v in texts(pair.suspect, column).tolist() if v is not None), "")
        how = f" ({read[1]}, such as {example!r})" if read else f" (such as {example!r}, which cannot be read back)"
        said = f"{pair.place(column)}: of type {now}{how}, the healthy column is {was}, n = {sampled(pair.suspect).n_rows:,}."
        yield _finding(pair, column, said, {"what": "retyped"}, 1.0)


def _exchanged(case: Case, pair: Pair) -> Iterator[Finding]:
    # At serving the same is pipeline.feature-order: the model reads the columns in another order than it was fitted on.
    if pair.name == "serving":
        return
    whole = list(changed_places(case, pair))
    if not whole:
        yield from _strayed(case, pair)
    for place in whole:
        repair = {"what": "exchanged", "places": place.places, "noise": place.noise, "mark": place.mark}
        yield _finding(pair, place.column, place.statement, repair, 1.0)


def _strayed(case: Case, pair: Pair) -> Iterator[Finding]:
    """Columns that hold each other's values in a part of the rows: one place, whose other columns are told beside it."""
    found = strayed(case, pair)
    if found is None:
        return
    which = ", ".join(f"{column} holds {other}" for column, other in found.into.items())
    for column in found.into:
        said = (
            f"{pair.place(column)}: in {found.share:.1%} of the rows {which}; with these values home the columns are at most"
            f" {found.left[0]:.3f} from the healthy ones (noise {found.left[1]:.3f}), log likelihood ratio {found.gain:.0f},"
            f" n = {sampled(pair.suspect).n_rows:,}."
        )
        yield _finding(pair, column, said, {"what": "strayed", "into": dict(found.into), "share": found.share, "noise": found.left[1]}, 1.0)


def _finding(pair: Pair, column: str, said: str, repair: dict[str, object], specificity: float) -> Finding:
    repair = {"table": pair.name, "column": column, **repair}
    figures = {key: value for key, value in repair.items() if key in ("what", "now", "places", "noise", "into", "share")}
    return Finding(pair.place(column), pair.name, bounded(3.9), said, figures, repair, pair.side, specificity)
