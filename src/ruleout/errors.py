"""Every error that a user can mend: its wording and its exit code.

An error says where (file, field), what was given, what was expected and what to do, in one sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BudgetSpent",
    "CaseError",
    "CommandError",
    "EngineError",
    "FieldError",
    "InstallError",
    "MissingExtra",
    "ModelBroken",
    "ModelError",
    "RowsNeeded",
    "RuleoutError",
    "TableError",
    "TrustRequired",
    "UnknownCause",
    "nearest",
]


class RuleoutError(Exception):
    """Anything that a user can mend. The command line prints it as one sentence and exits with 2."""

    exit_code = 2


class CaseError(RuleoutError):
    """The case as a whole cannot be read: no such file, no evidence, not a TOML file."""


class FieldError(CaseError):
    """One field of the case holds what it cannot hold."""


class TableError(RuleoutError):
    """A table cannot be read, or lacks a column that is asked of it."""


class RowsNeeded(TableError):
    """What is asked needs the rows of a table of which the stored profile alone was given."""


class EngineError(TableError):
    """The cluster that reads a table cannot be reached, or its answer lacks a part of the rows."""


class ModelError(RuleoutError):
    """An artifact cannot be loaded, or does not answer as a model must."""


class ModelBroken(ModelError):
    """An artifact ends its process, hangs, or answers what fits no row: it is not asked a second time."""


class TrustRequired(RuleoutError):
    """Something in the case would run code, and the user has not said that it may."""


class CommandError(RuleoutError):
    """A `[run]` command failed, timed out or left no result."""


class InstallError(RuleoutError):
    """A recorded environment cannot be installed, so what it would do is not known."""


class MissingExtra(RuleoutError):
    """A file needs a library that is not installed."""


class UnknownCause(RuleoutError):
    """A cause id that is not in the handbook."""


class BudgetSpent(RuleoutError):
    """The time or the runs that the user granted are used up."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ` Did you mean "…"?` for the closest of `names`, or nothing where none is close."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f' Did you mean "{found[0]}"?' if found else ""
