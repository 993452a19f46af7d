"""The narration: an investigation told live, step by step, as the examination's events arrive."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.text import Text

from ruleout.case.case import Case, Side
from ruleout.conclusion.conclusion import Conclusion
from ruleout.errors import RuleoutError
from ruleout.examination.examination import Event, Hypothesis, Step
from ruleout.problem.problem import Problem
from ruleout.report.closing import Closing
from ruleout.report.ink import MEASURE, Hanging, bar, colour, paragraph
from ruleout.report.outline import BUCKETS, metric_line
from ruleout.report.waiting import Waiting
from ruleout.report.wording import clean, percent, plural, seconds, shortened, unquoted

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Narrator"]

HEARTBEAT_SECONDS = 15.0
"""Off a terminal nothing moves, so after this long a silence one line says what is going on."""
FOUND_FROM = 0.2
"""A check whose earlier belief is not known is told at length from this probability on."""


class Narrator:
    """Tells an investigation on a console: pass it as the listener, and use it as a context so that the screen is left clean.

    Parameters
    ----------
    console
        Where to print: styled on a terminal, plain lines elsewhere.
    quiet
        Print the conclusion alone.
    clock
        Seconds, for waits.
    """

    def __init__(self, console: Console, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self.quiet = quiet
        self.concluded = False
        self._clock = clock
        self._assumed: list[str] = []
        self._stated = False
        self._testing = False
        self._beliefs: dict[str, float] = {}
        self._buckets: dict[str, float] = {}
        self._shown: dict[str, float] = {}
        self._spoke = clock()
        self._last_was_brief = False
        self._waiting = Waiting(clock)
        self._live = (
            Live(self._waiting, console=console, transient=True, refresh_per_second=8) if console.is_terminal and not quiet else None
        )

    def __enter__(self) -> Narrator:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._rest()

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        payload = event.payload
        if event.kind == "conclusion":
            self.conclude(payload)
        elif self.quiet:
            return
        elif event.kind == "problem":
            self._problem(payload)
        elif event.kind == "assumption":
            self._assumption(clean(payload))
        elif event.kind == "hypotheses":
            self._hypotheses(payload)
        elif event.kind == "intent":
            self._waiting.begin(clean(payload.get("intent") or payload.get("action") or payload.get("cause", "")))
        elif event.kind == "plan":
            self._plan(clean(payload.statement))
        elif event.kind == "progress":
            self._progress(payload)
        elif event.kind == "step":
            self._step(payload)

    def conclude(self, conclusion: Conclusion) -> None:
        """Print the closing summary, once."""
        if self.concluded:
            return
        self.concluded = True
        self._rest()
        if not self.quiet:
            self._beliefs_line()
            self._heading("Conclude")
        self.console.print(Closing(conclusion, assumptions=self.quiet))

    # The parts of the walk, in their order ----------------------------------------------------------------------------

    def _problem(self, problem: Problem) -> None:
        case = problem.case
        self._waiting.end()
        self._say(Text(clean(case.title) or "Investigation", style="bold"))
        self._heading("Clarify")
        for name, side in (("reference", case.reference), ("current", case.current)):
            self._say(Hanging(name, Text(_inventory(side) if side else "not given"), indent=2))
        self._say(Hanging("asked", Text(_question(case)), indent=2))
        assumed = list(dict.fromkeys([*(clean(a) for a in case.assumptions), *self._assumed]))
        for at, assumption in enumerate(assumed):
            self._say(Hanging("assumed" if at == 0 else "", Text(assumption), indent=2))
        self._assumed = assumed
        self._heading("Restate")
        figures = metric_line(problem)
        if figures:
            self._say(paragraph(figures, 2, "bold"))
        self._say(paragraph(unquoted(clean(problem.statement)), 2))
        self._stated = True

    def _plan(self, plan: str) -> None:
        self._say(Hanging("plan", Text(plan), indent=2))
        if not self._stated:
            self._say(Text(""))
        self._waiting.begin("training again")

    def _assumption(self, assumption: str) -> None:
        if assumption in self._assumed:
            return
        self._assumed.append(assumption)
        if self._stated:
            self._say(Hanging("assumed", Text(assumption), indent=2))

    def _hypotheses(self, hypotheses: Sequence[Hypothesis]) -> None:
        self._heading("Hypothesize")
        self._beliefs = {h.cause: h.prior for h in hypotheses}
        total = sum(h.prior for h in hypotheses) or 1.0
        for bucket in BUCKETS:
            held = sorted((h for h in hypotheses if h.bucket == bucket), key=lambda h: (-h.prior, h.cause))
            part = sum(h.prior for h in held) / total
            self._buckets[bucket] = self._shown[bucket] = part
            head = Text(f"{percent(part):>5}  ", style="bold")
            if self.console.is_terminal:
                head = Text.assemble(bar(part, 10, colour(bucket)), head)
            head.append(_likeliest(held, min(self.console.width, MEASURE) - 12 - len(head)), style="not bold")
            self._say(Hanging(bucket, head, indent=2, width=10, style=colour(bucket)))

    def _progress(self, progress: Mapping[str, Any]) -> None:
        self._waiting.advance(progress.get("done"), progress.get("total"), clean(progress.get("what", "")))
        if self._live is None and self._clock() - self._spoke > HEARTBEAT_SECONDS:
            self._say(paragraph(f"… {self._waiting.statement()}", 5))

    def _step(self, step: Step) -> None:
        self._waiting.end()
        if not self._testing:
            self._testing = True
            self._heading("Test, one hypothesis at a time")
        before, after = self._beliefs.get(step.cause), step.probabilities.get(step.cause)
        moved = _moved(before, after)
        self._beliefs |= step.probabilities
        self._buckets |= step.buckets
        found_nothing = step.kind == "check" and (after is None or (after <= before if before is not None else after < FOUND_FROM))
        if found_nothing:
            self._say(self._brief(step, moved))
        else:
            if self._last_was_brief:
                self._beliefs_line()
            self._at_length(step, moved)
            self._beliefs_line()
        self._last_was_brief = found_nothing

    def _brief(self, step: Step, moved: str) -> Text:
        """One line for a check that found nothing: the words are cut, the numbers are not."""
        width = min(self.console.width, MEASURE)
        head = f"  ○ {step.number:>2} {clean(step.cause):<23} "
        room = width - len(head) - 10
        said = shortened(unquoted(clean(step.finding)), room) if room > 10 else ""
        bucket = colour(step.cause.partition(".")[0])
        line = Text.assemble(
            ("  ○ ", colour("muted")),
            (f"{step.number:>2} ", colour("muted")),
            (f"{clean(step.cause):<23} ", bucket),
            (f"{said:<{max(room, 0)}}", ""),
        )
        line.append(f"{moved:>10}", style=colour("muted"))
        line.rstrip()
        line.truncate(self.console.width)
        line.no_wrap = True
        return line

    def _at_length(self, step: Step, moved: str) -> None:
        """Intent, action, finding and reflection; an intervention stands apart."""
        intervention = step.kind == "intervention"
        took = f"  {seconds(step.seconds)}" if step.seconds >= 1 else ""
        self._say(Text(""))
        cause = colour(step.cause.partition(".")[0])
        head = Text.assemble(
            ("  ◆ " if intervention else "  ● ", cause), (f"{step.number:>2} ", colour("muted")), (clean(step.cause), f"bold {cause}")
        )
        head.append("  intervention" if intervention else "", style=colour("muted"))
        tail = f"{moved}{took}"
        head.append(" " * max(min(self.console.width, MEASURE) - head.cell_len - len(tail), 2))
        head.append(moved, style="bold")
        head.append(took, style=colour("muted"))
        head.no_wrap = True
        self._say(head)
        for label, said, style in (
            ("intent", step.intent, ""),
            ("action", step.action, ""),
            ("found", step.finding, "bold" if intervention else ""),
            ("so", step.reflection, ""),
        ):
            if said and (intervention or label != "action"):
                self._say(Hanging(label, Text(unquoted(clean(said)), style=style), indent=7, width=8))

    def _beliefs_line(self) -> None:
        """The three buckets, when one of them moved by a point since they were last shown."""
        changed = [b for b in BUCKETS if b in self._buckets and round(100 * self._buckets[b]) != round(100 * self._shown.get(b, -1.0))]
        if not changed:
            return
        if self.console.is_terminal:
            cells = 12 if self.console.width >= 96 else 8
            line = Text(" " * 5)
            for bucket in BUCKETS:
                now, was = self._buckets.get(bucket, 0.0), self._shown.get(bucket)
                sign = " " if bucket not in changed or was is None else "▲" if now > was else "▼"
                line.append_text(Text.assemble("  ", (f"{bucket} ", colour(bucket)), bar(now, cells, colour(bucket))))
                line.append(f"{percent(now):>5} {sign}", style="bold" if bucket in changed else colour("muted"))
            line.rstrip()
            line.no_wrap = True
            self._say(line)
        else:
            said = ", ".join(f"{bucket} {_moved(self._shown.get(bucket), self._buckets[bucket])}" for bucket in changed)
            self._say(paragraph(f"now: {said}", 7))
        self._shown = dict(self._buckets)

    # The screen -------------------------------------------------------------------------------------------------------

    def _heading(self, title: str) -> None:
        self._say(Text(""))
        self._say(Text(title, style="bold underline" if self.console.is_terminal else ""))

    def _say(self, what: Any) -> None:
        self._spoke = self._clock()
        self.console.print(what)

    def _rest(self) -> None:
        self._waiting.end()
        if self._live:
            self._live.stop()


def _inventory(side: Side) -> str:
    """What a side holds, with its sizes."""
    held = []
    for name in ("train", "validation", "serving", "history"):
        table = getattr(side, name)
        if table is None:
            continue
        try:
            held.append(f"{name} {table.n_rows:,} x {len(table.columns)}")
        except RuleoutError:
            held.append(f"{name} (unreadable)")
    if side.model is not None:
        held.append("model")
    if side.config is not None:
        held.append(f"config ({plural(len(side.config), 'key')})")
    if side.metrics is not None:
        held.append("metrics")
    if side.environment is not None:
        held.append(f"environment ({plural(len(side.environment.packages), 'package')})")
    if side.runlog is not None:
        held.append(f"runlog ({plural(len(side.runlog), 'stage')})")
    if side.code is not None:
        held.append(f"code ({plural(len(side.code.files), 'file')})")
    return ", ".join(held) or "nothing"


def _question(case: Case) -> str:
    """What is asked of what: task, target, metric, what changed, and what may run."""
    target = clean(case.target) if case.target else "an unknown target"
    metric = clean(case.metric) if case.metric else "an unknown metric"
    said = [f"{case.task or 'task unknown'} of {target} by {metric}"]
    change = "an upgrade" if case.changed == "upgrade" else f"a {case.changed}"
    said.append("what changed was not said" if case.changed == "unknown" else f"after {change}")
    side_models = [side.model for side in (case.reference, case.current) if side is not None and side.model is not None]
    if not case.trusted and (any(model.locked for model in side_models) or case.run.train):
        said.append("nothing of the case is run (--trust allows it)")
    return "; ".join(said)


def _likeliest(hypotheses: Sequence[Hypothesis], width: int) -> str:
    """Name the likeliest hypotheses of a bucket, as many as fit a line, and count the rest."""
    said = ""
    # Where one cause stands for every hypothesis (factors of a black box), the places tell them apart.
    places = len(hypotheses) > 1 and len({h.cause for h in hypotheses}) == 1
    for n in range(1, len(hypotheses) + 1):
        named = ", ".join(
            f"{clean(h.where[0] if places and h.where else h.cause).partition('.')[2]} {percent(h.prior)}" for h in hypotheses[:n]
        )
        longer = named + (f", {len(hypotheses) - n} more" if n < len(hypotheses) else "")
        if said and len(longer) > width:
            break
        said = longer
    return said


def _moved(before: float | None, after: float | None) -> str:
    """Say how a probability moved: `8 → 34 %`, or what it is where it did not."""
    if after is None:
        return ""
    if before is None or percent(before) == percent(after):
        return percent(after)
    return f"{percent(before).removesuffix(' %')} → {percent(after)}"
