"""The answers of a production log held against what an artifact answers for the logged features, once for every page that asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa

from ruleout.case.case import Case, SideName
from ruleout.causes.asking import FEWEST_ROWS, MOST_ASKED, in_no_order, pace, rows_each, turns
from ruleout.causes.columns import bounded
from ruleout.causes.page import Finding, Look
from ruleout.errors import RuleoutError
from ruleout.models.model import Description, Model, Prediction
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.metric import labels_of
from ruleout.problem.problem import Problem
from ruleout.problem.replay import Replay, compare_answers, logged_answers, positive_score
from ruleout.problem.state import ALIKE
from ruleout.tables.table import Table

__all__ = ["ANSWERED", "Answers", "Change", "Found", "Told", "answers_of", "between", "follows", "replayed"]

ANSWERED: tuple[tuple[str, ...], ...] = (("current.serving", "reference.model"), ("current.serving", "current.model"))
"""What a page needs that holds logged answers against replayed ones."""

TRIED_ROWS = 1_500
MOST_ROWS = 100_000

MOST_FAMILIES = 4
"""Kinds of change of which it is looked for the columns that they were made to."""

AT_ONCE = 60
"""Changes of which the artifact is asked in one call."""


@dataclass(frozen=True)
class Told:
    """How well a supposed change of the features reproduces the logged answers.

    Parameters
    ----------
    rate
        Share of rows reproduced.
    explained
        Share of the rows that the plain replay misses and this one hits.
    kept
        Share of the rows that the plain replay hits and this one hits too.
    distance
        Mean absolute difference of the answers (0 or 1 a row for bare classes).
    n
        Rows held against each other.
    """

    rate: float
    explained: float
    kept: float
    distance: float
    n: int


class Change(NamedTuple):
    """A supposed change of the features on their way to the model: in words, the columns it is about, and what makes it."""

    words: str
    columns: tuple[str, ...]
    apply: Callable[[Table], Table]


class Found(NamedTuple):
    """The changes that together reproduce the log best, and how well."""

    changes: tuple[Change, ...]
    told: Told

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the changes are about, each once."""
        return tuple(dict.fromkeys(c for change in self.changes for c in change.columns))

    @property
    def words(self) -> str:
        """The changes in words."""
        said = [change.words for change in self.changes]
        return "; ".join(said[:4]) + (f" and {len(said) - 4} more" if len(said) > 4 else "")


def _together(changes: Sequence[Change]) -> Change:
    """Several changes as one, made one after the other."""

    def apply(table: Table) -> Table:
        for change in changes:
            table = change.apply(table)
        return table

    return Change("; ".join(c.words for c in changes), tuple(c for change in changes for c in change.columns), apply)


@dataclass
class Answers:
    """A log, the artifact that should have answered, and which answers it gives again.

    Parameters
    ----------
    side
        Whose log it is.
    log, logged
        The table, and the answers that it holds.
    model, artifact
        The artifact that reproduces the log best, and the side it is from.
    prediction, plain
        Its answers for the logged features as they are, and how they compare.
    intended
        The artifact that should answer: the side's own where it has one, else the validated one.
    """

    case: Case
    laboratory: Laboratory
    side: SideName
    log: Table
    logged: Prediction
    model: Model
    artifact: SideName
    intended: SideName
    prediction: Prediction
    plain: Replay
    rates: Mapping[str, float] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of rows of the log."""
        return self.log.n_rows

    @property
    def follow(self) -> bool:
        """Whether the logged answers are what the artifact gives for the logged features."""
        return self.plain.rate >= ALIKE

    @cached_property
    def decided(self) -> np.ndarray:
        """Where the replayed class is the logged one, shape (n_rows,); for numbers the same as `plain.same`."""
        if self.case.task == "regression" or "prediction" not in self.log:
            return self.plain.same
        return np.asarray(labels_of(self.prediction.prediction) == labels_of(self.logged.prediction), dtype=bool)

    @cached_property
    def fallback(self) -> bool:
        """Whether the side's own artifact does not open and every request got one answer: what a service falls back on, not a model's."""
        held = self.case.side(self.side)
        own, _ = self.said
        closed = held is not None and held.model is not None and self.laboratory.model(self.side) is None
        return closed and len(set(own.tolist())) == 1

    @cached_property
    def crowded(self) -> bool:
        """Whether nearly all logged classes are one, and the artifact's are not: whatever drives a model to its end explains that."""
        if self.exact:
            return False
        shares = [max(np.unique(v.astype(str), return_counts=True)[1]) / self.n for v in self.said]
        return bool(shares[0] >= 0.95 and shares[1] <= 0.8)

    @cached_property
    def numbers(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Logged and replayed answers as numbers, shape (n_rows,) each: scores of one class or predicted numbers; None for bare classes."""
        if self.case.task == "regression":
            return np.asarray(self.logged.prediction, dtype=float), np.asarray(self.prediction.prediction, dtype=float)
        score = positive_score(self.case, self.prediction)
        if score is None or self.logged.score is None or self.logged.score.ndim != 1:
            return None
        logged = np.asarray(self.logged.score, dtype=float)
        return logged, logged + self.plain.difference

    @cached_property
    def said(self) -> tuple[np.ndarray, np.ndarray]:
        """Logged and replayed answers as something that can be compared for being equal: numbers, else labels."""
        found = self.numbers
        if found is not None:
            return found
        return labels_of(self.logged.prediction), labels_of(self.prediction.prediction)

    def equal(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Which answers are the same, to within what logs round, shape (n_rows,)."""
        if first.dtype == object:
            return np.asarray(first == second, dtype=bool)
        logged = self.said[0]
        slack = 1e-5 * max(float(np.nanstd(logged)), 1e-12)
        return np.asarray(np.abs(first - second) <= slack + 1e-5 * np.abs(second), dtype=bool)

    @cached_property
    def _rare(self) -> np.ndarray | None:
        """Rows whose logged number few others have, shape (n_rows,), bool; None for bare classes, or where hardly a row has one."""
        found = self.numbers
        if found is None:
            return None
        spread = max(float(np.nanstd(found[0])), 1e-12)
        _, codes, counts = np.unique(np.round(found[0] / spread, 5), return_inverse=True, return_counts=True)
        rare: np.ndarray = counts[codes] <= max(0.05 * self.n, 2)
        return rare if rare.sum() >= max(20, 0.1 * self.n) else None

    @property
    def telling(self) -> np.ndarray:
        """Rows whose answer is not the same by chance, shape (n_rows,), bool: where scores are all 0 or 1, all rows have to do."""
        return self._rare if self._rare is not None else np.ones(self.n, dtype=bool)

    @property
    def exact(self) -> bool:
        """Whether answers are not the same by chance: numbers of many values."""
        return self._rare is not None

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Columns of the log that the artifact takes."""
        wanted = self.description.features
        known = self.case.features(self.log)
        return tuple(c for c in (wanted if wanted is not None else known) if c in self.log)

    @cached_property
    def description(self) -> Description:
        """What the artifact says of itself."""
        return self.model.describe()

    @cached_property
    def rows(self) -> np.ndarray:
        """The rows on which suppositions are tried: a random sample, at least a third of it rows that the plain replay misses."""
        if self.n <= TRIED_ROWS:
            return np.arange(self.n)
        rng = np.random.default_rng(0)
        missed, hit = np.flatnonzero(~self.plain.same), np.flatnonzero(self.plain.same)
        n_missed = min(len(missed), max(TRIED_ROWS // 3, round(TRIED_ROWS * len(missed) / self.n)))
        n_hit = min(len(hit), TRIED_ROWS - n_missed)
        chosen = [rng.choice(missed, n_missed, replace=False), rng.choice(hit, n_hit, replace=False)]
        return np.sort(np.concatenate(chosen))

    @cached_property
    def trial(self) -> Table:
        """The tried rows without the logged answers."""
        return self.log.take(self.rows).without(["prediction", "score"])

    def search(self, changes: Sequence[Change], *, rounds: int = 1) -> Found | None:
        """The change, or the few changes one after the other, that reproduce the log; None where none convinces.

        Every change is tried on a few rows and the best on more. Another round keeps what brought the answers nearer and goes on.
        """
        if self.follow or not changes:
            return None
        kept: tuple[Change, ...] = ()
        told, start = self.now, self.trial
        changes = self._affordable(changes)
        few = self._few(len(changes))
        for _ in range(rounds):
            best = self._best(changes, start, few, told)
            if best is None:
                break
            kept, told, start = (*kept, best[0]), best[1], best[0].apply(start)
            if told.rate >= 0.99:
                break
        return Found(kept, told) if kept and self.convinces(told) else None

    def search_whole(self, changes: Sequence[Change]) -> Found | None:
        """As `search`, for changes in which a row's neighbours have a part: each is made to the whole log; None where none convinces."""
        if self.follow or not changes:
            return None
        changes = self._affordable(changes)
        few = self._few(len(changes))
        made = {c: c.apply(self.log).without(["prediction", "score"]).take(self.rows) for c in changes}
        parts = [Change(c.words, c.columns, lambda _, t=t: t.take(few)) for c, t in made.items()]  # type: ignore[misc]
        scanned = [(c, told) for c, (_, told) in zip(made, self._tell(parts, self.trial, self.rows[few]), strict=False) if told is not None]
        best: Found | None = None
        for change, _ in sorted(scanned, key=lambda t: (-t[1].rate, t[1].distance))[:3]:
            told = self.told(made[change])
            if told is not None and (best is None or (told.rate, -told.distance) > (best.told.rate, -best.told.distance)):
                best = Found((change,), told)
        return best if best is not None and self.convinces(best.told) else None

    def search_some(self, families: Sequence[Sequence[Change]]) -> Found | None:
        """The columns to which one kind of change was made at once, where each alone may lead away from the log; None where none convinces.

        A family is the same change, a column each. It starts with all of it, or with what brings the answers nearer by itself, and columns
        are put in or left out as long as that brings them nearer; of many families only those that start nearest go so far.
        """
        families = [family for family in families if family]
        if self.follow or not families:
            return None
        most = int(MOST_ASKED / (FEWEST_ROWS * self.pace * max(len(family) for family in families)))
        families = in_no_order(families, [family[0].words for family in families], max(most, 1))
        few = self._few(sum(len(family) for family in families))
        start, rows = self.trial.take(few), self.rows[few]
        as_it_is = self.told(start, rows)
        alone = {id(c): told for c, told in self._tell([c for family in families for c in family], start, rows) if told is not None}
        begun: list[tuple[float, Sequence[Change], frozenset[int]]] = []
        for family in families:
            known = [at for at, c in enumerate(family) if id(c) in alone]
            helpful = [at for at in known if as_it_is is not None and alone[id(family[at])].distance < as_it_is.distance]
            for chosen in {frozenset(known), frozenset(helpful)} - {frozenset()}:
                told = self._told_together(family, chosen, start, rows)
                if told is not None:
                    begun.append((told.distance, family, chosen))
        best: Found | None = None
        for _, family, chosen in sorted(begun, key=lambda b: b[0])[:MOST_FAMILIES]:
            found = self._chosen(family, chosen, start, rows)
            if found is not None and (best is None or found.told.distance < best.told.distance):
                best = found
            if best is not None and best.told.rate >= 0.99:
                break
        return best if best is not None and self.convinces(best.told) else None

    def _chosen(self, family: Sequence[Change], chosen: frozenset[int], start: Table, rows: np.ndarray) -> Found | None:
        """The part of a family that brings the answers nearest, one put in or left out at a time."""
        told = self._told_together(family, chosen, start, rows)
        for _ in range(turns(len(family), len(rows), self.pace)):
            others = [chosen ^ {at} for at in range(len(family)) if chosen ^ {at}]
            tried = self._tell([_together([family[at] for at in sorted(other)]) for other in others], start, rows)
            nearer = [(t.distance, k) for k, (_, t) in enumerate(tried) if t is not None]
            if len(tried) < len(others) or not nearer or told is None or min(nearer)[0] >= told.distance:
                break
            at = min(nearer)[1]
            chosen, told = others[at], tried[at][1]
        kept = tuple(family[at] for at in sorted(chosen))
        whole = self.told(_together(kept).apply(self.trial))
        return None if whole is None else Found(kept, whole)

    @cached_property
    def pace(self) -> float:
        """How many rows of a usual model one row of this artifact counts for."""
        return pace(self.description)

    def _affordable(self, changes: Sequence[Change]) -> list[Change]:
        """Those of many changes that are tried at all: a search that ends is worth more than one that is complete."""
        return in_no_order(changes, [change.words for change in changes], int(MOST_ASKED / (FEWEST_ROWS * self.pace)))

    def _few(self, n_changes: int) -> np.ndarray:
        """Where the rows stand, among the tried ones, on which so many changes are tried first."""
        n_scanned = min(rows_each(n_changes, self.pace), len(self.rows))
        return np.linspace(0, len(self.rows) - 1, n_scanned).round().astype(int)

    def _told_together(self, family: Sequence[Change], chosen: frozenset[int], start: Table, rows: np.ndarray) -> Told | None:
        found = self._tell([_together([family[at] for at in sorted(chosen)])], start, rows)
        return found[0][1] if found else None

    def _best(self, changes: Sequence[Change], start: Table, few: np.ndarray, before: Told) -> tuple[Change, Told] | None:
        scanned = self._tell(changes, start.take(few), self.rows[few])
        ranked = sorted((t for t in scanned if t[1] is not None), key=lambda t: (-t[1].rate, t[1].distance) if t[1] else (0.0, 0.0))
        nearest = sorted((t for t in scanned if t[1] is not None), key=lambda t: t[1].distance if t[1] else 0.0)
        chosen = list({id(c): c for c, _ in (*ranked[:4], *nearest[:4])}.values())
        closer = [(c, t) for c, t in self._tell(chosen, start, self.rows) if t is not None and _closer(t, before)]
        return min(closer, key=lambda t: (-round(t[1].rate, 3), t[1].distance), default=None)

    def _tell(self, changes: Sequence[Change], start: Table, rows: np.ndarray) -> list[tuple[Change, Told | None]]:
        made: list[tuple[Change, Table]] = []
        for change in changes:
            try:
                made.append((change, change.apply(start)))
            except (RuleoutError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
                continue  # What cannot be done to these values was not done to them.
        logged, out = self._logged(rows), list[tuple[Change, Told | None]]()
        for first in range(0, len(made), AT_ONCE):
            part = made[first : first + AT_ONCE]
            answered = self._ask([table for _, table in part])
            # What an exponential makes of a number may be past all bounds: such answers are far from the log, and no more is asked of them.
            with np.errstate(over="ignore", invalid="ignore"):
                told = [None if answer is None else self._told(compare_answers(self.case, answer, logged), rows) for answer in answered]
            out.extend((change, one) for (change, _), one in zip(part, told, strict=True))
        return out

    def told(self, table: Table, rows: np.ndarray | None = None) -> Told | None:
        """How well one supposed version of the tried rows, or of some of them, reproduces the log."""
        found = self._tell([Change("", (), lambda _: table)], table, self.rows if rows is None else rows)
        return found[0][1] if found else None

    def difference(self, table: Table) -> np.ndarray | None:
        """How far the artifact's answers for some version of the tried rows are from the logged ones, shape (n_tried,)."""
        answer = self._ask([table])[0]
        return None if answer is None else np.abs(compare_answers(self.case, answer, self._logged(self.rows)).difference)

    def answers_for(self, table: Table) -> np.ndarray | None:
        """The artifact's numbers for some rows, as the log writes them (the same class's score); None where there is no single one."""
        answer = self._ask([table])[0]
        if answer is None:
            return None
        if self.case.task == "regression":
            return np.asarray(answer.prediction, dtype=float)
        return positive_score(self.case, answer)

    def _logged(self, rows: np.ndarray) -> Prediction:
        score = self.logged.score
        return Prediction(self.logged.prediction[rows], None if score is None else score[rows], self.logged.classes)

    @cached_property
    def now(self) -> Told:
        """How well the plain replay reproduces the tried rows."""
        plain = Replay(self.plain.same[self.rows], self.plain.exact, self.plain.difference[self.rows])
        return self._told(plain, self.rows)

    def convinces(self, told: Told | None) -> bool:
        """Whether a supposition reproduces what the plain replay does not: most of what it misses, hardly anything lost.

        Numbers are not the same by chance; bare classes are, so there nearly everything must be reproduced.
        """
        if told is None or self.follow or self.fallback:
            return False
        n_missed = (1 - self.now.rate) * told.n
        if n_missed < 8:
            return False
        if self.exact:
            return told.explained >= 0.6 and told.rate >= self.now.rate + 0.02 and told.kept >= 0.5
        return told.explained >= 0.9 and told.rate >= 0.96 and told.kept >= 0.97

    def evidence(self, told: Told) -> float:
        """Log likelihood ratio of a supposition that convinces: near proof where all is reproduced."""
        if not self.exact:
            # Where answers are all alike much comes near: a row of a thousand that is left over counts.
            return bounded(3.9 - 400.0 * (1.0 - told.rate))
        # What reproduces all is believed before what leaves a tenth over.
        left = max(0.0, ALIKE - told.rate)
        return bounded(3.9 - 8.0 * left if told.rate >= 0.9 else 1.5 + 2.0 * told.explained)

    def said_rate(self, told: Told) -> str:
        """The rates in words."""
        return f"{told.rate:.1%} of the logged answers are reproduced, {self.now.rate:.1%} by the features as logged, n = {told.n:,}"

    def _told(self, found: Replay, rows: np.ndarray) -> Told:
        keep = self.telling[rows]
        plain = self.plain.same[rows][keep]
        found = Replay(found.same[keep], found.exact, found.difference[keep])
        missed, hit = found.same[~plain], found.same[plain]
        # Rows that the plain replay misses may be over-represented among the tried ones: rates are weighed back.
        explained = float(missed.mean()) if len(missed) else 0.0
        kept = float(hit.mean()) if len(hit) else 1.0
        share = float(np.mean(self.plain.same[self.telling]))
        distance = np.abs(found.difference)
        weighed = share * float(distance[plain].mean() if plain.any() else 0.0) + (1 - share) * float(
            distance[~plain].mean() if (~plain).any() else 0.0
        )
        return Told(share * kept + (1 - share) * explained, explained, kept, weighed, len(found.same))

    def _ask(self, tables: Sequence[Table]) -> list[Prediction | None]:
        """One call for all tables of one schema: asking a model in another process costs more than its arithmetic."""
        out: list[Prediction | None] = [None] * len(tables)
        groups: dict[str, list[int]] = {}
        for at, table in enumerate(tables):
            groups.setdefault(str(table.schema.remove_metadata()), []).append(at)
        for members in groups.values():
            for start in range(0, len(members), AT_ONCE):
                part = members[start : start + AT_ONCE]
                self._ask_some(tables, part, out)
        return out

    def _ask_some(self, tables: Sequence[Table], members: Sequence[int], out: list[Prediction | None]) -> None:
        stacked = pa.concat_tables([tables[at].arrow.replace_schema_metadata(None) for at in members]).combine_chunks()
        try:
            answer = self.model.predict(Table(stacked, name="serving", origin=self.log.origin))
        except RuleoutError:
            for part in _parted(tables, members) if len(members) > 1 else ():
                self._ask_some(tables, part, out)
            return
        ends = np.cumsum([0] + [tables[at].n_rows for at in members])
        for number, at in enumerate(members):
            rows = slice(int(ends[number]), int(ends[number + 1]))
            score = None if answer.score is None else answer.score[rows]
            out[at] = Prediction(answer.prediction[rows], score, answer.classes)


def _parted(tables: Sequence[Table], members: Sequence[int]) -> list[list[int]]:
    """Tables that a model refused together, parted by the columns that hold what most models refuse; one by one where all are alike.

    A logarithm, a root or a power leaves nulls, or numbers past all bounds, and one such table among sixty is no reason to ask sixty times.
    """
    parts: dict[tuple[str, ...], list[int]] = {}
    for at in members:
        parts.setdefault(_holes(tables[at]), []).append(at)
    return list(parts.values()) if len(parts) > 1 else [[at] for at in members]


def _holes(table: Table) -> tuple[str, ...]:
    """Numeric columns with a value that is none, or that single precision does not hold."""
    most = float(np.finfo(np.float32).max)
    return tuple(c for c in table.of_kind("numeric") if not (np.abs(table.numbers(c)) <= most).all())


def _closer(told: Told, before: Told) -> bool:
    """Whether a change brings the answers clearly nearer to the log than they were."""
    return told.rate > before.rate + 0.02 or (told.distance < 0.8 * before.distance and told.rate > before.rate - 0.02)


_held: WeakKeyDictionary[Laboratory, dict[str, Answers | None]] = WeakKeyDictionary()


def answers_of(problem: Problem, side: SideName = "current") -> Answers | None:
    """The answers of a side's log, held against the artifacts once; None outside of serving and environment problems, or without either."""
    if problem.situation not in ("serving", "environment"):
        return None
    known = _held.setdefault(problem.laboratory, {})
    held = problem.case.side(side)
    if held is None or held.serving is None:
        return None
    # A counterfactual of the same laboratory has a log of its own.
    key = f"{side} {held.serving.fingerprint}"
    if key not in known:
        known[key] = _held_against(problem, side)
    return known[key]


def _held_against(problem: Problem, side: SideName) -> Answers | None:
    case, laboratory = problem.case, problem.laboratory
    held = case.side(side)
    if held is None or held.serving is None or not {"prediction", "score"} & set(held.serving.columns) or held.serving.n_rows < 20:
        return None
    log = held.serving if held.serving.n_rows <= MOST_ROWS else held.serving.take(np.arange(MOST_ROWS))
    try:
        logged = logged_answers(case, log)
    except RuleoutError:
        return None
    other: SideName = "reference" if side == "current" else "current"
    opened: list[tuple[SideName, Model]] = []
    for name in (side, other):
        model = laboratory.model(name)
        if model is not None and all(model.fingerprint != m.fingerprint for _, m in opened):
            opened.append((name, model))
    found: list[tuple[SideName, Model, Prediction, Replay]] = []
    for name, model in opened:
        try:
            prediction = laboratory.predict(model, log)
        except RuleoutError:
            continue
        found.append((name, model, prediction, compare_answers(case, prediction, logged)))
    if not found:
        return None
    best = max(found, key=lambda f: f[3].rate)
    # The intended artifact is kept unless another one reproduces the log clearly better.
    if best[3].rate < found[0][3].rate + 0.02:
        best = found[0]
    rates: dict[str, float] = {name: replay.rate for name, _, _, replay in found}
    return Answers(case, laboratory, side, log, logged, best[1], best[0], found[0][0], best[2], best[3], rates)


def replayed(case: Case, side: SideName = "current") -> Case | None:
    """The case with the logged answers taken out of a side's log: what the artifact would have answered counts instead."""
    held = case.side(side)
    if held is None or held.serving is None or not {"prediction", "score"} & set(held.serving.columns):
        return case if held is not None and held.serving is not None else None
    return case.with_side(side, replace(held, serving=held.serving.without(["prediction", "score"])))


def follows(answers: Answers | None, what: str) -> Look:
    """The look of a page on what happens between features and answers where the answers follow, or cannot be replayed."""
    if answers is None:
        return Look(statement=f"serving: no logged answer could be replayed, so {what} was not tested, n = 0 rows.")
    said = f"serving: {answers.plain.rate:.1%} of the logged answers follow from the logged features and the artifact, n = {answers.n:,}"
    if answers.follow:
        return Look((), 0.97, f"{said}; expected at least {ALIKE:.1%}.", ("serving",))
    return Look((), 0.85, f"{said}; {what} reproduces no more of them.", ("serving",))


def between(
    place: str,
    evidence: float,
    statement: str,
    figures: Mapping[str, Any],
    *,
    specificity: float = 1.0,
    repair: Mapping[str, Any] | None = None,
) -> Finding:
    """A finding about what happens between logged features and logged answers: its repair is the replay."""
    return Finding(
        place, "serving", bounded(evidence), statement, dict(figures), {"replay": True, **(repair or {})}, specificity=specificity
    )
