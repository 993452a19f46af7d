"""The conclusion: what it was, how much of the change it explains, what was ruled out, what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ruleout.examination.examination import Examination
from ruleout.guards.guard import Guard

__all__ = ["CauseFound", "Conclusion", "Next"]


@dataclass(frozen=True)
class CauseFound:
    """One cause as the conclusion names it."""

    cause: str
    where: tuple[str, ...]
    share: float | None
    interval: tuple[float, float] | None
    probability: float
    summary: str
    fix: str
    prevention: str
    observed: bool = False
    rows: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """One of the `causes` of the public JSON."""
        return {
            "cause": self.cause,
            "where": list(self.where),
            "share": self.share,
            "interval": list(self.interval) if self.interval else None,
            "probability": self.probability,
            "summary": self.summary,
            "fix": self.fix,
            "prevention": self.prevention,
            "observed": self.observed,
            **({"rows": dict(self.rows)} if self.rows is not None else {}),
        }


@dataclass(frozen=True)
class Next:
    """A hypothesis that is left, the test that would decide it, and what the test needs."""

    cause: str
    test: str
    needs: str

    def to_dict(self) -> dict[str, Any]:
        """One of the `next` of the public JSON."""
        return {"cause": self.cause, "test": self.test, "needs": self.needs}


@dataclass(frozen=True)
class Conclusion:
    """What an investigation says. `to_dict()` is the public JSON of `docs/case.md`; `exit_code` the command's.

    Parameters
    ----------
    verdict
        `cause-found`, `no-problem` or `inconclusive`.
    causes
        The main cause first.
    ruled_out
        Causes that a test with power excluded, or an identity.
    next
        What is left to test, the likeliest first.
    summary
        The conclusion as an engineer would write it: a few plain sentences.
    assumptions, missing
        What was taken as given; evidence that would have helped: `{"evidence", "why"}`.
    guards
        One per confirmed cause, proved red on the broken side and green on the healthy one.
    guard_files
        Where they were written, relative to the case; empty until they are.
    cost
        What was trained and run for it, how much of that was kept from before, and what was planned: `docs/case.md`.
    extra
        What the conclusion on a black box says besides: `structure`, `gains`, `runs`.
    command
        The line that was typed for it, so that a report can say it; "" where it was asked for in Python.
    """

    examination: Examination
    verdict: Literal["cause-found", "no-problem", "inconclusive"]
    causes: tuple[CauseFound, ...]
    ruled_out: tuple[str, ...]
    next: tuple[Next, ...]
    summary: str
    assumptions: tuple[str, ...] = ()
    missing: tuple[Mapping[str, str], ...] = ()
    guards: tuple[Guard, ...] = ()
    guard_files: tuple[str, ...] = ()
    seconds: float = 0.0
    cost: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""

    @property
    def exit_code(self) -> int:
        """0 nothing is wrong, 1 a cause was found, 3 inconclusive."""
        return {"no-problem": 0, "cause-found": 1, "inconclusive": 3}[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """The public JSON, schema 1."""
        return {
            "schema": 1,
            "problem": self.examination.problem.to_dict(),
            "assumptions": list(self.assumptions),
            "missing": [dict(m) for m in self.missing],
            "hypotheses": [h.to_dict() for h in self.examination.hypotheses],
            "steps": [s.to_dict() for s in self.examination.steps],
            "conclusion": {
                "verdict": self.verdict,
                "causes": [c.to_dict() for c in self.causes],
                "ruled_out": list(self.ruled_out),
                "next": [n.to_dict() for n in self.next],
                "summary": self.summary,
                **self.extra,
            },
            "guards": list(self.guard_files),
            **({"cost": dict(self.cost)} if self.cost else {}),
        }

    def to_html(self, path: str | Path) -> None:
        """Write the report as one HTML page that loads nothing: the conclusion, what it rests on drawn, every step.

        Parameters
        ----------
        path
            The file; written whole or not at all.

        Raises
        ------
        OSError
            It cannot be written.
        """
        from ruleout.report import render
        from ruleout.report.json import write_text

        write_text(Path(path), render(self, "html"))

    def _repr_html_(self) -> str:
        from ruleout.report import render

        return render(self, "notebook")
