"""A model fitted on an array: it names no columns, so it is given those of the table that it was fitted on, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ruleout.errors import ModelError, nearest
from ruleout.models.model import Description, Model, Prediction, reloaded
from ruleout.tables.table import Table

__all__ = ["ByPosition"]


class ByPosition:
    """A model that takes its columns by position, asked by their names.

    Parameters
    ----------
    model
        The model as it opened; its description names no columns.
    features
        The columns of the table that it was fitted on, in the order of the array.
    """

    def __init__(self, model: Model, features: Sequence[str]) -> None:
        self.model, self.features = model, tuple(features)

    @property
    def fingerprint(self) -> str:
        """A hash of what the model is."""
        return self.model.fingerprint

    def describe(self) -> Description:
        """What the model says about itself, with the columns named."""
        return self._description

    @cached_property
    def _description(self) -> Description:
        found = self.model.describe()
        scalers = [
            {**scaler, "columns": list(self.features)} if len(scaler.get("columns", ())) == len(self.features) else scaler
            for scaler in found.fitted.get("scalers", ())
        ]
        return replace(found, features=self.features, fitted={**found.fitted, "scalers": scalers})

    def predict(self, table: Table) -> Prediction:
        """The answers for every row; raises `ModelError` where a column is missing."""
        return self.model.predict(self._selected(table))

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> Model:
        """An unfitted copy fitted on the same columns of `table`, as `Model.refit`."""
        return ByPosition(self.model.refit(self._selected(table, target), target, parameters=parameters, seed=seed), self.features)

    def reloaded(self) -> Model:
        """The model saved and loaded again, asked in the same way."""
        return ByPosition(reloaded(self.model), self.features)

    def _selected(self, table: Table, *more: str) -> Table:
        lacking = [c for c in self.features if c not in table]
        if lacking:
            raise ModelError(
                f"model: {table.origin} lacks {len(lacking)} of the {len(self.features)} columns it was fitted on: {lacking[0]!r}."
                f"{nearest(lacking[0], [c for c in table.columns if c not in self.features])}"
            )
        return table.select([*self.features, *(c for c in more if c in table)])
