"""A model that counts its classes, or answers bare numbers: told by the case's own labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ruleout.errors import ModelError
from ruleout.models.model import Description, Model, Prediction
from ruleout.models.native import answer_of
from ruleout.models.wrapped import Wrapped
from ruleout.tables.table import Table

__all__ = ["ByLabels"]

SUM_TOLERANCE = 1e-3
"""How far from 1 the scores of a row may sum for them to be probabilities."""


class ByLabels(Wrapped):
    """A model whose answers lack the names of their classes, or their meaning.

    Parameters
    ----------
    model
        The model as it opened; its description says `outputs` "codes" or "raw".
    task
        What the case says that the answers are.
    labels
        The classes of the target, in the order in which the model counts them; unused in a regression.
    """

    def __init__(self, model: Model, task: Literal["classification", "regression"], labels: Sequence[Any] = ()) -> None:
        super().__init__(model)
        self.task, self.labels = task, tuple(labels)

    def _told(self, found: Description) -> Description:
        return replace(found, classes=self.labels if self.task == "classification" else None, outputs="")

    def _around(self, model: Model) -> Model:
        return ByLabels(model, self.task, self.labels)

    def predict(self, table: Table) -> Prediction:
        """The answers for every row.

        Raises
        ------
        ModelError
            The model fails, or what it gives cannot be answers to the case's task.
        """
        found = self.model.predict(table)
        raw = np.asarray(found.prediction if found.score is None else found.score, dtype=float)
        if self.task == "regression":
            numbers = raw.reshape(len(raw), -1)
            if numbers.shape[1] != 1:
                raise ModelError(f"model: it gives {numbers.shape[1]} numbers a row where the target is one number; give [run] predict.")
            return Prediction(numbers[:, 0])
        if found.score is None and found.classes is None and self.model.describe().outputs == "codes":
            return Prediction(self._named(raw))
        return answer_of(_chances(raw), "classes", self.labels)

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> Model:
        """The model fitted again, as `Model.refit`; what is fitted here knows its classes."""
        fitted = self.model.refit(table, target, parameters=parameters, seed=seed)
        return self._around(fitted) if fitted.describe().outputs else fitted

    def _named(self, codes: np.ndarray) -> np.ndarray:
        out = np.empty(len(codes), dtype=object)
        out[:] = [self.labels[int(c)] for c in codes]
        return out


def _chances(raw: np.ndarray) -> np.ndarray:
    """Return probabilities of classes: as they are where they are such, else by the logistic function or the softmax."""
    if raw.ndim == 1 or raw.shape[1] == 1:
        one = raw.reshape(-1)
        inside = bool(np.all((one >= 0) & (one <= 1) | np.isnan(one)))
        return one if inside else 1.0 / (1.0 + np.exp(-np.clip(one, -700, 700)))
    totals = raw.sum(axis=1)
    if bool(np.all((raw >= -SUM_TOLERANCE) | np.isnan(raw))) and bool(np.all((np.abs(totals - 1.0) < SUM_TOLERANCE) | np.isnan(totals))):
        return raw
    raised = np.exp(raw - np.nanmax(raw, axis=1, keepdims=True))
    chances: np.ndarray = raised / raised.sum(axis=1, keepdims=True)
    return chances
