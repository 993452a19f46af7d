"""Checks on a table: each takes a guard's parameters and the tables, and answers with the number and its yardstick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from ruleout.guards.guard import Verdict
from ruleout.tables.table import Table

__all__ = [
    "allowed_categories",
    "association",
    "max_duplicate_rate",
    "max_null_rate",
    "max_outside_share",
    "max_overlap",
    "mean_range",
    "min_association",
    "min_rows",
    "neighbour_disagreement",
    "newest_time",
    "quantile_range",
    "required_columns",
    "required_values",
    "value_share",
]

N_BINS = 20
N_NEIGHBOURS = 10
N_SAMPLED = 4_000


def quantile_range(table: Table, given: Mapping[str, Any]) -> Verdict:
    """A quantile of a numeric column lies within bounds: `column`, `quantile` (0.5), `low`, `high`."""
    at = float(given.get("quantile", 0.5))
    values = _finite(table, given["column"])
    found = float(np.quantile(values, at)) if len(values) else float("nan")
    return _within(f"{table.name}.{given['column']}: quantile {at:g}", found, given, len(values))


def mean_range(table: Table, given: Mapping[str, Any]) -> Verdict:
    """The mean of a numeric column lies within bounds: `column`, `low`, `high`."""
    values = _finite(table, given["column"])
    return _within(f"{table.name}.{given['column']}: mean", float(values.mean()) if len(values) else float("nan"), given, len(values))


def max_outside_share(table: Table, given: Mapping[str, Any]) -> Verdict:
    """At most a share of a numeric column lies outside a range: `column`, `low`, `high`, `max_rate` (0)."""
    values = _finite(table, given["column"])
    low, high = float(given.get("low", -np.inf)), float(given.get("high", np.inf))
    rate = float(np.mean((values < low) | (values > high))) if len(values) else 0.0
    return _at_most(
        f"{table.name}.{given['column']}: share outside [{low:g}, {high:g}]", rate, float(given.get("max_rate", 0.0)), len(values)
    )


def allowed_categories(table: Table, given: Mapping[str, Any]) -> Verdict:
    """Hardly any value of a column is new: `column`, `values`, `max_new_rate` (0)."""
    texts = [v for v in table.texts(given["column"]).tolist() if v is not None]
    allowed = {str(v) for v in given["values"]}
    new = Counter(v for v in texts if v not in allowed)
    rate = sum(new.values()) / len(texts) if texts else 0.0
    example = f" (such as {new.most_common(1)[0][0]!r})" if new else ""
    return _at_most(
        f"{table.name}.{given['column']}: share of values not known{example}", rate, float(given.get("max_new_rate", 0.0)), len(texts)
    )


def max_null_rate(table: Table, given: Mapping[str, Any]) -> Verdict:
    """Few values of a column are null or stand for null: `column`, `max_rate`, `sentinels` ([])."""
    stand_ins = {str(v) for v in given.get("sentinels", ())}
    texts = table.texts(given["column"]).tolist()
    rate = sum(v is None or v in stand_ins for v in texts) / len(texts) if texts else 0.0
    return _at_most(f"{table.name}.{given['column']}: null rate", rate, float(given["max_rate"]), len(texts))


def max_duplicate_rate(table: Table, given: Mapping[str, Any]) -> Verdict:
    """Few rows repeat an earlier row of the same table: `max_rate`, `columns` (all)."""
    rows = _rows(table, given.get("columns"))
    rate = 1 - len(set(rows)) / len(rows) if rows else 0.0
    return _at_most(f"{table.name}: share of rows that repeat another", rate, float(given["max_rate"]), len(rows))


def max_overlap(table: Table, other: Table, given: Mapping[str, Any]) -> Verdict:
    """Few rows also lie in another table of the side: `table` (its name), `max_rate`, `columns` (those both have)."""
    columns = given.get("columns") or [c for c in table.columns if c in other.columns]
    theirs = set(_rows(other, columns))
    rows = _rows(table, columns)
    rate = sum(row in theirs for row in rows) / len(rows) if rows else 0.0
    return _at_most(f"{table.name}: share of rows that also lie in {other.name}", rate, float(given["max_rate"]), len(rows))


def required_columns(table: Table, given: Mapping[str, Any]) -> Verdict:
    """Every column is there and of its kind: `columns`, a table of name = kind ("numeric", "category", "time", "other", "any")."""
    wanted: Mapping[str, str] = given["columns"]
    absent = [c for c in wanted if c not in table]
    other = [f"{c} ({table.kind(c)}, not {kind})" for c, kind in wanted.items() if c in table and kind not in ("any", table.kind(c))]
    wrong = [*(f"{c} (absent)" for c in absent), *other]
    said = f"; wrong: {', '.join(wrong)}" if wrong else ""
    return Verdict(not wrong, f"{table.name}: {len(wanted) - len(wrong)} of {len(wanted)} columns as required{said}.")


def required_values(table: Table, given: Mapping[str, Any]) -> Verdict:
    """Every class or partition holds its least share of the rows: `column`, `shares`, a table of value = least share."""
    texts = [v for v in table.texts(given["column"]).tolist() if v is not None]
    counts = Counter(texts)
    shares: Mapping[str, float] = given["shares"]
    found = {v: counts.get(str(v), 0) / len(texts) if texts else 0.0 for v in shares}
    short = [f"{v!r} {found[v]:.4f} (at least {least:.4f})" for v, least in shares.items() if found[v] < least]
    said = f"; short: {', '.join(short[:5])}" if short else ""
    return Verdict(
        not short, f"{table.name}.{given['column']}: {len(shares) - len(short)} of {len(shares)} values present, n = {len(texts):,}{said}."
    )


def value_share(table: Table, given: Mapping[str, Any]) -> Verdict:
    """The share of one value of a column lies within bounds: `column`, `value`, `low`, `high`."""
    texts = [v for v in table.texts(given["column"]).tolist() if v is not None]
    found = sum(v == str(given["value"]) for v in texts) / len(texts) if texts else float("nan")
    return _within(f"{table.name}.{given['column']}: share of {given['value']!r}", found, given, len(texts))


def newest_time(table: Table, given: Mapping[str, Any]) -> Verdict:
    """The newest point in time is not older than expected: `column`, `at_least` (ISO 8601 text)."""
    values = [v for v in table.texts(given["column"]).tolist() if v is not None]
    newest = max(values, default="nothing")
    least = str(given["at_least"]).replace("T", " ")
    green = bool(values) and newest.replace("T", " ") >= least
    return Verdict(green, f"{table.name}.{given['column']}: newest {newest}, expected at least {least}, n = {len(values):,}.")


def min_rows(table: Table, given: Mapping[str, Any]) -> Verdict:
    """The table holds enough rows: `at_least`."""
    return Verdict(
        table.n_rows >= int(given["at_least"]), f"{table.name}: {table.n_rows:,} rows, expected at least {int(given['at_least']):,}."
    )


def min_association(table: Table, given: Mapping[str, Any]) -> Verdict:
    """A column still tells something of the target: `column`, `target`, `at_least`, a correlation ratio as `association` gives it."""
    found = association(table, given["column"], given["target"])
    said = (
        f"{table.name}.{given['column']}: association with {given['target']} {found:.4f}, expected at least {float(given['at_least']):.4f}"
    )
    return Verdict(found >= float(given["at_least"]), f"{said}, n = {table.n_rows:,}.")


def max_association(table: Table, given: Mapping[str, Any]) -> Verdict:
    """A column tells no more of the target than it may: `column`, `target`, `at_most`. One that is not there tells nothing."""
    if given["column"] not in table:
        return Verdict(True, f"{table.name}.{given['column']}: is not among the columns, n = {len(table.columns)} columns.")
    found, most = association(table, given["column"], given["target"]), float(given["at_most"])
    said = f"{table.name}.{given['column']}: association with {given['target']} {found:.4f}, expected at most {most:.4f}"
    return Verdict(found <= most, f"{said}, n = {table.n_rows:,}.")


def history_within(table: Table, given: Mapping[str, Any]) -> Verdict:
    """Every record of a curve is a number within bounds: `column`, `low`, `high`, `from_record` (1), `from_share` (0) of the records.

    A curve may be recorded every so many steps, and is null between; nulls that follow no such step are records that are no number.
    """
    values = np.array([_number(text) for text in table.texts(given["column"]).tolist()])
    values = values[max(int(given.get("from_record", 1)) - 1, int(len(values) * float(given.get("from_share", 0.0)))) :]
    there = np.flatnonzero(~np.isnan(values))
    steps = np.diff(there)
    regular = len(there) > 0 and len(set(steps.tolist())) <= 1 and len(values) - there[-1] <= (int(steps[0]) if len(steps) else 1)
    records = values[there[0] :: int(steps[0])] if regular and len(steps) else values
    low, high = float(given.get("low", -np.inf)), float(given.get("high", np.inf))
    n_outside = int(np.sum(~(np.isfinite(records) & (records >= low) & (records <= high))))
    said = f"history.{given['column']}: {n_outside} of {len(records)} records are no number from {low:.4g} to {high:.4g}"
    return Verdict(len(records) > 0 and n_outside == 0, f"{said}, expected none, n = {len(records)} records.")


def _number(text: str | None) -> float:
    try:
        return float("nan" if text is None else text)
    except ValueError:
        return float("nan")


def neighbour_disagreement(table: Table, given: Mapping[str, Any]) -> Verdict:
    """Few labels contradict their neighbours: `target`, `columns` (numeric features), `max_rate`.

    A row contradicts where most of its ten nearest other rows, numbers standardised, bear another label.
    """
    from scipy.spatial import cKDTree

    sample = table.sample(N_SAMPLED)
    labels = sample.texts(given["target"])
    columns = given.get("columns") or [c for c in sample.of_kind("numeric") if c != given["target"]]
    numbers = np.column_stack([_standard(sample.numbers(c)) for c in columns]) if columns else np.zeros((sample.n_rows, 1))
    kept = np.array([v is not None for v in labels.tolist()], dtype=bool)
    labels, numbers = labels[kept], numbers[kept]
    k = min(N_NEIGHBOURS, max(len(labels) - 1, 0))
    if k == 0:
        return Verdict(True, f"{table.name}.{given['target']}: share of labels against their neighbours not measurable, n = {len(labels)}.")
    near = np.asarray(cKDTree(numbers).query(numbers, k=k + 1)[1])[:, 1:]
    against = sum(Counter(labels[row].tolist()).most_common(1)[0][0] != own for row, own in zip(near, labels.tolist(), strict=True))
    rate = against / len(labels)
    return _at_most(
        f"{table.name}.{given['target']}: share of labels against their neighbours", rate, float(given["max_rate"]), len(labels)
    )


def association(table: Table, column: str, target: str) -> float:
    """Correlation ratio (Pearson, 1905) of the target given the column in bins, in [0, 1], less what chance alone gives.

    The square root of the share of the target's variance that lies between the bins of the column; for classes, the
    shares of the classes' indicators pooled. A numeric column is cut at its quantiles.
    """
    if table.n_rows == 0:
        return 0.0
    groups = _bins(table, column)
    if table.kind(target) == "numeric" and len(set(table.texts(target).tolist())) > N_BINS:
        truth = table.numbers(target)
        kept = np.isfinite(truth)
        indicators = truth[kept][:, None]
    else:
        labels = table.texts(target)
        kept = np.array([v is not None for v in labels.tolist()], dtype=bool)
        indicators = np.column_stack([labels[kept] == value for value in sorted(set(labels[kept].tolist()))] or [np.zeros(0)]).astype(float)
    groups = groups[kept]
    total = float(((indicators - indicators.mean(axis=0)) ** 2).sum()) if len(indicators) else 0.0
    if total == 0:
        return 0.0
    between, used = 0.0, 0
    for group in np.unique(groups):
        rows = indicators[groups == group]
        between += len(rows) * float(((rows.mean(axis=0) - indicators.mean(axis=0)) ** 2).sum())
        used += 1
    chance = (used - 1) / max(len(groups) - 1, 1)
    return float(np.sqrt(max(0.0, between / total - chance)))


def _bins(table: Table, column: str) -> np.ndarray:
    if table.kind(column) in ("numeric", "time"):
        values = table.numbers(column)
        finite = values[np.isfinite(values)]
        edges = np.unique(np.quantile(finite, np.linspace(0, 1, N_BINS + 1)[1:-1])) if len(finite) else np.zeros(0)
        found = np.searchsorted(edges, np.where(np.isfinite(values), values, 0.0), side="right")
        return np.where(np.isfinite(values), found, -1)
    texts = ["" if v is None else v for v in table.texts(column).tolist()]
    return np.asarray(np.unique(np.array(texts, dtype=str), return_inverse=True)[1])


def _standard(values: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    middle = float(np.median(finite)) if len(finite) else 0.0
    spread = float(finite.std()) if len(finite) else 0.0
    return (np.where(np.isfinite(values), values, middle) - middle) / (spread or 1.0)


def _finite(table: Table, column: str) -> np.ndarray:
    values = table.numbers(column)
    return np.asarray(values[np.isfinite(values)])


def _rows(table: Table, columns: Any) -> list[tuple[str | None, ...]]:
    chosen = list(columns) if columns else list(table.columns)
    return list(zip(*(table.texts(c).tolist() for c in chosen), strict=True)) if chosen else []


def _within(what: str, found: float, given: Mapping[str, Any], n: int) -> Verdict:
    low, high = float(given.get("low", -np.inf)), float(given.get("high", np.inf))
    return Verdict(bool(low <= found <= high), f"{what} {found:.6g}, expected {low:.6g} to {high:.6g}, n = {n:,}.")


def _at_most(what: str, rate: float, most: float, n: int) -> Verdict:
    return Verdict(bool(rate <= most), f"{what} {rate:.4f}, expected at most {most:.4f}, n = {n:,}.")
