"""A healthy model's judgement of a table's labels, made once for every page that asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from ruleout.case.case import Case
from ruleout.causes.columns import finite, numbers, numeric_columns, sampled
from ruleout.causes.comparison import Comparison, compare
from ruleout.causes.held import held_columns
from ruleout.causes.page import Pair
from ruleout.errors import ModelError
from ruleout.models.model import Model, Prediction
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.problem import Problem
from ruleout.statistics.classifier import domain_classifier, shift_terms
from ruleout.statistics.confusion import Noise, answer_bins, label_noise, wrong_numbers
from ruleout.statistics.repeats import row_codes
from ruleout.tables.matrix import binned, matrices
from ruleout.tables.table import Table

__all__ = ["LOCATED", "Judgement", "judge", "rejudge"]

LOCATED = 0.12
"""AUC less 1/2 from which on contradicted labels lie in a part of the feature space rather than everywhere."""

SURE = 2.58
"""Standard errors by which the features must stay behind."""

LEAST_FOLLOWED = 0.6
"""Features follow a mix of labels that truly moved by this part of what is due at least."""

_LEAST_DUE = 0.01
"""A move of the mean answer, as a length over the classes, below which whether it followed cannot be told."""

_N_LEVELS = 8
_LEAST_ROWS = 60


@dataclass(frozen=True)
class Judgement:
    """What a healthy model says of a table's labels.

    Parameters
    ----------
    pair, held
        The tables, and how they compare.
    model
        The healthy model; fitted on those columns only that did not change, where some did.
    columns
        Columns the model was shown, the target among them; None for all.
    classes
        Label texts; for numbers the upper edges of all levels but the last.
    labels, probabilities, answers
        Of the suspect's sampled rows: codes of labels, shape (n_rows,); share of each class, shape (n_rows, n_classes); predicted
        numbers or codes of classes, shape (n_rows,).
    held_labels, held_probabilities, held_answers
        The same of healthy rows that the model was not fitted on.
    rows, held_rows
        The tables those are of, rows without a label left out.
    noise
        The joint of given and true labels.
    """

    pair: Pair
    held: Comparison
    model: Model
    columns: tuple[str, ...] | None
    classes: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    answers: np.ndarray
    held_labels: np.ndarray
    held_probabilities: np.ndarray
    held_answers: np.ndarray
    rows: Table
    held_rows: Table
    noise: Noise

    @cached_property
    def rate(self) -> tuple[float, float]:
        """Share of labels that are wrong beyond health, and its standard error.

        By the joint; for numbers also by the rows outside 99 % of the healthy errors (absurd values left out), whichever is the surer.
        """
        target = str(self.held.case.target)
        if self.held.case.task != "regression":
            return self.noise.rate, self.noise.error
        held, mine = self.held_rows.numbers(target), self.rows.numbers(target)
        span = float(held.max() - held.min())
        plain = (mine >= held.min() - 0.2 * span) & (mine <= held.max() + 0.2 * span)
        if plain.sum() < _LEAST_ROWS:
            return self.noise.rate, self.noise.error
        share = float(wrong_numbers(mine[plain], self.answers[plain], held, self.held_answers).mean())
        # Nine wrong labels in ten fall outside; the healthy 1 % is itself known from few rows.
        rate = (share - 0.01) / 0.9
        error = float(np.sqrt(max(share, 0.01) / plain.sum() + 0.03 / len(held)) / 0.9)
        return (rate, error) if rate / error > self.noise.rate / max(self.noise.error, 1e-9) else (self.noise.rate, self.noise.error)

    @cached_property
    def wrong(self) -> tuple[np.ndarray, np.ndarray]:
        """Which labels the model contradicts, among suspect and healthy rows; shape (n_rows,) each."""
        if self.held.case.task != "regression":
            return self.answers != self.labels, self.held_answers != self.held_labels
        target = str(self.held.case.target)
        held = self.held_rows.numbers(target)
        mine = wrong_numbers(self.rows.numbers(target), self.answers, held, self.held_answers)
        return mine, wrong_numbers(held, self.held_answers, held, self.held_answers)

    @cached_property
    def terms(self) -> dict[str, float]:
        """The rise of the contradicted share, split into inputs and labels given inputs, as `shift_terms` gives it."""
        rows, held = matrices(self.held_rows, self.rows, self.held.features)[::-1]
        return shift_terms(domain_classifier(rows, held), self.wrong[0].astype(float), self.wrong[1].astype(float))

    @cached_property
    def located(self) -> tuple[float, str]:
        """How surely the features tell which labels are contradicted, answers being alike: AUC less 1/2; and the column that tells most.

        Labels that are wrong at random in their class lie everywhere; a world that changed did so somewhere.
        """
        wrong = self.wrong[0]
        sure = self.probabilities.max(axis=1) >= np.median(self.held_probabilities.max(axis=1))
        kept = sure if self.held.case.task != "regression" else np.ones(len(wrong), dtype=bool)
        features = self.held.features
        values = matrices(self.held_rows, self.rows, features)[1]
        out, inside = np.flatnonzero(kept & wrong), np.flatnonzero(kept & ~wrong)
        if min(len(out), len(inside)) < 20:
            return 0.0, ""
        found = domain_classifier(values[out], values[inside])
        strata = self.probabilities.argmax(axis=1)
        gain, weight = 0.0, 0.0
        for stratum in np.unique(strata[out]):
            first, second = found.suspect[strata[out] == stratum], found.yardstick[strata[inside] == stratum]
            if len(second):
                ordered = np.sort(second)
                below = np.searchsorted(ordered, first, "left") + np.searchsorted(ordered, first, "right")
                gain += float(below.sum()) / 2.0 / len(second) - 0.5 * len(first)
                weight += len(first)
        codes = binned(self.held_rows, self.rows, features)
        telling = [_told(codes[1][kept, at], wrong[kept], size) for at, size in enumerate(codes[2])]
        return (gain / weight if weight else 0.0), features[int(np.argmax(telling))]

    @cached_property
    def followed(self) -> tuple[float, float]:
        """How far the answers moved with the mix of the labels, 1 if the world's mix moved and 0 if labels alone did; and its error.

        Of a mix that moved while each class stays what it is, the mean answer moves by sum_y (p'(y) - p(y)) E[answer | y] (Lipton, Wang
        and Smola, 2018); what it moved by in fact is projected on that. The error is infinite where the mix hardly moved.
        """
        n_classes = self.noise.joint.shape[0]
        given, held = (np.bincount(k, minlength=n_classes) / max(len(k), 1) for k in (self.labels, self.held_labels))
        each = np.zeros((n_classes, self.held_probabilities.shape[1]))
        for level in range(n_classes):
            rows = self.held_probabilities[self.held_labels == level]
            each[level] = rows.mean(axis=0) if len(rows) else self.held_probabilities.mean(axis=0)
        due = (given - held) @ each
        size = float(np.linalg.norm(due))
        if size < _LEAST_DUE:
            return 0.5, float("inf")
        along, before = self.probabilities @ due / size, self.held_probabilities @ due / size
        error = float(np.sqrt(along.var() / len(along) + before.var() / len(before)))
        return float(along.mean() - before.mean()) / size, error / size

    @property
    def mix_moved(self) -> tuple[float, float]:
        """Half the sum of what the shares of the labels moved by, in [0, 1], and its standard error."""
        n_classes = self.noise.joint.shape[0]
        given, held = (np.bincount(k, minlength=n_classes) / max(len(k), 1) for k in (self.labels, self.held_labels))
        error = 0.5 * float(np.sqrt(1.0 / max(len(self.labels), 1) + 1.0 / max(len(self.held_labels), 1)))
        return float(np.abs(given - held).sum() / 2), error

    @property
    def labels_alone(self) -> bool:
        """Whether the mix of the labels moved and the features surely did not follow: labels changed, and not the world."""
        found, error = self.followed
        return found + SURE * error < LEAST_FOLLOWED

    @property
    def shares(self) -> np.ndarray:
        """Share of each class among the healthy rows, shape (n_classes,)."""
        found: np.ndarray = np.bincount(self.held_labels, minlength=self.noise.joint.shape[0]) / max(len(self.held_labels), 1)
        return found


_judged: WeakKeyDictionary[Laboratory, list[tuple[Table, Judgement | None]]] = WeakKeyDictionary()


def judge(problem: Problem, pair: Pair) -> Judgement | None:
    """A healthy model's judgement of the pair's suspect; None where there is no healthy model, no target or too few rows."""
    known = _judged.setdefault(problem.laboratory, [])
    for table, found in known:
        if table is pair.suspect:
            return found
    made = _judge(problem, pair)
    known.append((pair.suspect, made))
    return made


def rejudge(judgement: Judgement, case: Case, table: Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Label codes (-1 where unknown), class probabilities and answers for every row of a whole table."""
    shown = table.select(judgement.columns) if judgement.columns else table
    prediction = judgement.model.predict(shown)
    labels = _labels(table, case, judgement.classes)
    probabilities, answers = _answers(prediction, judgement.classes, case)
    return labels, _level_shares(judgement, answers) if case.task == "regression" else probabilities, answers


def _judge(problem: Problem, pair: Pair) -> Judgement | None:
    case, reference = problem.case, problem.case.reference
    if not case.target or reference is None or case.target not in pair.suspect or case.target not in pair.yardstick:
        return None
    held = compare(case, pair)
    aside = _mended(problem, pair) | _damaged(case, pair)
    steady = tuple(c for c in held.steady if c not in aside)
    if held.target is None or not steady or _untelling(held, aside):
        return None
    try:
        model, healthy, columns = _healthy(problem, held, steady)
        if model is None or healthy is None:
            return None
        tables = [_labelled(sampled(table), case.target) for table in (pair.suspect, healthy)]
        if min(t.n_rows for t in tables) < _LEAST_ROWS:
            return None
        shown = [t.select(columns) if columns else t for t in tables]
        predictions = [problem.laboratory.predict(model, t) for t in shown]
    except ModelError:
        return None
    classes = _classes(tables[1], tables[0], case)
    labels = [_labels(t, case, classes) for t in tables]
    n_classes = len(classes) + (case.task == "regression")
    found = [_answers(p, classes, case) for p in predictions]
    if case.task == "regression":
        bins = answer_bins(found[0][1], found[1][1])
        by_bin = np.zeros((bins[2], n_classes)) + 1e-3
        np.add.at(by_bin, (bins[1], labels[1]), 1.0)
        by_bin /= by_bin.sum(axis=1, keepdims=True)
        probabilities = [by_bin[bins[0]], by_bin[bins[1]]]
    else:
        bins = answer_bins(found[0][0], found[1][0])
        probabilities = [found[0][0], found[1][0]]
    noise = label_noise((labels[0], bins[0]), (labels[1], bins[1]), n_classes, bins[2])
    return Judgement(
        pair=pair,
        held=held,
        model=model,
        columns=columns,
        classes=classes,
        labels=labels[0],
        probabilities=probabilities[0],
        answers=found[0][1],
        held_labels=labels[1],
        held_probabilities=probabilities[1],
        held_answers=found[1][1],
        rows=tables[0],
        held_rows=tables[1],
        noise=noise,
    )


def _mended(problem: Problem, pair: Pair) -> frozenset[str]:
    """Columns of a log that were put right: what like rows lent them follows the labels only roughly, and is no yardstick of these."""
    if pair.name != "serving" or pair.side != "current":
        return frozenset()
    as_read = problem.laboratory.case.current.serving
    if as_read is None or problem.laboratory.holds_answers(problem.case, "current"):
        return frozenset()
    return frozenset(
        c for c in pair.suspect.columns if c not in as_read or not pair.suspect.arrow.column(c).equals(as_read.arrow.column(c))
    )


def _damaged(case: Case, pair: Pair) -> frozenset[str]:
    """Columns of a log that hold old values, or some beyond all reach: what they lead to is no other relation of inputs and labels."""
    if pair.name != "serving":
        return frozenset()
    wild = {c for c in numeric_columns(case, pair, target=False) if _beyond(numbers(pair.suspect, c), numbers(pair.yardstick, c))}
    return frozenset(wild | {h.column for h in held_columns(case, pair)})


def _untelling(held: Comparison, aside: frozenset[str]) -> bool:
    """Whether the columns that are set aside tell more of the target than those left: without them any season looks like a new relation."""
    strength = held.alignment.strength[: len(held.features), -1]
    lost = float(sum(s for c, s in zip(held.features, strength, strict=True) if c in aside))
    return lost > 0.5 * float(strength.sum())


def _beyond(values: np.ndarray, healthy: np.ndarray) -> bool:
    """Whether some value lies further outside the healthy range than this is wide."""
    x, y = finite(values), finite(healthy)
    return bool(len(x) and len(y) and (x.min() < y.min() - np.ptp(y) or x.max() > y.max() + np.ptp(y)))


def _healthy(problem: Problem, held: Comparison, steady: tuple[str, ...]) -> tuple[Model | None, Table | None, tuple[str, ...] | None]:
    """A healthy model, healthy rows it was not fitted on, and the columns to show it."""
    case, laboratory = problem.case, problem.laboratory
    reference = case.reference
    if reference is None:
        return None, None, None
    train, validation = reference.train, _unseen(reference.validation, reference.train, held)
    wanted = case.features(held.pair.yardstick)
    if set(steady) >= set(wanted) and validation is not None and not (case.time and held.pair.name == "train"):
        model = laboratory.healthy_model()
        if model is not None:
            return model, validation, None
    columns = (*steady, str(case.target))
    if train is not None and validation is not None and held.pair.name != "train" and all(c in train and c in validation for c in columns):
        return laboratory.witness(train.select(columns)), validation, columns
    # Rows of one time are judged by rows of the same time: one half of the healthy table teaches, the other is the yardstick.
    rows = _labelled(sampled(held.pair.yardstick), str(case.target))
    order = np.random.default_rng(0).permutation(rows.n_rows)
    first, second = (rows.take(np.sort(part)) for part in np.array_split(order, 2))
    return laboratory.witness(first.select(columns)), second, columns


def _unseen(table: Table | None, fitted: Table | None, held: Comparison) -> Table | None:
    """The rows of a healthy table that are not among those the model was fitted on: it knows the labels of these by heart."""
    if table is None or fitted is None:
        return table
    columns = [c for c in (*held.features, str(held.case.target)) if c in table and c in fitted and table.kind(c) == fitted.kind(c)]
    seen, mine = (row_codes([t.numbers(c) if t.kind(c) == "numeric" else t.texts(c) for c in columns]) for t in (fitted, table))
    fresh = ~np.isin(mine, seen)
    return table if fresh.all() or fresh.sum() < _LEAST_ROWS else table.filter(fresh)


def _labelled(table: Table, target: str) -> Table:
    known = np.array([v is not None for v in table.values(target).tolist()], dtype=bool)
    return table if known.all() else table.filter(known)


def _classes(healthy: Table, suspect: Table, case: Case) -> np.ndarray:
    if case.task == "regression":
        return np.unique(np.quantile(healthy.numbers(str(case.target)), np.linspace(0, 1, _N_LEVELS + 1)[1:-1]))
    return np.unique(np.concatenate([healthy.texts(str(case.target)).astype(str), suspect.texts(str(case.target)).astype(str)]))


def _labels(table: Table, case: Case, classes: np.ndarray) -> np.ndarray:
    """Label codes, shape (n_rows,); -1 where the label is null or unknown."""
    if case.task == "regression":
        values = table.numbers(str(case.target))
        return np.where(np.isfinite(values), np.searchsorted(classes, values), -1)
    texts = np.array(["" if v is None else v for v in table.texts(str(case.target))], dtype=str)
    codes = np.searchsorted(classes, texts)
    found: np.ndarray = np.where(classes[np.minimum(codes, len(classes) - 1)] == texts, codes, -1)
    return found


def _answers(prediction: Prediction, classes: np.ndarray, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Share of each class, shape (n_rows, n_classes), and the answer: a number, or the class's code."""
    if case.task == "regression":
        return np.empty((0, 0)), np.asarray(prediction.prediction, dtype=float)
    known = prediction.classes or ()
    score = prediction.score
    columns = [int(np.searchsorted(classes, text)) if (text := _said(c)) in classes else -1 for c in known]
    probabilities = np.full((len(prediction.prediction), len(classes)), 1e-6)
    proper = score is not None and np.isfinite(score).all() and score.min() >= 0.0 and score.max() <= 1.0
    if score is not None and proper and score.ndim == 1 and len(known) == 2:
        score = np.column_stack([1.0 - score, score])
    if score is not None and proper and score.ndim == 2 and score.shape[1] == len(known):
        for at, column in enumerate(columns):
            if column >= 0:
                probabilities[:, column] = score[:, at]
    else:
        texts = np.array([_said(v) for v in np.asarray(prediction.prediction).tolist()], dtype=str)
        probabilities = 0.9 * (texts[:, None] == classes[None, :]) + 0.1 / len(classes)
    probabilities = probabilities / np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-12)
    return probabilities, probabilities.argmax(axis=1)


def _level_shares(judgement: Judgement, answers: np.ndarray) -> np.ndarray:
    """For predicted numbers the share of each level among the healthy rows with like predictions."""
    codes, yard, n_bins = answer_bins(answers, judgement.held_answers)
    by_bin = np.zeros((n_bins, judgement.noise.joint.shape[0])) + 1e-3
    np.add.at(by_bin, (yard, judgement.held_labels), 1.0)
    found: np.ndarray = (by_bin / by_bin.sum(axis=1, keepdims=True))[codes]
    return found


def _told(codes: np.ndarray, wrong: np.ndarray, size: int) -> float:
    """Variance of the contradicted share between the bins of a column, beyond chance."""
    n = np.bincount(codes, minlength=size)
    share = np.bincount(codes, weights=wrong, minlength=size) / np.maximum(n, 1)
    return float((n * (share - wrong.mean()) ** 2).sum()) - float((n > 0).sum() - 1) * float(wrong.mean() * (1 - wrong.mean()))


def _said(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
