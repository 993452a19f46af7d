"""What every model answers, whatever made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ruleout.errors import ModelError
from ruleout.tables.table import Table

__all__ = ["UNSAVED", "Description", "Model", "Prediction", "Reloadable", "reloaded"]

UNSAVED = "cannot be saved again"
"""What an error says of a model of a kind that is only read."""


@dataclass(frozen=True)
class Prediction:
    """A model's answers for the rows of a table.

    Parameters
    ----------
    prediction
        Classes or numbers, shape (n_rows,).
    score
        Probability or decision value of the positive class, shape (n_rows,), or of each class, shape
        (n_rows, n_classes); None where the model gives none.
    classes
        The class of each column of `score`, None for regression.
    """

    prediction: np.ndarray
    score: np.ndarray | None = None
    classes: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class Description:
    """What an artifact says about itself, without rows.

    Parameters
    ----------
    engine
        The furniture that reads it ("scikit-learn").
    estimator
        Class of the last step ("RandomForestClassifier").
    steps
        Class of every step of a pipeline, outermost first.
    parameters
        Every settable parameter by its full name ("model__max_depth"), JSON-able values only.
    features
        Columns the model expects, in order; None where it does not say.
    width
        How many columns it expects; None where it does not say.
    refits
        Whether it can be fitted again on other rows.
    outputs
        "" where answers are final; "codes" where classes are counted from 0 and their names are not kept; "raw" where only the task
        tells what the numbers mean.
    classes
        Classes it can answer; None for regression.
    fitted
        What was learned before the last step, JSON-able: ``{"scalers": [{"columns", "mean", "scale", "samples"}],
        "categories": {column: [values]}, "used": [columns that reach the last step], "importances": {column: weight}}``.
    finite
        False where a weight is NaN or infinite.
    empty
        Why the artifact holds nothing (no coefficient, no tree); "" where it does.
    """

    engine: str
    estimator: str
    steps: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] | None = None
    classes: tuple[Any, ...] | None = None
    fitted: Mapping[str, Any] = field(default_factory=dict)
    finite: bool = True
    empty: str = ""
    width: int | None = None
    refits: bool = True
    outputs: str = ""


class Model(Protocol):
    """A fitted model that can be asked, and fitted again."""

    @property
    def fingerprint(self) -> str:
        """A hash of what the model is: the artifact's bytes, or template, parameters, rows and seed of a refit."""
        ...

    def describe(self) -> Description:
        """What the artifact says about itself."""
        ...

    def predict(self, table: Table) -> Prediction:
        """The answers for every row; raises `ModelError` where the model cannot take the table."""
        ...

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> Model:
        """An unfitted copy with some parameters changed, fitted on `table`; raises `ModelError` where it cannot be.

        Parameters
        ----------
        table
            Training rows with the target among the columns; rows whose target is null are left out.
        target
            Label column.
        parameters
            Parameters to change, by full name.
        seed
            Value for every `random_state`; None leaves them as they are.
        """
        ...


class Reloadable(Protocol):
    """A model that can be saved and loaded once more, to see whether it survives that."""

    def reloaded(self) -> Model:
        """The model saved and loaded again, in the format that it came in; raises `ModelError` where it does not survive that."""
        ...


def reloaded(model: Model) -> Model:
    """Return a model saved and loaded again.

    Raises
    ------
    ModelError
        It does not survive that; `UNSAVED` stands in the sentence where models of its kind are only read.
    """
    if not hasattr(model, "reloaded"):
        raise ModelError(f"model: a {type(model).__name__} {UNSAVED}.")
    again: Model = model.reloaded()
    return again
