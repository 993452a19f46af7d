"""The report's colours and shapes on a terminal, legible on dark ground, on light ground and without colour.

Every colour has a luminance near 0.18, where the contrast with black and with white is the same (about 4.5 : 1; WCAG 2.1,
2018, definition of relative luminance). What a colour says is also said by a word, a number or a shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderResult

__all__ = ["COLOURS", "MEASURE", "Hanging", "ReportConsole", "bar", "colour", "paragraph"]

COLOURS = {
    "data": "color(32)",
    "model": "color(98)",
    "pipeline": "color(130)",
    "good": "color(28)",
    "bad": "color(160)",
    "open": "color(130)",
    "muted": "color(243)",
    "plain": "",
    "strong": "bold",
}
MEASURE = 100
"""No line of running text is longer than this, however wide the terminal."""


class ReportConsole(Console):
    """A console that leaves a closed pipe to its caller instead of ending the process."""

    def on_broken_pipe(self) -> None:
        """Pass the broken pipe on, and print no more."""
        self.quiet = True
        raise BrokenPipeError

    @classmethod
    def to(cls, file: IO[str]) -> ReportConsole:
        """Make a console for a stream: styled on a terminal, plain text of at most 80 columns (or `COLUMNS`) elsewhere."""
        import os

        console = cls(file=file, highlight=False, markup=False, emoji=False, soft_wrap=False)
        if console.is_terminal:
            return console
        columns = os.environ.get("COLUMNS", "")
        width = int(columns) if columns.isdigit() and int(columns) > 20 else 80
        return cls.plain(file, width)

    @classmethod
    def plain(cls, file: IO[str], width: int = 80) -> ReportConsole:
        """Make a console that writes nothing but text."""
        return cls(
            file=file,
            width=width,
            color_system=None,
            force_terminal=False,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )


def colour(name: str) -> str:
    """Return the style of a meaning (`data`, `good`, `muted`, ...)."""
    return COLOURS.get(name, "")


def bar(part: float, width: int, style: str) -> Text:
    """Draw a part in [0, 1] as a heavy line on a light one: the shape shows it where the colour does not."""
    filled = round(min(max(part, 0.0), 1.0) * width)
    if part >= 0.005:
        filled = max(filled, 1)
    return Text.assemble(("━" * filled, style), ("─" * (width - filled), colour("muted")))


@dataclass
class Hanging:
    """A label in the margin and a text beside it, wrapped under itself and `hang` columns further in; no line ends in blanks."""

    label: str
    body: Text
    indent: int = 0
    width: int = 14
    style: str = COLOURS["muted"]
    hang: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        margin = self.indent + self.width
        room = max(min(options.max_width, MEASURE) - margin - self.hang, 10)
        for at, line in enumerate(self.body.wrap(console, room)):
            line.rstrip()
            out = Text(" " * self.indent)
            out.append(f"{self.label:<{self.width}}" if at == 0 else " " * (self.width + self.hang), style=self.style if at == 0 else "")
            out.append_text(line)
            out.rstrip()
            out.no_wrap, out.overflow = True, "ignore"
            yield out


def paragraph(text: str, indent: int, style: str = "") -> Hanging:
    """Wrap a text under a margin of blanks."""
    return Hanging("", Text(text, style=style), indent=indent, width=0)
