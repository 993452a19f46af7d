"""What a guard can be run on: anything that has a side's fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ruleout.errors import RuleoutError
from ruleout.models.artifact import Artifact
from ruleout.models.model import Model
from ruleout.tables.table import Table

__all__ = ["Checked", "GuardError", "Measure", "Packages", "Sources"]

Measure = Callable[[Model, Table], float]
"""The case's metric of a model on a labelled table."""


class GuardError(RuleoutError):
    """A guard cannot be read or run as it is written."""


class Packages(Protocol):
    """Versions of what ran, by normalised package name."""

    @property
    def packages(self) -> Mapping[str, str]:
        """Version by package."""
        ...


class Sources(Protocol):
    """Source text by file name."""

    @property
    def files(self) -> Mapping[str, str]:
        """Text by file name."""
        ...


class Checked(Protocol):
    """The fields of a side that guards look at; any of them may be None."""

    @property
    def train(self) -> Table | None:
        """Training rows."""
        ...

    @property
    def validation(self) -> Table | None:
        """Validation rows."""
        ...

    @property
    def serving(self) -> Table | None:
        """Rows as they were answered in production."""
        ...

    @property
    def model(self) -> Artifact | None:
        """The fitted artifact."""
        ...

    @property
    def config(self) -> Mapping[str, Any] | None:
        """The training configuration."""
        ...

    @property
    def metrics(self) -> Mapping[str, Any] | None:
        """Metrics as the pipeline reported them."""
        ...

    @property
    def history(self) -> Table | None:
        """What training recorded, a row an epoch or step."""
        ...

    @property
    def environment(self) -> Packages | None:
        """Versions of what ran."""
        ...

    @property
    def code(self) -> Sources | None:
        """The training or feature code."""
        ...
