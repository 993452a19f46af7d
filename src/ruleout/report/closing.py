"""The closing summary, as an engineer would write it: the verdict first, then each cause with its proof, then what is left."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from ruleout.conclusion.conclusion import Conclusion
from ruleout.report.ink import Hanging, ReportConsole, colour, paragraph
from ruleout.report.outline import Entry, outline
from ruleout.report.wording import unquoted

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["Closing", "text"]


@dataclass
class Closing:
    """A conclusion as a renderable for any console; `assumptions` says whether they are repeated."""

    conclusion: Conclusion
    assumptions: bool = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the summary block by block."""
        report = outline(self.conclusion, assumptions=self.assumptions)
        verdict = Text(report.headline.upper())
        if console.is_terminal:
            verdict = Text(f" {verdict} ", style=f"bold color(231) on {colour(report.tone)}")
        verdict.append(f"  {report.subject}" if report.subject else "", style="bold default on default" if console.is_terminal else "")
        yield Hanging("", verdict, width=0, hang=2)
        yield Text("")
        if report.summary:
            yield paragraph(unquoted(report.summary), 0)
            yield Text("")
        if report.figures:
            yield Hanging("Metric", Text(report.figures))
        for chapter in report.chapters:
            if len(report.chapters) > 1 or report.figures:
                yield Text("")
            number = f"{report.chapters.index(chapter) + 1}. " if len(report.chapters) > 1 else ""
            bucket = chapter.heading.partition(".")[0]
            yield Text(f"{number}{chapter.heading}", style=f"bold {colour(bucket)}")
            for entry in chapter.entries:
                yield from _entry(entry)
        if report.entries:
            yield Text("")
        for entry in report.entries:
            yield from _entry(entry)
        yield Text("")
        yield paragraph(report.footer, 0, colour("muted"))


def text(conclusion: Conclusion, *, width: int = 80) -> str:
    """Write a conclusion as plain text: no control codes, no drawn boxes, no line longer than `width`."""
    stream = io.StringIO()
    console = ReportConsole.plain(stream, width)
    title = outline(conclusion).title
    console.print(paragraph(title, 0), Text(""), Closing(conclusion))
    return stream.getvalue()


def _entry(entry: Entry) -> list[Hanging]:
    """Lay out an entry: a single statement runs on, several are set one below the other, each hanging."""
    style = "bold" if entry.stressed else ""
    hang = 2 if len(entry.lines) > 1 else 0
    return [
        Hanging(entry.label if at == 0 else "", Text(unquoted(line), style="" if at else style), hang=hang)
        for at, line in enumerate(entry.lines)
    ]
