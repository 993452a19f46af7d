"""Everything that is drawn of an investigation, gathered after it: no model is asked again, nothing is trained and no command is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ruleout.conclusion.conclusion import Conclusion
from ruleout.errors import RuleoutError
from ruleout.exhibits.answers import Answers, answers
from ruleout.exhibits.curves import Panel, panels
from ruleout.exhibits.differences import Difference, differences
from ruleout.exhibits.distributions import Distribution, Moved, distributions, moved
from ruleout.exhibits.mixes import Mix, mixes
from ruleout.exhibits.over_time import OverTime, over_time
from ruleout.exhibits.relations import Relation, relations

__all__ = ["Exhibits", "exhibits"]

_Shown = TypeVar("_Shown")


@dataclass(frozen=True)
class Exhibits:
    """What a report draws.

    Parameters
    ----------
    distributions
        Columns on both sides: those that a cause names first, then suspects, then what else moved the farthest.
    moved
        By pair of tables, how far every column moved.
    relations
        What the target does along the columns that a cause or a suspicion names.
    over_time
        The same columns along the time column, where there is one.
    answers
        What the model answered on each side, held against the labels.
    panels
        Training curves, those that belong together in one panel.
    mixes
        The runs of a black box, by which side each factor's value was from.
    differences
        What the two sides hold that is not the same: sizes, settings, packages, reported metrics.
    left_out
        What could not be shown, and why, one sentence each.
    """

    distributions: tuple[Distribution, ...] = ()
    moved: tuple[Moved, ...] = ()
    relations: tuple[Relation, ...] = ()
    over_time: tuple[OverTime, ...] = ()
    answers: tuple[Answers, ...] = ()
    panels: tuple[Panel, ...] = ()
    mixes: tuple[Mix, ...] = ()
    differences: tuple[Difference, ...] = ()
    left_out: tuple[str, ...] = ()


def exhibits(conclusion: Conclusion) -> Exhibits:
    """Gather what a report draws beside a conclusion.

    Parameters
    ----------
    conclusion
        What an investigation said; its tables are read again where they are no longer held.

    Returns
    -------
    What there is. A table that has become unreadable leaves its drawings out, with the reason; it is never an error.
    """
    left_out: list[str] = []

    def tried(what: str, gather: Callable[[], tuple[_Shown, ...]]) -> tuple[_Shown, ...]:
        try:
            return gather()
        except (RuleoutError, OSError) as error:
            left_out.append(f"The {what} could not be drawn: {error}")
            return ()

    drawn = tried("distributions", lambda: distributions(conclusion))
    return Exhibits(
        distributions=drawn,
        moved=tried("moves of all columns", lambda: moved(conclusion)),
        relations=tried("target along the columns", lambda: relations(conclusion, drawn)),
        over_time=tried("changes over time", lambda: over_time(conclusion, drawn)),
        answers=tried("answers", lambda: answers(conclusion.examination.problem)),
        panels=tried("training curves", lambda: panels(conclusion.examination.problem.case)),
        mixes=tried("runs", lambda: mixes(conclusion.examination.problem)),
        differences=tried("differences of the sides", lambda: differences(conclusion.examination.problem)),
        left_out=tuple(left_out),
    )
