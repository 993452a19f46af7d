"""What those who report a case say of its score: that it fails elsewhere, that it rose at once, how high it is where it is true."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ruleout.case.case import Case
from ruleout.case.words import FAILS, ROSE, WONDERS

__all__ = ["Doubt", "doubt"]

NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)(?:\s?(%|percent)|(?= points?\b)( )|(?![\w.]*\d))")
LEVELS_APART = 0.03
"""Two numbers of a symptom that are closer than this are the same score."""


@dataclass(frozen=True)
class Doubt:
    """What a symptom says.

    Parameters
    ----------
    fails
        The score does not hold where the model is used.
    rose
        It became good at once.
    wonders
        Somebody asks whether it is honest.
    level
        The score where it is true, or as it was before it rose, in the metric's own unit; None where nobody says.
    """

    fails: bool
    rose: bool
    wonders: bool
    level: float | None

    @property
    def claims(self) -> bool:
        """Whether somebody knows that something is wrong, rather than asks."""
        return self.fails or self.rose


def doubt(case: Case, value: float | None = None) -> Doubt:
    """Read the case's title and symptom.

    Parameters
    ----------
    value
        The score at hand, in [0, 1], to tell the numbers of the symptom apart; without one no level is read.
    """
    said = f"{case.symptom} {case.title}"
    fails, rose = bool(FAILS.search(said)), bool(ROSE.search(case.symptom))
    level = _level(case.symptom, value) if value is not None and 0.0 < value <= 1.0 and (fails or rose) else None
    return Doubt(fails, rose, bool(WONDERS.search(said)), level)


def _level(said: str, value: float) -> float | None:
    """The one number that is another score than the one at hand: `0.97 offline, 0.85 in use`; a fall `by 20 points` counts too."""
    lower: list[float] = []
    for found in NUMBER.finditer(said):
        number = float(found[1])
        if found[2]:
            number /= 100
        elif found[3] is not None:
            number = value - number / 100
        elif number > 1 or "." not in found[1]:
            continue
        if 0.0 < number < value - LEVELS_APART and not any(abs(number - other) < LEVELS_APART for other in lower):
            lower.append(number)
    # Of two ("from 0.35 to above 0.9") the lower one is the other score; of more nobody knows which.
    return min(lower) if 1 <= len(lower) <= 2 else None
