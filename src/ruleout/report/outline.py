"""What a report says, before it has a form: the terminal, Markdown and the notebook are cut from the same outline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ruleout.conclusion.conclusion import CauseFound, Conclusion
from ruleout.examination.examination import Confirmed, Hypothesis
from ruleout.problem.problem import Problem
from ruleout.report.wording import brief, clean, needs, number, percent, plural, seconds, signed, span

__all__ = ["Chapter", "Entry", "Outline", "metric_line", "outline"]

BUCKETS = ("data", "model", "pipeline")
SHOWN = 5
"""How many of a long list are named; the JSON holds them all."""

_STRUCTURES = {
    "redundant": "Either cause alone does the whole harm: putting one right changes little until both are.",
    "conjoint": "The harm is there only while the causes act together: putting either right is enough.",
    "masked": "Part of the harm was hidden by another change that helped.",
}


@dataclass(frozen=True)
class Entry:
    """A label and what is said under it, one string an item; the first may be stressed."""

    label: str
    lines: tuple[str, ...]
    stressed: bool = False


@dataclass(frozen=True)
class Chapter:
    """One cause: its id, and the entries about it."""

    heading: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Outline:
    """The whole report in order: `headline` is the verdict, `subject` what it is about, `tone` how it is coloured."""

    title: str
    headline: str
    subject: str
    tone: Literal["good", "bad", "open"]
    summary: str
    figures: str
    chapters: tuple[Chapter, ...]
    entries: tuple[Entry, ...]
    footer: str


def outline(conclusion: Conclusion, *, assumptions: bool = True) -> Outline:
    """Put a conclusion into the order in which it is read: verdict, causes with their proof, what was ruled out, what is left.

    Parameters
    ----------
    conclusion
        What an investigation said.
    assumptions
        Whether the assumptions are repeated; False where they have just been narrated.
    """
    examination = conclusion.examination
    problem = examination.problem
    confirmed = {(c.cause, c.findings[0].place if c.findings else ""): c for c in examination.confirmed}
    by_cause = {c.cause: c for c in examination.confirmed}
    chapters = tuple(
        Chapter(
            clean(cause.cause),
            tuple(_about(cause, confirmed.get((cause.cause, cause.where[0] if cause.where else ""), by_cause.get(cause.cause)), problem)),
        )
        for cause in conclusion.causes
    )
    return Outline(
        title=clean(problem.case.title) or "Investigation",
        headline=_headline(conclusion),
        subject=_subject(conclusion),
        tone={"no-problem": "good", "cause-found": "bad", "inconclusive": "open"}[conclusion.verdict],  # type: ignore[arg-type]
        summary=clean(conclusion.summary),
        figures=metric_line(problem),
        chapters=chapters,
        entries=tuple(_rest(conclusion, assumptions=assumptions)),
        footer=_footer(conclusion),
    )


def metric_line(problem: Problem) -> str:
    """Say the metric on both sides, the change and its interval in one line; "" where nothing could be measured."""
    name = clean(problem.metric or "metric")
    if problem.reference is None and problem.current is None:
        return ""
    if problem.reference is None or problem.current is None:
        side = "current" if problem.reference is None else "reference"
        return f"{name} {number(problem.current if problem.reference is None else problem.reference)} ({side} side only)"
    line = f"{name} {number(problem.reference)} → {number(problem.current)}, change {signed(problem.change)}"
    if problem.interval:
        line += f" (95 % {signed(problem.interval[0])} to {signed(problem.interval[1])})"
    return line


def _headline(conclusion: Conclusion) -> str:
    if conclusion.verdict == "no-problem":
        return "Nothing is wrong"
    if conclusion.verdict == "inconclusive":
        return "Inconclusive"
    if all(cause.observed for cause in conclusion.causes):
        return "Cause found, by observation alone" if len(conclusion.causes) == 1 else "Causes found, by observation alone"
    return "Cause found" if len(conclusion.causes) == 1 else f"{len(conclusion.causes)} causes found"


def _subject(conclusion: Conclusion) -> str:
    """The causes and their places; where none was found, the likeliest hypotheses."""
    if conclusion.causes:
        return ", ".join(f"{clean(c.cause)}{_at(c.where)}" for c in conclusion.causes)
    if conclusion.verdict == "no-problem":
        return ""
    likeliest = sorted((h for h in conclusion.examination.hypotheses if h.status == "open"), key=lambda h: (-h.probability, h.cause))[:2]
    return "likeliest " + ", then ".join(f"{clean(h.cause)} {percent(h.probability)}" for h in likeliest) if likeliest else ""


def _about(cause: CauseFound, confirmed: Confirmed | None, problem: Problem) -> Iterator[Entry]:
    yield Entry("Cause", (clean(cause.summary) or clean(cause.cause),))
    if cause.where:
        yield Entry("Place", (", ".join(clean(place) for place in cause.where),), stressed=True)
    if cause.share is not None:
        within = f" (95 % interval {span(cause.interval)})" if span(cause.interval) else ""
        yield Entry("Share", (f"{percent(cause.share)} of the change goes away with this put right{within}.",))
    else:
        yield Entry("Share", ("Not measured.",))
    restored = confirmed.restored if confirmed else None
    name = clean(problem.metric or "metric")
    if cause.observed:
        yield Entry("Proof", ("None yet: nothing could be re-run, so this rests on observation alone.",))
    elif confirmed and confirmed.findings and confirmed.findings[0].side == "reference" and cause.share is not None:
        # The repair moves the reference: its metric, not the current one, is what was never true.
        honest = f" it is {number(confirmed.beside)}, and" if confirmed.beside is not None else ""
        gone = f"put right there,{honest} {percent(cause.share)} of the change to {number(problem.current)} is gone"
        yield Entry("Proof", (f"{name} {number(problem.reference)} was measured with this fault in the reference; {gone}.",), stressed=True)
    elif confirmed and confirmed.beside is not None:
        there = f"{name} {number(problem.reference)} → {number(problem.current)}"
        yield Entry("Proof", (f"{there}; the reference falls to {number(confirmed.beside)} with the same done to it.",), stressed=True)
    elif restored is not None:
        path = " → ".join(number(value) for value in (problem.reference, problem.current) if value is not None)
        yield Entry("Proof", (f"{name} {path}, and {number(restored)} with this one thing put right.",), stressed=True)
    yield Entry("Probability", (percent(cause.probability),))
    if cause.fix:
        yield Entry("Fix", (clean(cause.fix),))
    if cause.prevention:
        yield Entry("Prevent", (clean(cause.prevention),))


def _rest(conclusion: Conclusion, *, assumptions: bool) -> Iterator[Entry]:
    examination = conclusion.examination
    hypotheses = {h.cause: h for h in examination.hypotheses}
    if examination.structure in _STRUCTURES:
        yield Entry("Together", (_STRUCTURES[examination.structure],))
    if examination.unexplained is not None and conclusion.verdict == "cause-found":
        left = examination.unexplained
        within = (
            "Nothing beyond noise."
            if abs(left) < 0.01
            else f"{percent(left)} of the change is not explained by {'this cause' if len(conclusion.causes) == 1 else 'these causes'}."
        )
        yield Entry("Remains", (within,))
    if conclusion.verdict != "no-problem":
        suspects = [h for h in hypotheses.values() if h.status == "open" and h.probability >= 0.05]
        suspects.sort(key=lambda h: (-h.probability, h.cause))
        if suspects:
            yield Entry("Still open", tuple(_open(h) for h in suspects[:SHOWN]) + _more(suspects))
    if conclusion.next:
        tests = tuple(f"{clean(n.cause)}: {brief(clean(n.test))}{needs(n.needs)}" for n in conclusion.next[:SHOWN])
        yield Entry(
            "Next test" if len(conclusion.next) == 1 else "Next tests",
            tests + _more(conclusion.next),
            stressed=conclusion.verdict == "inconclusive",
        )
    if conclusion.ruled_out:
        yield Entry("Ruled out", tuple(_ruled_out(conclusion.ruled_out, hypotheses)))
    untestable = [h for h in hypotheses.values() if h.status == "untestable"]
    if untestable:
        yield Entry("Not tested", tuple(_not_tested(untestable)))
    if conclusion.missing:
        lacks = tuple(f"{clean(m.get('evidence', ''))}: {clean(m.get('why', ''))}" for m in conclusion.missing[:SHOWN])
        yield Entry("Missing", lacks + _more(conclusion.missing))
    if assumptions and conclusion.assumptions:
        yield Entry("Assumed", tuple(clean(a) for a in conclusion.assumptions))
    if conclusion.guard_files:
        yield Entry("Guards", tuple(clean(file) for file in conclusion.guard_files))
    elif conclusion.guards:
        yield Entry("Guards", tuple(clean(guard.message) or f"{clean(guard.check)} on {clean(guard.place)}" for guard in conclusion.guards))


def _at(places: Sequence[str]) -> str:
    return f" at {', '.join(clean(place) for place in places)}" if places else ""


def _open(hypothesis: Hypothesis) -> str:
    reason = f": {clean(hypothesis.reason)}" if hypothesis.reason else ""
    return f"{clean(hypothesis.cause)} {percent(hypothesis.probability)}{_at(hypothesis.where)}{reason}"


def _more(items: Sequence[object]) -> tuple[str, ...]:
    return (f"and {len(items) - SHOWN} more, in the JSON",) if len(items) > SHOWN else ()


def _ruled_out(causes: Sequence[str], hypotheses: Mapping[str, Hypothesis]) -> Iterator[str]:
    powers = {cause: hypotheses[cause].power for cause in causes if cause in hypotheses}
    weakest = f", each by a look with power {min(powers.values()):.2f} or more" if powers and min(powers.values()) > 0 else ""
    yield f"{plural(len(causes), 'cause')}{weakest}."
    for bucket in BUCKETS:
        names = [clean(cause).partition(".")[2] + _power(powers.get(cause)) for cause in sorted(causes) if cause.startswith(f"{bucket}.")]
        if names:
            yield f"{bucket}: {', '.join(names)}"


def _power(power: float | None) -> str:
    return f" ({power:.2f})" if power and power < 0.95 else ""


def _not_tested(untestable: Sequence[Hypothesis]) -> Iterator[str]:
    """One line a reason, the causes that share it together."""
    reasons: dict[str, list[str]] = {}
    for hypothesis in untestable:
        reasons.setdefault(clean(hypothesis.reason).removeprefix("Not tested: ").rstrip("."), []).append(clean(hypothesis.cause))
    for reason, causes in list(reasons.items())[:SHOWN]:
        yield f"{', '.join(sorted(causes))}{f' ({reason})' if reason else ''}"
    yield from _more(list(reasons))


def _footer(conclusion: Conclusion) -> str:
    steps = conclusion.examination.steps
    n_interventions = sum(step.kind == "intervention" for step in steps)
    walked = f"{plural(len(steps), 'step')}, {plural(n_interventions, 'intervention')}, " if steps else ""
    kept = conclusion.cost.get("trainings_kept")
    made = f", {plural(conclusion.cost['trainings'], 'training')} and {kept:,} kept from before" if kept else ""
    said = f"{walked}{seconds(conclusion.seconds)}{made}."
    stopped = clean(conclusion.examination.stopped)
    return f"{said} {stopped[0].upper() + stopped[1:]}{'' if stopped.endswith('.') else '.'}" if stopped else said
