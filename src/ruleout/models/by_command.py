"""A model that only the case's own program can ask: `[run] predict` answers for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruleout.errors import CommandError, ModelBroken, ModelError
from ruleout.models.commands import Commands
from ruleout.models.model import Description, Model, Prediction
from ruleout.models.running import TookTooLong
from ruleout.tables.table import Table

__all__ = ["ByCommand"]


class ByCommand:
    """An artifact of any kind, asked by a command.

    Parameters
    ----------
    commands
        With `predict`.
    path
        The artifact.
    fingerprint
        A hash of its bytes.
    config
        The configuration of its side, for `{config}`.
    without
        Columns that are not given to the command: the target, and answers that a log holds.
    """

    def __init__(
        self,
        commands: Commands,
        path: Path,
        *,
        fingerprint: str,
        config: Mapping[str, Any] | None = None,
        without: Sequence[str] = (),
    ) -> None:
        self.commands, self.path, self.config, self.without = commands, path, config, tuple(without)
        said = f"{commands.lines['predict']}\0{fingerprint}"
        self._fingerprint = hashlib.blake2b(said.encode(), digest_size=16).hexdigest()

    @property
    def fingerprint(self) -> str:
        """A hash of the command and the artifact."""
        return self._fingerprint

    def describe(self) -> Description:
        """Next to nothing: a command says nothing about its model."""
        return Description(engine="[run] predict", estimator=self.path.suffix.lstrip(".") or self.path.name, refits=False)

    def predict(self, table: Table) -> Prediction:
        """The answers for every row.

        Raises
        ------
        ModelError
            The command fails, takes too long, or leaves no answers.
        """
        try:
            return self.commands.predict(self.path, table.without([c for c in self.without if c in table]), self.config)
        except TookTooLong as error:
            raise ModelBroken(str(error)) from error
        except CommandError as error:
            raise ModelError(str(error)) from error

    def refit(self, table: Table, target: str, *, parameters: Mapping[str, Any] | None = None, seed: int | None = None) -> Model:
        """Raise `ModelError`: only `[run] train` can fit what it alone knows."""
        raise ModelError(
            f"{self.path}: a model that [run] predict answers for is fitted again by [run] train alone ({table.origin}, {target}); add it."
        )
