"""A model that is asked in other terms than its own: what all such models share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ruleout.models.model import Description, Model, Prediction, reloaded
from ruleout.tables.table import Table

__all__ = ["Wrapped"]


class Wrapped(ABC):
    """A model inside another one that speaks the case's terms.

    Parameters
    ----------
    model
        The model as it opened.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    @property
    def fingerprint(self) -> str:
        """A hash of what the model is."""
        return self.model.fingerprint

    def describe(self) -> Description:
        """What the model says about itself, in the case's terms."""
        return self._description

    @cached_property
    def _description(self) -> Description:
        return self._told(self.model.describe())

    def predict(self, table: Table) -> Prediction:
        """The answers for every row; raises `ModelError` where a column is missing."""
        return self.model.predict(self._taken(table))

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> Model:
        """The model fitted again on the rows of `table`, asked in the same way, as `Model.refit`."""
        return self._around(self.model.refit(self._taken(table, target), target, parameters=parameters, seed=seed))

    def reloaded(self) -> Model:
        """The model saved and loaded again, asked in the same way."""
        return self._around(reloaded(self.model))

    def _taken(self, table: Table, *more: str) -> Table:
        """The table as the model takes it; `more` names columns besides its features, the target of a fit."""
        del more
        return table

    @abstractmethod
    def _told(self, found: Description) -> Description:
        """What the model says about itself, put into the case's terms."""

    @abstractmethod
    def _around(self, model: Model) -> Model:
        """Another model, asked in the same way."""
