"""The page on features that arrive late."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import bounded
from ruleout.causes.comparison import Comparison, compare
from ruleout.causes.in_time import LARGEST, SURE, Order, orders_of
from ruleout.causes.late import late_columns
from ruleout.causes.page import Cause, Finding, Look, Pair, pairs
from ruleout.causes.watched import company_guard
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.statistics.association import row_evidence
from ruleout.tables.matrix import binned, shared_rows
from ruleout.tables.table import Table

__all__ = ["TemporalMisalignment"]

MOST_ROWS = 50_000
MOST_COLUMNS = 40


class TemporalMisalignment(Cause):
    """A feature arrives late or shifted in time at serving: the row holds the value of another moment.

    What goes wrong
    ---------------
    The column is right and its clock is not. The request of today is answered with yesterday's value, or with that of the record
    before.

    Why it happens
    --------------
    A batch job fills the feature store at night; an aggregate is written after the request that should see it; time zones differ
    between the job and the service; a window is closed on the other side.

    What you see
    ------------
    Every column looks as it did, one by one, in mean, spread and nulls. The late one no longer goes with the others in its own row,
    but it does with those of an earlier one.

    How it is tested
    ----------------
    A value that came late does not fit its own row, and does fit another one. The logged rows are put in the order of time, within each
    entity (or level of a column) where there is one. For each column and each shift of 1 to 30 records, forwards and backwards, one number
    says how well the column fits the rest of its rows: the pointwise mutual information with the other columns, log p(c, d) / (p(c) p(d)),
    learned on the healthy table and summed over the log's rows (Church and Hanks 1990). A shift is a finding if it fits better than no
    shift by 6 standard errors, brings back three quarters of the association that the healthy table has, and at least a tenth of it.

    What one column says of another may be little: boosted trees learn each number from all else in the healthy rows, and say it in the
    log's; the shift that lies nearest to what they say is a finding where it takes away much of what their error rose by, by 4 standard
    errors of blocks of rows. Columns of one source are late together.

    Where the log's keys are also in the healthy table, or a column repeats the past of another one, nothing needs to be learned: the values
    that are equal to the last digit are counted, at each shift.

    What would rule it out
    ----------------------
    Columns that go with the others of their own row as they do in the healthy table.

    How it is fixed
    ---------------
    Read the value as of the time of the request, and write it before it is needed; or train on the values as late as they come.

    How it stays fixed
    ------------------
    Log each feature with the time at which it was made, and compare that with the time of the request.

    Told apart from
    ---------------
    `data.row-misalignment`: rows have no order in time, and the shift is one of position. `pipeline.caching`: the answers are old, not the
    features. `data.temporal-leakage`: training saw the future. `pipeline.feature-availability`: there is no value at all.

    References
    ----------
    Church and Hanks (1990), Word association norms, mutual information, and lexicography. Kaufman et al. (2012), Leakage in data
    mining, ACM TKDD 6 (legitimate features by time).
    """

    needs = (
        ("reference.validation", "current.serving"),
        ("reference.train", "current.serving"),
        ("reference.serving", "current.serving"),
        ("current.train", "current.serving"),
    )
    cost = 0.5

    def suspect(self, problem: Problem) -> Look:
        """Ask of every column whether another moment's value would fit its row better."""
        case = problem.case
        pair = next((p for p in pairs(case) if p.name == "serving"), None)
        if pair is None or problem.situation not in ("serving", "environment"):
            return Look(statement="serving: no log with a healthy table beside it, so no feature was looked at in time, n = 0 rows.")
        orders = list(orders_of(case, pair.suspect))
        n = pair.suspect.n_rows
        if not orders or n > MOST_ROWS or n < 60:
            said = f"serving: rows stand in no order of time that is known ([case] time, entity), n = {n:,}."
            if orders:
                said = f"serving: n = {n:,} rows, expected 60 to {MOST_ROWS:,} to hold each against its neighbours in time."
            return Look((), 0.3 if not orders else 0.0, said, ("serving",))
        found = [*_by_key(case, pair), *_by_lag(case, pair, orders)]
        if not found:
            found = list(_by_company(case, pair, orders))
            found += _by_prediction(case, pair, orders, found)
        if found:
            return Look(tuple(sorted(found, key=lambda f: -f.evidence)), 0.9, covers=("serving",))
        said = (
            f"serving: no column fits its rows better {LARGEST} records or less before or after, in {len(orders)} orders of n = {n:,} rows."
        )
        return Look((), 0.8, said, ("serving",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """Each row gets the value of its own moment: by key from the healthy rows, else by the shift undone."""
        pair = next((p for p in pairs(case) if p.name == "serving" and p.side == finding.side), None)
        column = str(finding.repair["column"])
        if pair is None or column not in pair.suspect:
            return None
        if finding.repair["how"] == "key":
            mine, theirs = shared_rows(pair.suspect, pair.yardstick, [str(case.key)])
            source = pair.yardstick.values(column)
            values = pair.suspect.values(column)
            values[mine] = source[theirs]
            return case.with_table(pair.side, "serving", pair.suspect.with_column(column, values))
        order = next((o for o in orders_of(case, pair.suspect) if o.words == finding.repair["order"]), None)
        if order is None:
            return None
        rows = order.moved(int(finding.repair["shift"]))
        rows = np.where(rows >= 0, rows, np.arange(len(rows)))
        import pyarrow as pa

        taken = pair.suspect.arrow.column(column).take(pa.array(rows)).combine_chunks()
        return case.with_table(pair.side, "serving", pair.suspect.with_column(column, taken))

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The column goes with the one that it went with."""
        pair = next((p for p in pairs(problem.case) if p.name == "serving" and p.side == finding.side), None)
        column = str(finding.repair["column"])
        if pair is None or column not in pair.suspect or column not in pair.yardstick:
            return None
        return company_guard(self.id(), finding, pair, column)


def _by_key(case: Case, pair: Pair) -> Iterator[Finding]:
    """Columns whose value is, to the last digit, that of an earlier healthy record while the key says another row."""
    if not case.key or case.key not in pair.suspect or case.key not in pair.yardstick:
        return
    mine, theirs = shared_rows(pair.suspect, pair.yardstick, [case.key])
    if len(mine) < 60:
        return
    orders = list(orders_of(case, pair.yardstick))
    for column in _comparable(case, pair):
        now, was = pair.suspect.texts(column)[mine], pair.yardstick.texts(column)
        wrong = now != was[theirs]
        if wrong.mean() < 0.1 or len(set(was.tolist())) < 3:
            continue
        best: tuple[float, int, str] | None = None
        for order in orders:
            for shift in range(-LARGEST, LARGEST + 1):
                rows = order.moved(shift)[theirs]
                hits = float(np.mean((was[rows] == now)[wrong & (rows >= 0)])) if shift and (wrong & (rows >= 0)).sum() > 20 else 0.0
                if best is None or hits > best[0]:
                    best = hits, shift, order.words
        if best is not None and best[0] > 0.8:
            said = (
                f"serving.{column}: {wrong.mean():.0%} of {len(mine):,} rows with a healthy twin of the same key have another value, and"
                f" {best[0]:.0%} of those the value {abs(best[1])} {best[2]} {'before' if best[1] < 0 else 'after'}."
            )
            figures = {"shift": best[1], "order": best[2], "hits": best[0], "share": float(wrong.mean())}
            yield _finding(pair, column, 3.9, said, figures, {"how": "key", "column": column})


def _by_lag(case: Case, pair: Pair, orders: list[Order]) -> Iterator[Finding]:
    """Columns that repeat the past of another one, with another lag than in the healthy table."""
    healthy_orders = {o.words: o for o in orders_of(case, pair.yardstick)}
    columns = [c for c in _comparable(case, pair) if pair.suspect.kind(c) == "numeric"][:MOST_COLUMNS]
    sources = [*columns, *([case.target] if case.target and case.target in pair.suspect and case.target in pair.yardstick else [])]
    told: set[str] = set()
    for order in (o for o in orders if o.words in healthy_orders):
        theirs = healthy_orders[order.words]
        for column in (c for c in columns if c not in told):
            for source in sources:
                if source == column or pair.yardstick.kind(source) != "numeric" or pair.suspect.kind(source) != "numeric":
                    continue
                was = _lag(pair.yardstick, column, source, theirs)
                if was is None:
                    continue
                now = _lag(pair.suspect, column, source, order)
                if now is not None and now != was:
                    said = (
                        f"serving.{column}: it repeats {source} {-now} {order.words} before, in {pair.yardstick.name} {-was};"
                        f" n = {pair.suspect.n_rows:,}."
                    )
                    # The healthy value stands as many records later as the lag has grown.
                    repair = {"how": "shift", "column": column, "order": order.words, "shift": was - now}
                    told.add(column)
                    yield _finding(pair, column, 3.9, said, {"lag": -now, "healthy_lag": -was}, repair)
                    break


def _lag(table: Table, column: str, source: str, order: Order) -> int | None:
    """The shift at which a column equals the past of another one in nearly every row; None for none, or where both are flat."""
    values, past = table.numbers(column), table.numbers(source)
    if len(np.unique(values[:2_000])) < 8:
        return None
    best: tuple[float, int] | None = None
    for shift in range(-LARGEST, 0):
        rows = order.moved(shift)
        known = (rows >= 0) & np.isfinite(values)
        if known.sum() < 40:
            continue
        hits = float(np.mean(np.abs(past[rows[known]] - values[known]) <= 1e-6 * np.maximum(1.0, np.abs(values[known]))))
        if best is None or hits > best[0]:
            best = hits, shift
    return best[1] if best is not None and best[0] > 0.9 else None


def _by_company(case: Case, pair: Pair, orders: list[Order]) -> Iterator[Finding]:
    """Columns that go better with the other columns of another moment."""
    held = compare(case, pair)
    columns = held.columns
    if len(columns) < 2 or held.yardstick.n_rows < 60:
        return
    # Whole tables: rows must stand beside their neighbours in time.
    _, codes, _ = binned(held.yardstick, pair.suspect, columns)
    late = _shifted(held, codes, columns, orders, ())
    if late and len(late) < len(held.features):
        # Columns that are late together are each held against those that are not.
        late = _shifted(held, codes, columns, orders, tuple(late))
    for column, best in late.items():
        said = (
            f"serving.{column}: it goes with the row {abs(best.shift)} {best.order.words} {'before' if best.shift > 0 else 'after'}"
            f" ({best.kept:.0%} of the healthy association shifted, {best.now:.0%} as it is; {best.z:.1f} standard errors), n = {best.n:,}."
        )
        figures = {"shift": best.shift, "order": best.order.words, "kept": best.kept, "as_it_is": best.now, "z": best.z}
        repair = {"how": "shift", "column": column, "order": best.order.words, "shift": best.shift}
        yield _finding(pair, column, 0.1 * best.z**2, said, figures, repair)


def _by_prediction(case: Case, pair: Pair, orders: list[Order], found: list[Finding]) -> Iterator[Finding]:
    """Columns of which the rest of the row says another moment's value: what one column says of another is little, all together much."""
    named = {order.words: order for order in orders}
    known = [(str(f.repair["column"]), named[str(f.repair["order"])], int(f.repair["shift"])) for f in found]
    for late in late_columns(case, pair, orders, known):
        said = (
            f"serving.{late.column}: what the rest of its row says of it is the value {abs(late.shift)} {late.order.words}"
            f" {'before' if late.shift > 0 else 'after'}: mean squared error {late.shifted:.4g} shifted, {late.now:.4g} as it is,"
            f" {late.healthy:.4g} in {pair.yardstick.name} ({late.z:.1f} standard errors), n = {pair.suspect.n_rows:,}."
        )
        figures = {"shift": late.shift, "order": late.order.words, "error": late.shifted, "as_it_is": late.now, "z": late.z}
        repair = {"how": "shift", "column": late.column, "order": late.order.words, "shift": late.shift}
        yield _finding(pair, late.column, 3.9 if late.z > SURE else 3.0, said, figures, repair)


class _Shift(NamedTuple):
    """The shift that fits a column best, how much of the healthy association it brings back, and by how many standard errors."""

    order: Order
    shift: int
    kept: float
    now: float
    z: float
    n: int


def _shifted(
    held: Comparison, codes: np.ndarray, columns: tuple[str, ...], orders: list[Order], aside: tuple[str, ...]
) -> dict[str, _Shift]:
    rows = np.arange(len(codes))
    found: dict[str, _Shift] = {}
    for at, column in enumerate(columns[: len(held.features)][:MOST_COLUMNS]):
        if aside and column not in aside:
            continue
        others = [c for c in range(len(columns)) if c != at and columns[c] not in aside and np.isfinite(held.alignment.kept[at, c])]
        goal = float(held.alignment.strength[at, others].sum()) if others else 0.0
        if goal <= 0.01:
            continue
        evidence = row_evidence(held.alignment, codes, at, others)
        mine = codes[:, at]
        chance = float((evidence.mean(axis=0) * np.bincount(mine, minlength=evidence.shape[1]) / len(mine)).sum())
        as_it_is = evidence[rows, mine]
        now = (float(as_it_is.mean()) - chance) / goal
        if now > 0.85:
            continue
        for order in orders:
            for shift in (k for k in range(-LARGEST, LARGEST + 1) if k):
                source = order.moved(shift)
                known = source >= 0
                if known.sum() < max(60, 0.5 * len(rows)):
                    continue
                gain = evidence[rows[known], mine[source[known]]] - as_it_is[known]
                z = float(gain.mean() / (gain.std() / np.sqrt(len(gain)) + 1e-12))
                kept = (float(evidence[rows[known], mine[source[known]]].mean()) - chance) / goal
                if z > SURE and kept > 0.7 and kept > now + 0.1 and (column not in found or kept > found[column].kept + 0.005):
                    found[column] = _Shift(order, shift, kept, now, z, int(known.sum()))
    return found


def _comparable(case: Case, pair: Pair) -> list[str]:
    return [
        c
        for c in case.features(pair.suspect)
        if c in pair.yardstick and pair.suspect.kind(c) == pair.yardstick.kind(c) and pair.suspect.kind(c) in ("numeric", "category")
    ]


def _finding(pair: Pair, column: str, evidence: float, said: str, figures: Mapping[str, Any], repair: Mapping[str, Any]) -> Finding:
    return Finding(f"serving.{column}", "serving", bounded(evidence), said, dict(figures), dict(repair), pair.side, 1.0)
