"""What the furniture of boosters, graphs and networks shares: columns in, an array of numbers out, and what the numbers mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ruleout.errors import ModelBroken, ModelError, nearest
from ruleout.models.model import Description, Model, Prediction
from ruleout.models.scikit_learn import first_line, quietly
from ruleout.tables.table import Table

__all__ = ["NativeModel", "Outputs", "answer_of"]

Outputs = Literal["classes", "number", "raw"]
"""Probabilities of classes, shape (n,) for two of them or (n, n_classes); a number; or what only the task can tell."""


class NativeModel(ABC):
    """A model that has not scikit-learn's interface: asked by column names, never changed.

    Parameters
    ----------
    estimator
        The library's own object.
    fingerprint
        A hash of what it is.
    name
        What errors call it.
    notes
        Warnings that came up when it was loaded.
    classes
        The classes in the order of its outputs, where they are known; None counts them from 0.
    """

    engine: str

    def __init__(
        self, estimator: Any, *, fingerprint: str, name: str = "", notes: Sequence[str] = (), classes: Sequence[Any] | None = None
    ) -> None:
        self.estimator = estimator
        self._fingerprint = fingerprint
        self._name = name or f"model ({type(estimator).__name__})"
        self._notes = tuple(notes)
        self._classes = None if classes is None else tuple(classes)
        self._description: Description | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of what the model is."""
        return self._fingerprint

    @property
    def name(self) -> str:
        """What errors call it."""
        return self._name

    def describe(self) -> Description:
        """What the model says about itself."""
        if self._description is None:
            try:
                with quietly():
                    self._description = self._describe()
            except ModelError:
                raise
            except Exception as error:  # The library reads a stranger's file; whatever it raises is its answer.
                raise ModelError(f"{self._name}: it cannot be described: {first_line(error)}.") from error
        return self._description

    def predict(self, table: Table) -> Prediction:
        """The answers for every row; raises `ModelError` where a column is missing, it fails, or its outputs fit no row."""
        if table.n_rows == 0:
            raise ModelError(f"{self._name}: {table.origin} has no rows to predict.")
        columns = self._columns(table)
        try:
            with quietly():
                outputs = self._outputs(columns)
        except ModelError:
            raise
        except Exception as error:  # Foreign code; whatever it raises is its answer.
            raise ModelError(f"{self._name}: predicting {table.origin} failed: {first_line(error)}.") from error
        return self._answer(outputs, table)

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> Model:
        """Raise `ModelError`: what trained it is not in it. Furniture of which that is not true overrides this."""
        raise ModelError(
            f"{self._name}: {self.engine} does not keep how its models were trained, so it cannot be fitted again; "
            'give [run] train = "…" in case.toml.'
        )

    def reloaded(self) -> Model:
        """The object dumped with joblib and loaded in another process; raises `ModelError` where it does not survive that."""
        from ruleout.models.child import reloaded_in_child

        return reloaded_in_child(self.estimator, fingerprint=self._fingerprint, name=self._name)

    @abstractmethod
    def _describe(self) -> Description:
        """Describe the model."""

    @abstractmethod
    def _outputs(self, table: Table) -> Any:
        """Return the raw outputs, or a `Prediction`, for the model's own columns in their order."""

    def _kind(self) -> Outputs:
        """What the outputs are."""
        return "raw"

    def _answer(self, outputs: Any, table: Table) -> Prediction:
        if isinstance(outputs, Prediction):
            return outputs
        array = np.asarray(outputs, dtype=np.float64)
        if array.ndim == 0 or len(array) != table.n_rows or array.ndim > 2:
            raise ModelBroken(f"{self._name}: predicting {table.origin} answered in shape {array.shape}, expected ({table.n_rows},).")
        return answer_of(array, self._kind(), self._classes)

    def _columns(self, table: Table) -> Table:
        """The model's own columns, in its order; the whole table where it names none."""
        described = self.describe()
        if described.features is None:
            if described.width not in (None, len(table.columns)):
                raise ModelError(
                    f"{self._name}: it takes {described.width} columns without names and {table.origin} has {len(table.columns)}; "
                    "select its features, in order, before it is asked."
                )
            return table
        lacking = [c for c in described.features if c not in table]
        if lacking:
            some = ", ".join(repr(c) for c in lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
            raise ModelError(
                f"{self._name}: {table.origin} lacks {len(lacking)} of the {len(described.features)} columns it was fitted on: "
                f"{some}.{nearest(lacking[0], [c for c in table.columns if c not in described.features])}"
            )
        return table.select(list(described.features))


def answer_of(outputs: np.ndarray, kind: Outputs, classes: Sequence[Any] | None = None) -> Prediction:
    """Return what raw outputs answer.

    Parameters
    ----------
    outputs
        Shape (n,) or (n, k).
    kind
        What they are; "raw" is kept as `score`, with `prediction` the number, or the place of the largest.
    classes
        The classes in the order of the outputs; None counts them from 0.
    """
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        outputs = outputs[:, 0]
    if kind == "number" and outputs.ndim == 1:
        return Prediction(outputs)
    if kind == "raw":
        return Prediction(outputs if outputs.ndim == 1 else np.argmax(outputs, axis=1), outputs)
    chances = np.column_stack([1.0 - outputs, outputs]) if outputs.ndim == 1 else outputs
    known: tuple[Any, ...] = tuple(classes) if classes is not None else tuple(range(chances.shape[1]))
    if len(known) != chances.shape[1]:
        raise ModelError(f"model: it gives {chances.shape[1]} scores a row for {len(known)} classes.")
    named = np.array(known) if all(type(c) in (int, bool) for c in known) else _objects(known)
    return Prediction(named[np.argmax(chances, axis=1)], chances, known)


def _objects(values: Sequence[Any]) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
