"""How a service may have scaled its numbers: what the artifact's scaler holds, and which other scaling reproduces logged answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.answers import Answers, Change, Told
from ruleout.causes.batches import scaled_by_batch
from ruleout.causes.beside import Beside
from ruleout.causes.changes import numbers_changed
from ruleout.causes.columns import finite, numbers
from ruleout.causes.page import Pair
from ruleout.statistics.quantiles import ks_critical, ks_distance
from ruleout.tables.table import Table

__all__ = ["Rescaled", "fitted_scales", "line_between", "many_lines", "rescaled", "scaled", "scaling_of"]

PERCENTS = np.linspace(0.02, 0.98, 49)
MOST_FITTED = 60
STARTS = 2
"""Searches for the scaling in use that begin elsewhere than at the artifact's own, at most."""

ENDS = (0.05, 0.15, 0.4)
"""Parts of the rows, from one end of a column, on which a scaler may have been fitted by mistake."""

MOST_LEVELS = 12
FEW_ROWS = 300


class Rescaled(NamedTuple):
    """A scaling that reproduces the logged answers: in words, the columns, how well, and how sure it is that it is one."""

    words: str
    columns: tuple[str, ...]
    told: Told
    evidence: float
    specificity: float = 1.0


def scaling_of(answers: Answers) -> dict[str, tuple[float, float]]:
    """Centre and scale by column, of the steps of the artifact that scale."""
    found: dict[str, tuple[float, float]] = {}
    for scaler in answers.description.fitted.get("scalers", ()):
        for column, centre, scale in zip(scaler["columns"], scaler.get("centre") or (), scaler.get("scale") or (), strict=False):
            if centre is not None and scale and column in answers.log and answers.log.kind(column) == "numeric":
                found[column] = (float(centre), float(scale))
    return found


def rescaled(answers: Answers) -> Rescaled | None:
    """Which other scaling of the features reproduces the logged answers; None where none does."""
    found = answers.search(list(_suppositions(answers))) or answers.search_whole(scaled_by_batch(answers, scaling_of(answers)))
    if found is not None:
        return Rescaled(found.words, found.columns, found.told, answers.evidence(found.told))
    return _fitted(answers)


def _suppositions(answers: Answers) -> Iterator[Change]:
    scales = scaling_of(answers)
    numeric = [c for c in answers.features if answers.log.kind(c) == "numeric"]
    fills = {k: v for k, v in answers.description.fitted.get("imputers", {}).items() if isinstance(v, int | float)}

    def fed(words: str, made: Callable[[np.ndarray, str], np.ndarray], filled: bool = False) -> Change:
        """The change after which the artifact's own scaler gives `made` of the logged values."""

        def how(values: np.ndarray, column: str) -> np.ndarray:
            centre, scale = scales[column]
            if filled and column in fills:
                values = np.where(np.isnan(values), fills[column], values)
            return centre + scale * made(values, column)

        return numbers_changed(words, list(scales), how)

    if scales:
        yield fed("the scaler left out", lambda v, _: v, True)
        yield fed("the scaler left out", lambda v, _: v)
        yield fed("the scaler applied twice", lambda v, c: ((v - scales[c][0]) / scales[c][1] - scales[c][0]) / scales[c][1])
        yield fed("the mean taken off and the deviation left in", lambda v, c: v - scales[c][0])
        yield fed("the deviation divided out and the mean left in", lambda v, c: v / scales[c][1])
        for words, order in _orders(list(scales)):
            yield fed(f"the parameters {words}", lambda v, c, at=order: (v - scales[at[c]][0]) / scales[at[c]][1])  # type: ignore[misc]
    for words, table in _tables(answers):
        known = _moments(table, list(scales) or numeric)
        if not known:
            continue
        put = scales or dict.fromkeys(known, (0.0, 1.0))
        for name, of in (("mean and deviation", (0, 1)), ("smallest and largest value", (2, 3)), ("median and quartiles", (4, 5))):
            yield _by_moments(f"scaled by the {name} of {words}", put, known, of)
            if scales:
                twice = f"scaled by the {name} of {words} and by the artifact's own scaler after that"
                yield _by_moments(twice, dict.fromkeys(known, (0.0, 1.0)), known, of)


def _orders(columns: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Other columns whose scaling parameters each column may have got: parameters kept by position and not by name."""
    for n in range(1, len(columns)):
        yield f"of the column {n} further on", dict(zip(columns, columns[n:] + columns[:n], strict=True))
    for words, order in (("in the order of the alphabet", sorted(columns)), ("in the reverse order", columns[::-1])):
        if order != columns:
            yield words, dict(zip(columns, order, strict=True))


def _by_moments(words: str, put: Mapping[str, tuple[float, float]], known: Mapping[str, tuple[float, ...]], of: tuple[int, int]) -> Change:
    def how(values: np.ndarray, column: str) -> np.ndarray:
        centre, scale = put[column]
        return np.asarray(centre + scale * (values - known[column][of[0]]) / known[column][of[1]])

    return numbers_changed(words, [c for c in known if c in put], how)


def _tables(answers: Answers) -> Iterator[tuple[str, Table]]:
    case = answers.case
    yield "the log itself", answers.log
    for side in ("reference", "current"):
        held = case.side(side)
        for name in ("train", "validation"):
            table = held.table(name) if held is not None else None
            if table is not None:
                yield f"the {side}'s {name} table", table


def _moments(table: Table, columns: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Mean, deviation, least, span, median and width of the quartiles by column."""
    out: dict[str, tuple[float, ...]] = {}
    for column in columns:
        if column in table and table.kind(column) == "numeric":
            values = finite(table.numbers(column))
            if len(values) > 5 and values.std() > 0:
                low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
                wide = float(high - low) or 1.0
                out[column] = (
                    float(values.mean()),
                    float(values.std()),
                    float(values.min()),
                    float(values.max() - values.min()),
                    float(middle),
                    wide,
                )
    return out


def _fitted(answers: Answers) -> Rescaled | None:
    """The line a + b x in each scaled column after which a smooth model reproduces the logged answers.

    Gauss and Newton's steps, damped (Levenberg 1944; Marquardt 1963), on differences of the answers as logits; only for numbers.
    """
    scales = scaling_of(answers)
    columns = list(scales)[:MOST_FITTED]
    if answers.numbers is None or not columns or len(scales) > MOST_FITTED or answers.plain.rate > 0.5:
        return None
    few = np.linspace(0, len(answers.rows) - 1, min(FEW_ROWS, len(answers.rows))).round().astype(int)
    table = answers.trial.take(few)
    values = {c: table.numbers(c) for c in columns}
    known = np.all([np.isfinite(v) for v in values.values()], axis=0)
    n_free = 2 * len(columns)
    if known.sum() < 2 * n_free + 20:
        return None
    table = table.filter(known)
    z = np.column_stack([(values[c][known] - scales[c][0]) / scales[c][1] for c in columns])
    logged = _open(answers.numbers[0][answers.rows[few]][known])

    def residuals(thetas: Sequence[np.ndarray]) -> list[np.ndarray] | None:
        tables = [_fed(table, columns, scales, z, t) for t in thetas]
        import pyarrow as pa

        whole = Table(pa.concat_tables([t.arrow for t in tables]).combine_chunks(), name="serving", origin=table.origin)
        made = answers.answers_for(whole)
        return None if made is None else [_open(part) - logged for part in np.split(np.asarray(made), len(tables))]

    plain = np.concatenate([np.zeros(len(columns)), np.ones(len(columns))])
    begun = [plain, *_of_parts(answers, columns, scales)]
    tried = residuals(begun)
    if tried is None:
        return None
    first, start = tried[0], float(tried[0] @ tried[0])
    nearest = sorted(range(len(begun)), key=lambda k: float(tried[k] @ tried[k]))
    theta, now = plain, first
    for k in dict.fromkeys([0, *nearest[:STARTS]]):
        theta, now = _descended(residuals, begun[k], tried[k], 1e-9 * start)
        if float(now @ now) <= 1e-4 * start:
            break
    if float(now @ now) > 1e-4 * start or float(np.abs(now).max()) > 0.02 * max(float(np.abs(first).max()), 1e-9):
        return None
    offset, factor = theta[: len(columns)], theta[len(columns) :]
    moved_columns = [c for c, a, b in zip(columns, offset, factor, strict=True) if abs(a) > 0.02 or abs(b - 1) > 0.02]
    if not moved_columns or (factor <= 0).any():
        return None  # A scaler does not turn a sign; another model's weights do.
    # In a model that is linear in numbers alone, any other weights would do: then this is a hint and no proof.
    others = [c for c in answers.features if c not in scales]
    evidence = 2.5 if others or not answers.description.estimator.startswith(("Log", "Lin", "Rid", "Las", "SGD", "Ela")) else 1.5
    # A scaler is fitted on all columns at once; what befell a few of them was done to them alone.
    if len(moved_columns) < max(2, math.ceil(len(columns) / 2)):
        evidence = 0.5
    told = Told(1.0 - float(np.mean(np.abs(now) > 1e-3)), 1.0, 1.0, float(np.mean(np.abs(now))), len(now))
    column = max(moved_columns, key=lambda c: abs(offset[columns.index(c)]) + abs(math.log(factor[columns.index(c)])))
    at = columns.index(column)
    words = f"{len(moved_columns)} columns scaled otherwise ({column} = {offset[at]:.3g} + {factor[at]:.3g} times its standardised value)"
    return Rescaled(words, tuple(moved_columns), told, evidence, 0.6)


def _descended(
    residuals: Callable[[Sequence[np.ndarray]], list[np.ndarray] | None], theta: np.ndarray, now: np.ndarray, enough: float
) -> tuple[np.ndarray, np.ndarray]:
    """Damped Gauss-Newton steps from `theta`, whose residuals are `now`, until they are small or no step helps."""
    damping = 1e-2
    for _ in range(25):
        moved = residuals([theta + 1e-3 * unit for unit in np.eye(len(theta))])
        if moved is None:
            break
        slope = np.column_stack([(m - now) / 1e-3 for m in moved])
        normal = slope.T @ slope
        improved = False
        for _try in range(4):
            step = np.linalg.lstsq(normal + damping * np.diag(np.diag(normal) + 1e-9), -slope.T @ now, rcond=None)[0]
            after = residuals([theta + step])
            if after is not None and float(after[0] @ after[0]) < float(now @ now):
                theta, now, damping, improved = theta + step, after[0], max(damping / 5, 1e-9), True
                break
            damping *= 10
        if not improved or float(now @ now) < enough:
            break
    return theta, now


def _of_parts(answers: Answers, columns: Sequence[str], scales: Mapping[str, tuple[float, float]]) -> Iterator[np.ndarray]:
    """Where a search may start: what a scaler makes of the rows that was fitted on one end of a column, or on one level of it."""
    for _, table in _tables(answers):
        if any(c not in table or table.kind(c) != "numeric" for c in columns):
            continue
        values = np.column_stack([table.numbers(c) for c in columns])
        parts = [values[order[: max(20, int(len(values) * share))]] for order in _ends(values) for share in ENDS]
        for by in (c for c in answers.features if c in table and table.kind(c) == "category"):
            texts = table.texts(by)
            levels, counts = np.unique(texts.astype(str), return_counts=True)
            parts += [values[texts.astype(str) == v] for v in levels[np.argsort(-counts)][:MOST_LEVELS]]
        for part in parts:
            known = part[np.isfinite(part).all(axis=1)]
            if len(known) < 20:
                continue
            centre, width = known.mean(axis=0), known.std(axis=0)
            was = np.array([scales[c] for c in columns])
            width = np.where(width > 0, width, 1.0)
            yield np.concatenate([(was[:, 0] - centre) / width, was[:, 1] / width])
        return


def _ends(values: np.ndarray) -> Iterator[np.ndarray]:
    for column in values.T:
        order = np.argsort(column, kind="stable")
        yield from (order, order[::-1])


def _fed(table: Table, columns: Sequence[str], scales: Mapping[str, tuple[float, float]], z: np.ndarray, theta: np.ndarray) -> Table:
    for at, column in enumerate(columns):
        centre, scale = scales[column]
        table = table.with_column(column, centre + scale * (theta[at] + theta[len(columns) + at] * z[:, at]))
    return table


def _open(values: np.ndarray) -> np.ndarray:
    """Probabilities as logits, other numbers in units of their spread."""
    if np.nanmin(values) < 0 or np.nanmax(values) > 1:
        return values
    inside = np.clip(values, 1e-5, 1 - 1e-5)
    return np.asarray(np.log(inside / (1 - inside)))


def fitted_scales(case: Case, pair: Pair, *, sure: bool = True) -> tuple[dict[str, tuple[float, float]], int]:
    """Columns of a log that are lines a + b x away from the healthy ones, and how many were compared: x healthy, y = a + b x logged.

    Beside many that surely are, those count too that are not so `sure` by themselves.
    """
    level, straight = (1e-4, 0.985) if sure else (0.05, 0.97)
    lines: dict[str, tuple[float, float]] = {}
    n_compared = 0
    for column in case.features(pair.suspect):
        if column not in pair.yardstick or {pair.suspect.kind(column), pair.yardstick.kind(column)} != {"numeric"}:
            continue
        now, was = finite(numbers(pair.suspect, column)), finite(numbers(pair.yardstick, column))
        if len(now) < 30 or len(was) < 30 or now.std() == 0 or was.std() == 0:
            continue
        steps = _line_of_levels(now, was)
        if steps is not None:
            lines[column] = steps
        if steps is not None or len(np.unique(was)) < 8:
            n_compared += steps is not None
            continue
        n_compared += 1
        x, y = np.quantile(was, PERCENTS), np.quantile(now, PERCENTS)
        if x.std() == 0 or y.std() == 0 or np.corrcoef(x, y)[0, 1] ** 2 < straight:
            continue
        slope = float(now.std() / was.std())
        start = float(now.mean() - slope * was.mean())
        noise = ks_critical(len(now), len(was), level)
        back = (now - start) / slope
        if ks_distance(now, was) > max(noise, 0.05) and ks_distance(back, was) < max(
            ks_critical(len(now), len(was), 1e-3), 0.5 * ks_distance(now, was)
        ):
            lines[column] = (start, slope)
    return lines, n_compared


def _line_of_levels(now: np.ndarray, was: np.ndarray) -> tuple[float, float] | None:
    """The line on which a column's few values all lie above the healthy ones, the least on the least and so on; None where there is none.

    None of them is a healthy value, and each is as frequent as the one that it lies above.
    """
    here, there = np.unique(now), np.unique(was)
    if not 3 <= len(there) <= MOST_FITTED or len(here) != len(there) or np.isin(here, there).mean() > 0.5:
        return None
    slope, start = np.polyfit(there, here, 1)
    left = float(np.abs(start + slope * there - here).max())
    if slope <= 0 or abs(slope - 1.0) < 1e-6 or left > 1e-3 * float(np.ptp(here)):
        return None  # Codes may be counted from elsewhere; a scaler leaves no step as it was.
    back = there[np.searchsorted(here, now)]
    return (float(start), float(slope)) if ks_distance(back, was) < ks_critical(len(now), len(was), 1e-3) else None


def many_lines(case: Case, pair: Pair) -> tuple[dict[str, tuple[float, float]], int] | None:
    """The columns of a log that were all scaled otherwise: half of the numeric ones, and at least three.

    Where the healthy ones are all scaled, to 0 and 1 or to mean 0 and deviation 1, three of any number are enough: they bear no unit.
    """
    lines, n_compared = fitted_scales(case, pair)
    least = 3 if lines and all(scaled(numbers(pair.yardstick, c)) for c in lines) else max(3, math.ceil(n_compared / 2))
    return ({**fitted_scales(case, pair, sure=False)[0], **lines}, n_compared) if len(lines) >= least else None


def scaled(values: np.ndarray) -> bool:
    """Whether a column's values look as a scaler leaves them: within 0 and 1 and filling most of that, or about mean 0 and deviation 1."""
    x = finite(values)
    if not len(x):
        return False
    low, high = np.quantile(x, [0.001, 0.999])
    within = low >= -0.1 and high <= 1.1 and high - low >= 0.6 and not np.isin(x, (0.0, 1.0)).all()
    return bool(within or (abs(x.mean()) < 0.2 and abs(x.std() - 1) < 0.2))


def line_between(pair: Beside, column: str) -> tuple[float, float] | None:
    """The line that makes a column of one log from the same rows' in the other, exactly; None where there is none.

    A column that is the same wherever both logs know it is no line: it differs by its nulls.
    """
    if {pair.reference.kind(column), pair.current.kind(column)} != {"numeric"}:
        return None
    x, y = pair.reference.numbers(column), pair.current.numbers(column)
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 10 or len(np.unique(x[known])) < 4:
        return None
    slope, start = np.polyfit(x[known], y[known], 1)
    if pair.differs(column)[known].mean() < 0.5:
        return None
    left = float(np.abs(start + slope * x[known] - y[known]).max())
    return (float(start), float(slope)) if left <= 1e-6 * max(float(np.abs(y[known]).max()), 1e-12) and slope > 0 else None
