"""The one moving line of a terminal: what takes long, how far it is, and for how long it has been going."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ruleout.report.ink import MEASURE, colour
from ruleout.report.wording import seconds, shortened

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["Waiting"]

SHOWN_AFTER = 1.0
"""Seconds before anything is shown: what is quicker needs no telling."""


class Waiting:
    """Shows nothing for the first second, then a spinner, the intent, a bar where the total is known, and the time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: float | None = None
        self._what = ""
        self._done: float | None = None
        self._total: float | None = None
        self._spinner = Spinner("dots", style=colour("data"))

    def begin(self, what: str) -> None:
        """Start waiting for something."""
        self._since, self._what, self._done, self._total = self._clock(), what, None, None

    def advance(self, done: float | None, total: float | None, what: str = "") -> None:
        """Say how far it is."""
        if self._since is None:
            self._since = self._clock()
        self._done, self._total, self._what = done, total, what or self._what

    def end(self) -> None:
        """It is done."""
        self._since = None

    def statement(self) -> str:
        """Say it in words, for where nothing can move."""
        so_far = f", {self._done:g} of {self._total:g}" if self._done is not None and self._total else ""
        taken = f" ({seconds(self._clock() - self._since)} so far)" if self._since is not None else ""
        return f"{self._what.rstrip('.')}{so_far}{taken}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield one line, or none."""
        if self._since is None or self._clock() - self._since < SHOWN_AFTER:
            return
        width = min(options.max_width, MEASURE)
        taken = seconds(self._clock() - self._since)
        row: list[object] = [self._spinner]
        bar_width = 0
        if self._done is not None and self._total:
            bar_width = 20
        words = shortened(self._what, max(width - bar_width - 20, 10))
        row.append(Text(words, no_wrap=True))
        if bar_width:
            row.append(
                ProgressBar(
                    total=self._total,
                    completed=self._done or 0,
                    width=bar_width,
                    complete_style=colour("data"),
                    finished_style=colour("good"),
                )
            )
            row.append(Text(f"{self._done:g}/{self._total:g}"))
        row.append(Text(taken, style=colour("muted")))
        grid = Table.grid(padding=(0, 1), expand=False)
        grid.add_row(*row)  # type: ignore[arg-type]
        yield grid
