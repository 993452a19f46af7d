"""What the pages on leakage share: the rows they look at, a column taken out of the game, the skill of some columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from ruleout.case.case import Case, Side, TableName
from ruleout.case.doubt import doubt
from ruleout.case.reading import read_leaks
from ruleout.problem.problem import Problem
from ruleout.statistics.skill import CLASSES, as_outcomes, outcome_skill
from ruleout.tables.table import Table

__all__ = [
    "FEWER",
    "Judged",
    "blanked",
    "column_of",
    "cut_anew",
    "disbelieved",
    "judged_rows",
    "made_before_the_split",
    "together",
    "used_features",
]

LOOKED_AT = 4_000
"""Rows of each table that a look at leakage takes: a skill of 0.9 is then known to within 0.01."""

FEWER = 1_500
MANY_CLASSES = 3
"""Trees grow by class: with more classes than these fewer rows are looked at."""


@dataclass(frozen=True)
class Judged:
    """Training and validation rows of one side with their targets as numbers, and what is answered without looking."""

    train: Table
    validation: Table
    features: tuple[str, ...]
    outcomes: np.ndarray
    judged: np.ndarray
    base: np.ndarray
    classes: list[str] | None
    task: str
    target: str

    def skill(self, columns: Sequence[str]) -> float:
        """The skill of ruleout's own trees on some columns, on validation rows."""
        return outcome_skill(self._answers(self._trees(columns), self.validation), self.judged, self.base)

    def importance(self, columns: Sequence[str], asked: Sequence[str]) -> dict[str, float]:
        """The skill of trees on `columns` that is lost when one of the `asked` is shuffled (Breiman, 2001), on validation rows."""
        trees, rng = self._trees(columns), np.random.default_rng(0)
        whole = outcome_skill(self._answers(trees, self.validation), self.judged, self.base)
        lost = {}
        for column in asked:
            shuffled = self.validation.take(rng.permutation(self.validation.n_rows)).arrow.column(column)
            lost[column] = whole - outcome_skill(
                self._answers(trees, self.validation.with_column(column, shuffled)), self.judged, self.base
            )
        return lost

    def _trees(self, columns: Sequence[str]) -> object:
        from ruleout.models.witness import fit_witness

        return fit_witness(self.train, self.target, tuple(columns), self.task, seed=0)  # type: ignore[arg-type]  # one of the two tasks

    def _answers(self, trees: object, rows: Table) -> np.ndarray:
        answer = trees.predict(rows)  # type: ignore[attr-defined]  # a model
        if self.classes is None:
            return np.asarray(answer.prediction, dtype=np.float64).reshape(-1, 1)
        said = [str(c) for c in answer.classes]
        nothing = np.zeros(rows.n_rows)
        out: np.ndarray = np.column_stack([answer.score[:, said.index(c)] if c in said else nothing for c in self.classes[:CLASSES]])
        return out


def judged_rows(problem: Problem, rows: int = LOOKED_AT) -> Judged | None:
    """The current side's rows as the looks at leakage take them; None where there is no labelled split to look at."""
    case, side = problem.case, problem.case.current
    target, train, validation = case.target, side.train, side.validation
    if target is None or train is None or validation is None or target not in train or target not in validation:
        return None
    if min(train.n_rows, validation.n_rows) < 40:
        return None
    features = used_features(problem)
    if not features:
        return None
    train, validation = train.sample(rows), validation.sample(rows)
    task = case.task or "classification"
    if task == "regression":
        if train.kind(target) != "numeric" or validation.kind(target) != "numeric":
            return None
        outcomes, judged, classes = as_outcomes(train.numbers(target), None), as_outcomes(validation.numbers(target), None), None
    else:
        mine, theirs = train.texts(target), validation.texts(target)
        named, counts = np.unique([v for v in mine.tolist() if v is not None], return_counts=True)
        if len(named) > MANY_CLASSES and rows > FEWER:
            return judged_rows(problem, FEWER)
        classes = [str(named[k]) for k in np.argsort(-counts, kind="stable")[:CLASSES]]
        if len(classes) < 2:
            return None
        outcomes, judged = as_outcomes(mine, classes), as_outcomes(theirs, classes)
    base = np.nanmean(outcomes, axis=0) if np.isfinite(outcomes).any() else np.zeros(outcomes.shape[1])
    return Judged(train, validation, features, outcomes, judged, base, classes, task, target)


def used_features(problem: Problem) -> tuple[str, ...]:
    """The features that the current model learns from: those of both tables that its artifact says it uses, where it says so.

    What nobody named as a key and was taken for one, since all of its values differ, is a feature if the artifact uses it.
    """
    case, side = problem.case, problem.case.current
    train, validation = side.train, side.validation
    if train is None or validation is None:
        return ()
    features = [c for c in case.features(train) if c in validation and train.kind(c) != "other"]
    model = problem.laboratory.model("current")
    if model is not None:
        described = model.describe()
        known = set(described.fitted.get("used") or described.features or ())
        numbering = [case.key] if case.key and case.key in train and case.key in validation and case.key in known else []
        named = [c for c in (*numbering, *features) if c in known]
        if named:
            return tuple(named)
    wanted = [c for name in ("features", "numeric", "categorical") for c in _listed(side, name)]
    named = [c for c in features if c in wanted]
    return tuple(named or features)


def blanked(case: Case, columns: Sequence[str]) -> Case | None:
    """The current side with columns that say nothing any more: one and the same value in every row, so that any model can be fitted.

    None where they are constant already.
    """
    changed = False
    names: tuple[TableName, ...] = ("train", "validation", "serving")
    for name in names:
        table = case.current.table(name)
        if table is None:
            continue
        for column in columns:
            if column not in table or (constant := _constant(case, column)) is None:
                continue
            import pyarrow as pa

            type_ = table.schema.field(column).type
            if table.n_rows == 0 or len(table.arrow.column(column).unique()) <= 1:
                continue
            table = table.with_column(column, pa.array([constant] * table.n_rows).cast(type_, safe=False))
            changed = True
        case = case.with_table("current", name, table) if table is not case.current.table(name) else case
    return case if changed else None


def cut_anew(case: Case, order: np.ndarray) -> Case:
    """The current side with its rows split anew.

    Parameters
    ----------
    order
        Row numbers of training rows followed by validation rows, in the new order: the first as many as there are training rows now
        become training, the others validation.
    """
    train, validation = case.current.train, case.current.validation
    assert train is not None and validation is not None
    rows, n = train.stack(validation), train.n_rows
    return case.with_table("current", "train", rows.take(order[:n])).with_table("current", "validation", rows.take(order[n:]))


def together(case: Case, codes: np.ndarray) -> Case | None:
    """The current side split anew at random, all rows of one code on one side but for those that the cut falls in.

    None where that is the split already.
    """
    train = case.current.train
    if train is None or np.isin(codes[train.n_rows :], codes[: train.n_rows]).mean() < 0.01:
        return None
    pattern = np.unique(codes, return_inverse=True)[1]
    place = np.random.default_rng(7).permutation(pattern.max() + 1)[pattern]
    return cut_anew(case, np.argsort(place, kind="stable"))


def column_of(table: Table, column: str) -> np.ndarray:
    """A column as the skill functions take it: floats, or texts as objects."""
    return table.numbers(column) if table.kind(column) in ("numeric", "time") else table.texts(column)


def made_before_the_split(case: Case, columns: Sequence[str]) -> bool:
    """Whether the code says that one of the columns was learned from all rows before the split: another fault, and known exactly."""
    read = read_leaks(case.current.code, target=case.target, time=case.time)
    named = [name for r in read if r.kind in ("answers-before-split", "aggregate-before-split") for name in r.columns]
    return any(fnmatchcase(c, name) for c in columns for name in named)


def disbelieved(case: Case) -> bool:
    """Whether the symptom says that the score is not believed."""
    said = doubt(case)
    return said.claims or said.wonders


def _constant(case: Case, column: str) -> object:
    """The commonest value of a column in training."""
    train = case.current.train
    if train is None or column not in train:
        return None
    values = train.arrow.column(column).drop_null()
    if not len(values):
        return None
    import pyarrow.compute as pc

    return pc.mode(values, n=1)[0]["mode"].as_py() if train.kind(column) == "numeric" else _commonest(train.values(column))


def _commonest(values: np.ndarray) -> object:
    counts: dict[object, int] = {}
    for value in values.tolist():
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    return max(counts, key=lambda v: counts[v])


def _listed(side: Side, name: str) -> list[str]:
    listed = (side.config or {}).get(name)
    return [str(c) for c in listed] if isinstance(listed, list | tuple) else []
