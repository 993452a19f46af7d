"""The handbook on a terminal: one page at length, or the whole vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from ruleout.causes.page import Cause
from ruleout.report.ink import Hanging, colour, paragraph
from ruleout.report.outline import BUCKETS
from ruleout.report.wording import plural, unquoted

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["Page", "Vocabulary"]

_ITEM = re.compile(r"^(\s*)([-*]|\d+\.|\.\. \[\d+\])\s+")


@dataclass
class Page:
    """A page of the handbook: its claim, then its sections, flowed to the width there is."""

    cause: Cause

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the page."""
        yield Text(self.cause.id(), style=f"bold {colour(self.cause.bucket())}")
        yield paragraph(unquoted(self.cause.claim()), 0, "bold")
        for heading, body in self.cause.sections().items():
            yield Text("")
            yield Text(heading, style="underline" if console.is_terminal else "")
            yield from _flow(body)


@dataclass
class Vocabulary:
    """Every cause with its claim, bucket by bucket."""

    causes: Sequence[Cause]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the list."""
        for bucket in BUCKETS:
            held = [cause for cause in self.causes if cause.bucket() == bucket]
            yield Text.assemble((bucket, f"bold {colour(bucket)}"), (f"  {plural(len(held), 'cause')}", colour("muted")))
            for cause in held:
                yield Hanging(
                    cause.id(), Text(unquoted(cause.claim())), indent=2, width=max([26, *(len(c.id()) + 2 for c in self.causes)]), style=""
                )
            yield Text("")


def _flow(body: str) -> Iterator[Hanging | Text]:
    """Join the lines of a paragraph; items hang; what is set in from the margin or is code stays as it was written."""
    for number, block in enumerate(re.split(r"\n\s*\n", body)):
        lines = block.splitlines()
        if number:
            yield Text("")
        if _ITEM.match(lines[0]):
            yield from _items(lines)
        elif all(line.startswith((" ", ">>>", "...", "|", "\t")) for line in lines) or lines[0].startswith(">>>"):
            for line in lines:
                yield paragraph(line, 4)
        else:
            yield paragraph(unquoted(" ".join(line.strip() for line in lines)), 2)


def _items(lines: list[str]) -> Iterator[Hanging]:
    items: list[tuple[str, list[str]]] = []
    for line in lines:
        match = _ITEM.match(line)
        if match:
            items.append((match[2], [line[match.end() :].strip()]))
        else:
            items[-1][1].append(line.strip())
    for mark, words in items:
        sign = "-" if mark in "-*" else mark.removeprefix(".. ")
        yield Hanging(sign, Text(unquoted(" ".join(words))), indent=2, width=len(sign) + 1)
