"""The plan: how many runs are still to be made for what, and how long they will take, said before anything long begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["LONG_SECONDS", "Plan"]

LONG_SECONDS = 60.0
"""What is estimated to take longer is said beforehand; what is quicker needs no telling."""


@dataclass(frozen=True)
class Plan:
    """Runs that are about to be made.

    Parameters
    ----------
    purpose
        What they are for, as the end of "to …".
    runs
        About how many.
    seconds_each
        What one is estimated to take.
    kind
        What a run is, in the singular: "training", "run".
    told_by
        What the estimate rests on, in words.
    """

    purpose: str
    runs: int
    seconds_each: float
    kind: str = "training"
    told_by: str = ""

    @property
    def seconds(self) -> float:
        """What all of it is estimated to take."""
        return self.runs * self.seconds_each

    @property
    def long(self) -> bool:
        """Whether it is worth telling."""
        return self.seconds > LONG_SECONDS

    @property
    def statement(self) -> str:
        """The plan in a sentence."""
        counted = f"about {self.runs} {self.kind}s" if self.runs != 1 else f"one {self.kind}"
        each = "" if self.runs == 1 else f" of {spoken(self.seconds_each)}"
        by = f" ({self.told_by})" if self.told_by else ""
        return f"{counted}{each}, {spoken(self.seconds)} in all, to {self.purpose}{by}."

    def to_dict(self) -> dict[str, Any]:
        """One of the `plans` of the public JSON."""
        return {"purpose": self.purpose, "runs": self.runs, "seconds_each": round(self.seconds_each, 3), "seconds": round(self.seconds, 1)}


def spoken(seconds: float) -> str:
    """A length of time as one says it: `0.4 s`, `25 s`, `12 min`, `3.5 h`."""
    if seconds < 1:
        return f"{seconds:.1g} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
