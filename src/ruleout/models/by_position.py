"""A model fitted on an array: it names no columns, so it is given those of the table that it was fitted on, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ruleout.errors import ModelError, nearest
from ruleout.models.model import Description, Model
from ruleout.models.wrapped import Wrapped
from ruleout.tables.table import Table

__all__ = ["ByPosition"]


class ByPosition(Wrapped):
    """A model that takes its columns by position, asked by their names.

    Parameters
    ----------
    model
        The model as it opened; its description names no columns.
    features
        The columns of the table that it was fitted on, in the order of the array.
    """

    def __init__(self, model: Model, features: Sequence[str]) -> None:
        super().__init__(model)
        self.features = tuple(features)

    def _told(self, found: Description) -> Description:
        scalers = [
            {**scaler, "columns": list(self.features)} if len(scaler.get("columns", ())) == len(self.features) else scaler
            for scaler in found.fitted.get("scalers", ())
        ]
        return replace(found, features=self.features, fitted={**found.fitted, "scalers": scalers})

    def _around(self, model: Model) -> Model:
        return ByPosition(model, self.features)

    def _taken(self, table: Table, *more: str) -> Table:
        lacking = [c for c in self.features if c not in table]
        if lacking:
            raise ModelError(
                f"model: {table.origin} lacks {len(lacking)} of the {len(self.features)} columns it was fitted on: {lacking[0]!r}."
                f"{nearest(lacking[0], [c for c in table.columns if c not in self.features])}"
            )
        return table.select([*self.features, *(c for c in more if c in table)])
