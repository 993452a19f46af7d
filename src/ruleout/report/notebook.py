"""The report as a small fragment of HTML, for a notebook: no script, nothing loaded, legible on dark and on light ground."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape as escaped

from ruleout.conclusion.conclusion import Conclusion
from ruleout.report.outline import Entry, outline
from ruleout.report.wording import clean, percent, plural, seconds, unquoted

__all__ = ["notebook"]

_TONES = {"good": "#008700", "bad": "#d70000", "open": "#af5f00"}
_MUTED = "color:#767676"
_LABEL = f"{_MUTED};text-align:left;vertical-align:top;padding:1px 14px 1px 0;white-space:nowrap;font-weight:normal;min-width:6em"
_CELL = "text-align:left;vertical-align:top;padding:1px 0;overflow-wrap:anywhere"


def notebook(conclusion: Conclusion) -> str:
    """Write a conclusion as an HTML fragment; every text is escaped, colours are those of the ground it stands on."""
    report = outline(conclusion)
    tone = _TONES[report.tone]
    headline = escape(f"{report.headline}: {report.subject}" if report.subject else report.headline)
    parts = [
        '<div class="ruleout" style="max-width:56em;line-height:1.45">',
        f'<div style="{_MUTED}">{escape(report.title)}</div>',
        f'<div style="font-size:1.2em;font-weight:bold;color:{tone}">{headline}</div>',
        f'<p style="margin:.4em 0">{escape(report.summary)}</p>',
    ]
    if report.figures:
        parts.append(f'<div style="font-variant-numeric:tabular-nums">{escape(report.figures)}</div>')
    for chapter in report.chapters:
        parts.append(f'<div style="font-weight:bold;margin-top:.8em">{escape(chapter.heading)}</div>')
        parts.append(_table(chapter.entries))
    if report.entries:
        parts.append(f'<div style="margin-top:.8em">{_table(report.entries)}</div>')
    parts.extend(_steps(conclusion))
    parts.append(f'<div style="{_MUTED};margin-top:.6em">{escape(report.footer)}</div></div>')
    return "".join(parts)


def _table(entries: tuple[Entry, ...]) -> str:
    rows = []
    for entry in entries:
        said = "<br>".join(escape(line) for line in entry.lines)
        weight = ";font-weight:600" if entry.stressed and len(entry.lines) == 1 else ""
        rows.append(
            f'<tr style="background:none"><th style="{_LABEL}">{escape(entry.label)}</th><td style="{_CELL}{weight}">{said}</td></tr>'
        )
    return f'<table style="border-collapse:collapse;border:none;margin:0;font:inherit;color:inherit">{"".join(rows)}</table>'


def _steps(conclusion: Conclusion) -> Iterator[str]:
    steps = conclusion.examination.steps
    if not steps:
        return
    yield f'<details style="margin-top:.6em"><summary>{plural(len(steps), "step")}</summary><ol style="margin:.3em 0">'
    for step in steps:
        after = step.probabilities.get(step.cause)
        belief = f", {percent(after)}" if after is not None else ""
        said = " ".join(escape(clean(part)) for part in (step.intent, step.action, step.finding, step.reflection) if part)
        yield f'<li value="{step.number}"><b>{escape(clean(step.cause))}</b> '
        yield f'<span style="{_MUTED}">{step.kind}, {seconds(step.seconds)}{belief}</span><br>{said}</li>'
    yield "</ol></details>"


def escape(text: str) -> str:
    """Return text that HTML leaves as it is."""
    return escaped(unquoted(text))
