"""A guard: a declarative check that stays behind when a cause was found, so that the same thing does not break twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Guard", "Verdict"]


@dataclass(frozen=True)
class Guard:
    """A check on a table, a model, a metric, a configuration or an environment. Data only, no code.

    Parameters
    ----------
    cause
        Id of the cause it guards against.
    place
        As in the public contract (`train.income`).
    check
        Name of a check in `ruleout.guards.checks`.
    subject
        The side's field that is checked: `train`, `validation`, `serving`, `config`, `environment`, `metrics`, `model`.
    parameters
        The check's yardstick, JSON-able.
    message
        What is said when it is red.
    """

    cause: str
    place: str
    check: str
    subject: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True)
class Verdict:
    """A guard's answer on one side: green or red, with the number that decided and its yardstick in a sentence."""

    green: bool
    statement: str
