"""Opening: an artifact becomes a model that answers in the case's own terms, by the names of its columns and classes, or by a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ruleout.case.case import Case, Side, SideName
from ruleout.errors import MissingExtra, ModelError, RuleoutError, TrustRequired
from ruleout.models.artifact import Artifact
from ruleout.models.by_command import ByCommand
from ruleout.models.by_dummies import ByDummies, layouts
from ruleout.models.by_labels import ByLabels
from ruleout.models.by_names import ByNames, spelled
from ruleout.models.by_position import ByPosition
from ruleout.models.commands import Commands
from ruleout.models.model import Model
from ruleout.problem.metric import labels_of
from ruleout.problem.replay import compare_answers, logged_answers
from ruleout.problem.reported import listed, worth_as_reported
from ruleout.tables.table import Table

__all__ = ["Opener"]

TRIED_ROWS = 20
"""Rows on which it is tried whether an artifact answers, where a command could answer for it."""

MADE_ROWS = 500
"""Rows on which it is tried how the array that a model was fitted on was made of a table, and how its classes are counted."""

ALIKE_LOGGED = 0.985
TOLD_BY_TRAINING = 0.5
"""Share of the reference's logged answers that must be given again for such a way to be believed; without a log, part of what a constant
gets wrong about training rows that the model must get right."""

ANSWERS = ("prediction", "score")


class Opener:
    """Opens the artifacts of one case.

    Parameters
    ----------
    case
        As it was read.
    seed
        Seed of the rows that are tried.
    commands
        `[run] predict` among them answers for what does not open; None where nothing may run.
    """

    def __init__(self, case: Case, *, seed: int, commands: Commands | None) -> None:
        self.case, self.seed, self.commands = case, seed, commands
        self.reasons: dict[str, str] = {}
        self.closed: set[str] = set()
        self.assumed: list[str] = []
        self._order: tuple[Any, ...] | None = None

    def open(self, side: str, artifact: Artifact, load: Callable[[], Model] | None = None) -> Model | None:
        """The model; None where it does not open: `reasons` says why, `closed` where that lies not with the artifact.

        Parameters
        ----------
        side
            Whose it is, as reasons are kept by: "current", or "current, put right".
        artifact
            What is opened.
        load
            How, where another way than `artifact.open` is asked for.
        """
        opened: Model | None = None
        try:
            opened = self._told(side, (load or artifact.open)())
        except (TrustRequired, MissingExtra) as error:
            self.reasons[side] = str(error)
            self.closed.add(side)
        except ModelError as error:
            self.reasons[side] = str(error)
            if self.commands is None and self.case.run.predict is not None:
                self.closed.add(side)
        # A model in an installed environment is asked by the command there, where it has to be.
        other = self._by_command(side, artifact, opened) if load is None else None
        if other is not None:
            self.reasons.pop(side, None)
            self.closed.discard(side)
            if side == _named(side):
                self.assume(f"{side}.model is asked by [run] predict.")
        return other or opened

    def _told(self, side: str, opened: Model) -> Model:
        """The model by the table's names: of columns, whatever it was fitted on, and of classes."""
        found = opened.describe()
        if found.features is not None:
            return self._by_labels(side, self._by_names(side, opened))
        if not found.width:
            return self._by_labels(side, opened)
        columns = self._by_position(side, found.width)
        if columns is not None:
            return self._by_labels(side, ByPosition(opened, columns))
        return self._by_dummies(side, self._by_labels(side, opened), found.width) or self._by_labels(side, opened)

    def _by_names(self, side: str, opened: Model) -> Model:
        features = opened.describe().features or ()
        tables = self._tables(side)
        if not tables or any(set(features) <= set(t.columns) for t in tables):
            return opened
        names = next((n for t in tables if (n := spelled(features, t.columns))), {})
        return ByNames(opened, names) if names else opened

    def _by_command(self, side: str, artifact: Artifact, opened: Model | None) -> Model | None:
        """The model that `[run] predict` asks, where the artifact does not answer and the command does."""
        commands, tables = self.commands, self._tables(side)
        if commands is None or commands.lines["predict"] is None or artifact.path is None or not tables:
            return None
        tried = tables[-1].sample(TRIED_ROWS, self.seed)
        if opened is not None and _answers(opened, tried):
            return None
        held = self._held(side)
        without = tuple(c for c in (self.case.target, *ANSWERS) if c)
        model = ByCommand(commands, artifact.path, fingerprint=artifact.fingerprint, config=held.config, without=without)
        return model if _answers(model, tried) else None

    # The names of classes ----------------------------------------------------------------------------------------------

    def _by_labels(self, side: str, opened: Model) -> Model:
        """The model with its classes called as the target calls them, and its outputs understood as the task says."""
        found = opened.describe()
        if not found.outputs or self.case.task is None:
            return opened
        if self.case.task == "regression":
            return ByLabels(opened, "regression")
        if found.outputs == "raw" and found.classes:
            return ByLabels(opened, "classification", found.classes)
        order = self._order or self._class_order(opened, len(found.classes) if found.classes else None)
        if order is None:
            return opened
        self._order = order
        if order != tuple(range(len(order))) and side == _named(side):
            told = ", ".join(f"{place} as {label!r}" for place, label in enumerate(order[:4])) + (" and so on" if len(order) > 4 else "")
            self.assume(f"{side}.model counts its classes and does not name them: {told} was taken.")
        return ByLabels(opened, "classification", order)

    def _class_order(self, opened: Model, width: int | None) -> tuple[Any, ...] | None:
        """The target's labels in the order in which a model counts them; None where they are not as many.

        Encoders count in sorted order. Of two labels the other order is taken where it gets the rows of the run that worked right and the
        sorted one does not: the reference decides for both sides, so that an encoder that moved between them is not explained away.
        """
        target = self.case.target
        tables = [t for s in ("reference", "current") for t in self._tables(s) if target in t]
        values = {v for t in tables for v in t.values(str(target)).tolist() if v is not None and v == v}  # noqa: PLR0124 - NaN alone is not itself
        labels = tuple(sorted(values, key=lambda v: (str(type(v)), v)))
        if len(labels) < 2 or (width is not None and width != len(labels)):
            return None
        if len(labels) != 2 or labels in ((0, 1), (False, True)):
            return labels
        features = opened.describe().features
        rows = next((t for t in tables if features is None or set(features) <= set(t.columns)), None)
        if rows is None:
            return labels
        rows = rows.sample(MADE_ROWS, self.seed)
        told = []
        for order in (labels, labels[::-1]):
            try:
                told.append(self._borne_out(ByLabels(opened, "classification", order), rows, None))
            except RuleoutError:
                return labels
        return labels[::-1] if told[1] > max(told[0], 0.0) else labels

    # The names of columns ----------------------------------------------------------------------------------------------

    def _by_position(self, side: str, width: int) -> tuple[str, ...] | None:
        """The columns that a model fitted on an array takes: those of the table it was fitted on, in their order, if they are as many."""
        own, other = self._held(side), self._other(side)
        tables = [held.table(name) for name in ("train", "validation", "serving") for held in (own, other) if held is not None]
        for table in tables:
            if table is None:
                continue
            features = self.case.features(table)
            numeric = tuple(c for c in features if table.kind(c) == "numeric")
            if width in (len(features), len(numeric)):
                return features if width == len(features) else numeric
        return None

    def _by_dummies(self, side: str, opened: Model, width: int) -> Model | None:
        """The model asked by the columns that its array of numbers and indicators is made of; None where no way to make it is borne out.

        A way is borne out by answers: those that the reference logged are given again, else most of what there is to know of training is,
        or the metric is the reported one to the last digit.
        """
        own, other = self._held(side), self._other(side)
        tables = [h.train for h in (own, other) if h is not None and h.train is not None]
        if not tables:
            return None
        reference = self.case.reference
        train, log = tables[0].sample(MADE_ROWS, self.seed), reference.serving if reference is not None else None
        best: tuple[float, Model | None] = (0.0, None)
        features = self.case.features(tables[0])
        orders = dict.fromkeys((features, *(listed(h.config, features) for h in (own, other) if h is not None)))
        for layout in (layout for order in orders if order for layout in layouts(tables[0], order, width)):
            model = ByDummies(opened, layout)
            try:
                told = self._borne_out(model, train, log)
            except RuleoutError:
                continue
            if log is None and 0 < told < TOLD_BY_TRAINING and worth_as_reported(self.case, own, model):
                return model
            best = max(best, (told, model), key=lambda found: found[0])
        return best[1] if best[0] >= (ALIKE_LOGGED if log is not None else TOLD_BY_TRAINING) else None

    def _borne_out(self, model: Model, train: Table, log: Table | None) -> float:
        """The share of logged answers that a model gives again; without a log the part of what a constant gets wrong that it gets right."""
        if log is not None:
            rows = log.sample(MADE_ROWS, self.seed)
            return compare_answers(self.case, model.predict(rows), logged_answers(self.case, rows)).rate
        target, answer = train.values(str(self.case.target)), np.asarray(model.predict(train).prediction)
        if self.case.task == "regression":
            truth = np.array([np.nan if v is None else v for v in target.tolist()], dtype=float)
            return 1.0 - float(np.nanmean((truth - answer.astype(float)) ** 2) / max(float(np.nanvar(truth)), 1e-300))
        labels = labels_of(target)
        counts = np.unique(labels.astype(str), return_counts=True)[1]
        return 1.0 - float(np.mean(labels != labels_of(answer))) / max(1.0 - float(counts.max()) / len(labels), 1e-9)

    # The case ----------------------------------------------------------------------------------------------------------

    def _held(self, side: str) -> Side:
        return self.case.side(_named(side)) or Side()

    def _other(self, side: str) -> Side | None:
        return self.case.side("reference" if _named(side) == "current" else "current")

    def _tables(self, side: str) -> list[Table]:
        """The side's tables that can be asked about, that it was trained on first."""
        held = self._held(side)
        return [t for t in (held.train, held.validation, held.serving) if t is not None and t.n_rows]

    def assume(self, sentence: str) -> None:
        """Note what nobody said and was taken as given, once."""
        if sentence not in self.assumed:
            self.assumed.append(sentence)


def _named(side: str) -> SideName:
    return "current" if side.startswith("current") else "reference"


def _answers(model: Model, rows: Table) -> bool:
    try:
        model.predict(rows)
    except RuleoutError:
        return False
    return True
