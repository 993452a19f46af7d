"""The witness: ruleout's own boosted trees, a second opinion that needs no artifact and no trust.

It answers what can be learned from a table by a plain, sturdy learner, so that a table can be questioned where no
model can be opened, or where the model itself is under suspicion.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ruleout.errors import ModelError, nearest
from ruleout.models.model import Description, Prediction
from ruleout.models.scikit_learn import quietly
from ruleout.tables.table import Table

__all__ = ["Witness", "fit_witness"]

Task = Literal["classification", "regression"]

ROWS = 20_000
ITERATIONS = 60
TREES = 300
"""Trees in all, so that many classes get fewer rounds (each round grows a tree a class)."""
CLASSES = 100
"""Rarer classes than these are not learned."""
NATIVE = 64
"""Columns with more categories are split by the order of their frequency, not category by category."""


class Witness:
    """Boosted trees on a table's features, categories coded by their frequency, unseen ones as missing.

    Made by `fit_witness`.
    """

    def __init__(
        self,
        coder: _Coder,
        trees: Any,
        *,
        task: Task,
        classes: tuple[Any, ...] | None,
        constant: float,
        settings: Mapping[str, Any],
        seed: int,
        fingerprint: str,
    ) -> None:
        self._coder = coder
        self._trees = trees
        self._task = task
        self._classes = classes
        self._constant = constant
        self._settings = dict(settings)
        self._seed = seed
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> str:
        """A hash of the rows, the features, the target and the seed it was fitted with."""
        return self._fingerprint

    def describe(self) -> Description:
        """What it is: boosted trees, their settings, features, classes and categories."""
        name = "HistGradientBoostingClassifier" if self._task == "classification" else "HistGradientBoostingRegressor"
        return Description(
            engine="ruleout",
            estimator=name,
            steps=(name,),
            parameters=self._settings,
            features=self._coder.features,
            classes=self._classes,
            fitted={"categories": self._coder.categories(), "used": list(self._coder.features), "scalers": []},
        )

    def predict(self, table: Table) -> Prediction:
        """The answers for every row, with class probabilities (n_rows, n_classes); raises `ModelError` where a feature is missing."""
        inputs = self._coder.code(table)
        if self._trees is None:
            numbers = np.full(table.n_rows, self._constant)
            if self._classes is None:
                return Prediction(numbers)
            only = _plain(_objects(self._classes)[np.zeros(table.n_rows, dtype=int)])
            return Prediction(only, np.ones((table.n_rows, 1)), self._classes)
        with quietly():
            if self._classes is None:
                return Prediction(np.asarray(self._trees.predict(inputs), dtype=np.float64))
            score = np.asarray(self._trees.predict_proba(inputs), dtype=np.float64)
        return Prediction(_plain(_objects(self._classes)[np.argmax(score, axis=1)]), score, self._classes)

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> Witness:
        """The same learner on other rows; raises `ModelError` where a parameter is not known or there is nothing to learn."""
        changes = dict(parameters or {})
        for key in changes:
            if key not in self._settings:
                raise ModelError(f"witness: there is no parameter {key!r}.{nearest(key, self._settings)}")
        features = [c for c in self._coder.features if c in table]
        return _fit(table, target, features, self._task, seed=self._seed if seed is None else seed, settings={**self._settings, **changes})


def fit_witness(table: Table, target: str, features: Sequence[str], task: Task, *, seed: int) -> Witness:
    """Fit ruleout's own boosted trees on a labelled table: one thread, at most 20,000 rows and 60 rounds.

    Parameters
    ----------
    table
        Labelled rows; those whose target is null are left out.
    target
        Label column: numbers, or for classification anything.
    features
        Columns to learn from; what is neither a number, a category nor a time is left out.
    task
        What to learn.
    seed
        Seed of the sample and the trees.

    Raises
    ------
    ModelError
        There is no feature or no labelled row, or numbers were expected.
    """
    return _fit(table, target, features, task, seed=seed, settings={})


def _fit(table: Table, target: str, features: Sequence[str], task: Task, *, seed: int, settings: Mapping[str, Any]) -> Witness:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if target not in table:
        raise ModelError(f"witness: {table.origin} has no column {target!r} to learn from.{nearest(target, table.columns)}")
    usable = [c for c in features if c in table and c != target and table.kind(c) != "other"]
    if not usable:
        raise ModelError(f"witness: {table.origin} has none of the {len(features)} features to learn from.")
    recipe = "\0".join(["witness", table.fingerprint, target, *usable, task, str(seed), repr(sorted(settings.items()))])
    fingerprint = hashlib.blake2b(recipe.encode(), digest_size=16).hexdigest()
    answers, keep, classes = _target(table, target, task)
    rows = np.flatnonzero(keep)
    if not len(rows):
        raise ModelError(f"witness: {table.origin} has no row with a {target!r} to learn from ({table.n_rows:,} rows).")
    if len(rows) > ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, size=ROWS, replace=False))
    learned = table.select(usable).take(rows)
    answers = answers[rows]
    coder = _Coder(learned)
    per_round = 1 if classes is None or len(classes) <= 2 else len(classes)
    rounds = int(np.clip(TREES // per_round, 8, ITERATIONS))
    options = {
        "max_iter": rounds,
        "learning_rate": min(0.3, 6.0 / rounds),
        "max_leaf_nodes": 31,
        "min_samples_leaf": 20,
        "l2_regularization": 1.0,
    }
    options |= settings
    if len(np.unique(answers)) == 1:
        only = None if classes is None else (classes[int(answers[0])],)
        return Witness(
            coder, None, task=task, classes=only, constant=float(answers[0]), settings=options, seed=seed, fingerprint=fingerprint
        )
    learner = HistGradientBoostingRegressor if classes is None else HistGradientBoostingClassifier
    trees = learner(**options, categorical_features=coder.native(), early_stopping=False, random_state=seed)
    try:
        with quietly():
            trees.fit(coder.code(learned), answers)
    except ValueError as error:
        raise ModelError(f"witness: {table.origin} cannot be learned from: {str(error).splitlines()[0]}.") from error
    if classes is not None:
        classes = tuple(classes[int(code)] for code in trees.classes_)
    return Witness(coder, trees, task=task, classes=classes, constant=0.0, settings=options, seed=seed, fingerprint=fingerprint)


def _target(table: Table, target: str, task: Task) -> tuple[np.ndarray, np.ndarray, tuple[Any, ...] | None]:
    """Return the target as numbers (codes of classes), which rows have one, and the classes."""
    if task == "regression":
        if table.kind(target) not in ("numeric", "time") and not pa.types.is_boolean(table.arrow.column(target).type):
            raise ModelError(
                f"witness: {table.origin} column {target!r} holds {table.arrow.column(target).type}, expected numbers to learn."
            )
        numbers = table.numbers(target)
        return numbers, np.isfinite(numbers), None
    encoded = _dictionary(table.arrow.column(target))
    values = encoded.dictionary.to_pylist()
    codes = np.asarray(pc.fill_null(encoded.indices, -1))
    missing = np.array([v is None or (isinstance(v, float) and np.isnan(v)) for v in values] + [True])
    keep = ~missing[codes]
    counts = np.bincount(codes[keep], minlength=len(values))
    present = [i for i in np.argsort(-counts, kind="stable")[:CLASSES] if counts[i]]
    order = sorted(present, key=lambda i: (type(values[i]).__name__, values[i]))
    ranks = np.full(len(values) + 1, -1)
    ranks[order] = np.arange(len(order))
    ranked = ranks[codes]
    return ranked, keep & (ranked >= 0), tuple(values[i] for i in order)


class _Coder:
    """Turns a table's features into floats: numbers as they are, categories as ranks of their frequency, null and unseen as NaN."""

    def __init__(self, table: Table) -> None:
        self.features = table.columns
        self._ranks: dict[str, dict[str, int]] = {}
        for column in table.columns:
            if table.kind(column) == "category":
                encoded = _dictionary(table.arrow.column(column))
                indices = np.asarray(pc.fill_null(encoded.indices, -1))
                values = encoded.dictionary.to_pylist()
                counts = np.bincount(indices[indices >= 0], minlength=len(values))
                order = sorted(range(len(values)), key=lambda i: (-counts[i], str(values[i])))
                self._ranks[column] = {_text(values[i]): rank for rank, i in enumerate(order) if values[i] is not None}

    def native(self) -> list[bool]:
        """Which features are split category by category."""
        return [0 < len(self._ranks.get(c, ())) <= NATIVE for c in self.features]

    def categories(self) -> dict[str, list[str]]:
        """The categories of each categorical feature, the most frequent first."""
        return {column: list(ranks) for column, ranks in self._ranks.items()}

    def code(self, table: Table) -> np.ndarray:
        """Return the features as floats, shape (n_rows, n_features)."""
        lacking = [c for c in self.features if c not in table]
        if lacking:
            raise ModelError(
                f"witness: {table.origin} lacks {len(lacking)} of the {len(self.features)} columns it was fitted on: "
                f"{', '.join(map(repr, lacking[:5]))}.{nearest(lacking[0], table.columns)}"
            )
        out = np.empty((table.n_rows, len(self.features)))
        for number, column in enumerate(self.features):
            out[:, number] = self._categories(table, column) if column in self._ranks else _numbers(table, column)
        return out

    def _categories(self, table: Table, column: str) -> np.ndarray:
        encoded = _dictionary(table.arrow.column(column))
        ranks = self._ranks[column]
        codes = [ranks.get(_text(v), np.nan) for v in encoded.dictionary.to_pylist()]
        found: np.ndarray = np.array([*codes, np.nan])[np.asarray(pc.fill_null(encoded.indices, -1))]
        return found


def _dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return a column as one array of codes with its distinct values."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], type=column.type)
    return whole.dictionary_encode()


def _numbers(table: Table, column: str) -> np.ndarray:
    """Return a numeric feature as finite floats or NaN; text that is no number is NaN."""
    if table.kind(column) in ("numeric", "time") or pa.types.is_boolean(table.arrow.column(column).type):
        numbers = table.numbers(column)
    else:
        encoded = _dictionary(table.arrow.column(column))
        values = np.array([*(_number(v) for v in encoded.dictionary.to_pylist()), np.nan])
        numbers = values[np.asarray(pc.fill_null(encoded.indices, -1))]
    clipped: np.ndarray = np.clip(numbers, -1e300, 1e300)
    return clipped


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _objects(values: Sequence[Any]) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _plain(values: np.ndarray) -> np.ndarray:
    """Return objects as numbers or booleans where they all are."""
    kinds = {type(v) for v in values[:1]}
    return np.array(values.tolist()) if kinds <= {bool, int, float} else values
