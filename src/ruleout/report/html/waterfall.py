"""The metric from the reference to the current side, cause by cause, with what is left unexplained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from ruleout.conclusion.conclusion import CauseFound, Conclusion
from ruleout.report.wording import clean, number, percent, signed, span

__all__ = ["Row", "waterfall"]

WIDE, HIGH = 1000, 26
MARGIN = 0.07
SMALL = 0.01
"""A rest below this part of the change is noise (as in the closing summary)."""


@dataclass(frozen=True)
class Row:
    """One line of the waterfall: `level` is where the metric stands, `fall`, `gain` or `rest` what it moves by."""

    label: str
    kind: str
    value: str
    note: str
    svg: Markup
    share: float | None = None


@dataclass(frozen=True)
class _Step:
    label: str
    kind: str
    start: float
    end: float
    interval: tuple[float, float] | None = None
    share: float | None = None
    note: str = ""


def waterfall(conclusion: Conclusion) -> list[Row]:
    """The rows, the reference first and the current side last; () where the metric of one side or every share is unknown.

    Where a score is too good, it starts at the score that was reported and ends at the honest one.
    """
    steps = list(_steps(conclusion))
    if not steps:
        return []
    ends = [value for step in steps for value in (step.start, step.end, *(step.interval or ()))]
    low, high = min(ends), max(ends)
    room = MARGIN * (high - low) or abs(high) * MARGIN or 0.5
    low, high = low - room, high + room
    return [_row(step, low, high) for step in steps]


def _steps(conclusion: Conclusion) -> Iterator[_Step]:
    problem = conclusion.examination.problem
    first, last = "reference", "current"
    start, end = problem.reference, problem.current
    if problem.kind == "too-good":
        honest = [c.restored for c in conclusion.examination.confirmed if c.restored is not None]
        if problem.current is None or not honest:
            return
        first, last = "as it was reported", "honest"
        start, end = problem.current, min(honest) if problem.laboratory.scorer.sign > 0 else max(honest)
    if start is None or end is None:
        return
    yield _Step(first, "level", start, start)
    at, change = start, end - start
    known = [cause for cause in conclusion.causes if cause.share is not None]
    for cause in known if change else []:
        to = at + (cause.share or 0.0) * change
        yield _Step(
            _named(cause),
            "fall" if (to - at) * change >= 0 else "gain",
            at,
            to,
            None if cause.interval is None else (at + cause.interval[0] * change, at + cause.interval[1] * change),
            cause.share,
            span(cause.interval),
        )
        at = to
    rest = (end - at) / change if change else 0.0
    if change and (abs(rest) >= SMALL or not known):
        gains = conclusion.extra.get("gains") or ()
        hidden = f"what hides part of it ({', '.join(clean(gain) for gain in gains)}), and the rest" if gains else "not explained"
        whole = "change, within noise" if problem.kind == "none" else "change"
        interval = None if known or problem.interval is None else (start + problem.interval[0], start + problem.interval[1])
        yield _Step(hidden if known else whole, "rest", at, end, interval, rest if known else None)
    yield _Step(last, "level", end, end)


def _named(cause: CauseFound) -> str:
    return f"{clean(cause.cause)}{' at ' + ', '.join(clean(place) for place in cause.where) if cause.where else ''}"


def _row(step: _Step, low: float, high: float) -> Row:
    def across(value: float) -> float:
        return (value - low) / (high - low) * WIDE

    parts = []
    if step.kind == "level":
        parts.append(Markup('<rect class="stand" x="{:.1f}" y="2" width="8" height="{}"/>').format(across(step.start) - 4, HIGH - 4))
        return Row(step.label, step.kind, number(step.start), "", _track(parts))
    left, right = sorted((across(step.start), across(step.end)))
    parts.append(
        Markup('<rect class="move {}" x="{:.1f}" y="5" width="{:.1f}" height="{}"/>').format(
            step.kind, left, max(right - left, 3), HIGH - 10
        )
    )
    if step.interval is not None:
        ends = sorted(across(value) for value in step.interval)
        parts.append(Markup('<path class="whisker" d="M{:.1f} 13H{:.1f}M{:.1f} 8V18M{:.1f} 8V18"/>').format(*ends, *ends))
    note = f"{percent(step.share)} of it" if step.share is not None else ""
    if step.note:
        note += f" ({step.note})"
    if step.kind == "rest" and step.interval is not None:
        note = "the line is its 95 % interval"
    return Row(step.label, step.kind, signed(step.end - step.start), note, _track(parts), step.share)


def _track(parts: list[Markup]) -> Markup:
    drawn = Markup("").join(parts)
    return Markup('<svg class="track" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>').format(WIDE, HIGH, drawn)
