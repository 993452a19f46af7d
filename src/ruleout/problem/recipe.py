"""Recipes: which artifact is cloned, and with which parameters set, so that a side is trained again as a case says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from ruleout.case.case import ABSENT, Case, Side, SideName
from ruleout.errors import ModelError
from ruleout.models.defaults import DEFAULT
from ruleout.models.model import Model
from ruleout.problem.parameters import SEEDS, changed_keys, match_parameters
from ruleout.tables.table import Table

__all__ = ["Recipes"]

Template = tuple[Model, dict[str, Any]]
"""An artifact to clone and the parameters to set on the clone."""


class Recipes:
    """Finds the template of a refit.

    Parameters
    ----------
    case
        The case as it was read: its artifacts are the templates.
    opened
        Gives a side's artifact, opened; None where it does not open.
    can_command
        A `[run] train` command stands ready for what no template can do.
    installed
        Environments are installed and refits run in them, so that no other artifact need show what an environment makes.
    """

    def __init__(self, case: Case, opened: Callable[[SideName], Model | None], *, can_command: bool, installed: bool = False) -> None:
        self.case, self.opened, self.can_command, self.installed = case, opened, can_command, installed

    def template(self, case: Case, side: SideName) -> Template | None:
        """The artifact whose recipe a side of `case` follows, and what to set on it; None where only a command can do it.

        The side's own artifact where its configuration is unchanged, the other side's where configuration, code or environment
        became the other's, else the side's own with the changed keys set as parameters.

        Raises
        ------
        ModelError
            A key changed of which no parameter is known, and there is no command.
        """
        held, was = case.side(side) or Side(), self.case.side(side) or Side()
        other: SideName = "current" if side == "reference" else "reference"
        theirs = self.case.side(other) or Side()
        if self._moved(held, was, theirs):
            opened = self.opened(other)
            if opened is not None:
                changes = changed_keys(theirs.config, held.config)
                return opened, {k: v for k, v in self._parameters(opened, changes).items() if v is not ABSENT}
        own = self.opened(side)
        if own is not None and held.config and was.config is None:
            # A side without a configuration file is set by its artifact's own parameters, under their full names.
            named = own.describe().parameters
            return own, {key: value for key, value in held.config.items() if key in named}
        order = (other, side) if self._takes(other, held) and not self._takes(other, was) else (side, other)
        for name in [n for n in order if self._takes(n, held)] or order:
            opened, of = self.opened(name), self.case.side(name)
            if opened is None or of is None:
                continue
            changes = changed_keys(of.config, held.config)
            found = {k: v for k, v in self._parameters(opened, changes).items() if v is not ABSENT}
            if not changes or (name == order[0] == other and len(found) == len(changes)):
                return opened, found
        if own is not None:
            return self._own(own, side, changed_keys(was.config, held.config))
        opened = self.opened(other)
        if opened is None or held.config is None or theirs.config is None or not self._takes(other, held):
            return None
        return self._own(opened, other, changed_keys(theirs.config, held.config))

    def seed(self, case: Case, side: SideName) -> int | None:
        """The seed that a counterfactual's configuration sets, where it is another than the side had."""
        held, was = (case.side(side) or Side()).config or {}, (self.case.side(side) or Side()).config or {}
        for key, value in held.items():
            if str(key).lower() in SEEDS and isinstance(value, int) and value != was.get(key):
                return int(value)
        return None

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """Which configuration key is which estimator parameter, found by value: `{"learning_rate": "model__learning_rate_init"}`."""
        sides: tuple[SideName, SideName] = ("reference", "current")
        described: dict[str, Mapping[str, Any]] = {s: m.describe().parameters for s in sides if (m := self.opened(s)) is not None}
        configs: dict[str, Mapping[str, Any] | None] = {s: (self.case.side(s) or Side()).config for s in sides}
        return match_parameters(configs, described) if None not in configs.values() else {}

    def _takes(self, name: SideName, held: Side) -> bool:
        """Whether a side's artifact can be fitted on the rows of `held`: they have its columns, of the kinds it was fitted on.

        A pipeline made for columns that held nothing may leave them out, so it does not take rows in which they hold something.
        """
        opened, fitted_on = self.opened(name), (self.case.side(name) or Side()).train
        features = opened.describe().features if opened is not None else None
        if features is None or held.train is None:
            return opened is not None
        if not set(features) <= set(held.train.columns):
            return False
        if fitted_on is None:
            return True
        known = [c for c in features if c in fitted_on]
        return all(fitted_on.kind(c) == held.train.kind(c) and not (_empty(fitted_on, c) and not _empty(held.train, c)) for c in known)

    def _moved(self, held: Side, was: Side, theirs: Side) -> bool:
        """Whether a counterfactual gives a side the other's code or environment: what those made shows in the other's artifact alone."""
        return any(
            getattr(held, name) is not None and getattr(held, name) != getattr(was, name) and getattr(held, name) == getattr(theirs, name)
            for name in (("code",) if self.installed else ("code", "environment"))
        )

    def _parameters(self, template: Model, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The changed keys that are known as parameters of a template, by key or by a parameter's own full name."""
        named = template.describe().parameters
        known = {key: self.keys.get(key, key if key in named else None) for key in changes}
        return {parameter: changes[key] for key, parameter in known.items() if parameter is not None}

    def _own(self, own: Model, side: SideName, changes: Mapping[str, Any]) -> Template | None:
        found = self._parameters(own, changes)
        other = self.opened("current" if side == "reference" else "reference")
        if ABSENT in found.values():
            # A key that is gone means the default, which the other side's artifact shows, or its class.
            theirs = other.describe().parameters if other is not None else {}
            found = {name: theirs.get(name, DEFAULT) if value is ABSENT else value for name, value in found.items()}
        if len(found) == len(changes):
            return own, found
        if self.can_command:
            return None
        if other is None and found:
            return own, found
        named = own.describe().parameters
        unknown = ", ".join(sorted(k for k in changes if k not in self.keys and k not in named))
        raise ModelError(
            f"{side}.config: which estimator parameter stands behind {unknown} cannot be told, and there is no [run] train command."
        )


def _empty(table: Table, column: str) -> bool:
    return table.n_rows > 0 and table.arrow.column(column).null_count == table.n_rows
