"""The report as Markdown, for a ticket or a pull request: the summary first, every step folded away under it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ruleout.conclusion.conclusion import Conclusion
from ruleout.examination.examination import Hypothesis, Step
from ruleout.report.outline import BUCKETS, Entry, outline
from ruleout.report.wording import clean, percent, plural, seconds

__all__ = ["markdown"]


def markdown(conclusion: Conclusion) -> str:
    """Write a conclusion as GitHub-flavoured Markdown; whatever comes from the user's files is escaped."""
    report = outline(conclusion)
    lines = [
        f"# {escape(report.title)}",
        "",
        f"**{report.headline}{': ' + escape(report.subject) if report.subject else ''}.** {escape(report.summary)}",
        "",
    ]
    if report.figures:
        lines += [escape(report.figures), ""]
    for at, chapter in enumerate(report.chapters, start=1):
        number = f"{at}. " if len(report.chapters) > 1 else ""
        lines += [f"## {number}`{chapter.heading.replace('`', '')}`", "", *_entries(chapter.entries), ""]
    if report.entries:
        lines += ["## What else", "", *_entries(report.entries), ""]
    if conclusion.examination.hypotheses:
        lines += ["## Hypotheses", "", *_hypotheses(conclusion.examination.hypotheses), ""]
    if conclusion.examination.steps:
        lines += [*_steps(conclusion.examination.steps), ""]
    return "\n".join([*lines, escape(report.footer), ""])


def escape(text: str) -> str:
    """Return text that Markdown and HTML leave as it is, but for the literals that it quotes itself."""
    parts = re.split(r"(`[^`|<>&]+`)", clean(text))
    return "".join(part if at % 2 else _escaped(part) for at, part in enumerate(parts))


def _escaped(text: str) -> str:
    marked = re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", text)
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _entries(entries: tuple[Entry, ...]) -> Iterator[str]:
    for entry in entries:
        if len(entry.lines) == 1:
            yield f"- **{entry.label}**: {escape(entry.lines[0])}"
        else:
            yield f"- **{entry.label}**:"
            yield from (f"  - {escape(line)}" for line in entry.lines)


def _hypotheses(hypotheses: tuple[Hypothesis, ...]) -> Iterator[str]:
    yield "| bucket | cause | before | now | status | where |"
    yield "| --- | --- | ---: | ---: | --- | --- |"
    for bucket in BUCKETS:
        for h in sorted((h for h in hypotheses if h.bucket == bucket), key=lambda h: (-h.probability, h.cause)):
            where = ", ".join(escape(place) for place in h.where)
            yield f"| {bucket} | {escape(h.cause)} | {escape(percent(h.prior))} | {escape(percent(h.probability))} | {h.status} | {where} |"


def _steps(steps: tuple[Step, ...]) -> Iterator[str]:
    yield f"<details><summary>{plural(len(steps), 'step')}</summary>"
    yield ""
    for step in steps:
        yield f"{step.number}. **{escape(step.cause)}** ({step.kind}, {seconds(step.seconds)}): {escape(step.intent)}"
        for label, said in (("Action", step.action), ("Found", step.finding), ("So", step.reflection)):
            if said:
                yield f"   - {label}: {escape(said)}"
    yield ""
    yield "</details>"
