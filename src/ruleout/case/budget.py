"""A budget: how long runs may go on, how many there may be, or both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ruleout.case.text import seconds_of
from ruleout.errors import CaseError

__all__ = ["Budget", "budget_of"]

RUNS = re.compile(r"(\d+)\s*(?:r|run|runs)")


@dataclass(frozen=True)
class Budget:
    """What an investigation may spend on training and measuring again.

    Parameters
    ----------
    seconds
        From its beginning; None without limit.
    runs
        Trainings and measurements that are made now, kept ones not counted; None without limit.
    """

    seconds: float | None = None
    runs: int | None = None

    def __str__(self) -> str:
        """The budget in words, "" where there is none."""
        said = [f"{self.seconds:g} seconds"] if self.seconds is not None else []
        said += [f"{self.runs} run{'' if self.runs == 1 else 's'}"] if self.runs is not None else []
        return " and ".join(said)


def budget_of(value: Any) -> Budget:
    """Read a budget: `10m`, `40s`, `12 runs` or `12r`, `10m, 12 runs`, or a number of seconds; None is one without limits.

    Raises
    ------
    CaseError
        It is none of these.
    """
    if value is None or isinstance(value, Budget):
        return value or Budget()
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return Budget(float(value))
    seconds: float | None = None
    runs: int | None = None
    for part in re.split(r"\s*(?:,|\band\b)\s*", value.strip().lower()) if isinstance(value, str) else [value]:
        counted = RUNS.fullmatch(part) if isinstance(part, str) else None
        length = None if counted else seconds_of(part)
        if counted and int(counted[1]) > 0 and runs is None:
            runs = int(counted[1])
        elif length is not None and seconds is None:
            seconds = length
        else:
            expected = "a time like 90s, 10m or 1h30m, a number of runs like 12 runs, or both with a comma between them"
            raise CaseError(f'budget: "{value}" is none; expected {expected}.')
    return Budget(seconds, runs)
