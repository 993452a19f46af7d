"""The narration, as it stands on a screen and in a log."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from ruleout.causes.page import Cause
from ruleout.conclusion.conclusion import Conclusion
from ruleout.examination.examination import Event
from ruleout.report.handbook import Page, Vocabulary
from ruleout.report.ink import COLOURS, ReportConsole
from ruleout.report.terminal import Narrator
from ruleout.report.waiting import Waiting
from ruleout.report.wording import clean, number, percent, seconds, shortened, signed, transliterate
from tests.report import made_up


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def narrated(conclusion: Conclusion, *, width: int = 80, quiet: bool = False) -> str:
    stream = io.StringIO()
    with Narrator(ReportConsole.plain(stream, width), quiet=quiet) as narrator:
        for event in made_up.events(conclusion):
            narrator(event)
    return stream.getvalue()


def screen(conclusion: Conclusion, width: int, *, colours: bool = True) -> str:
    stream = io.StringIO()
    console = ReportConsole(file=stream, width=width, force_terminal=True, color_system="256" if colours else None, _environ={})
    with Narrator(console) as narrator:
        for event in made_up.events(conclusion):
            narrator(event)
    return stream.getvalue()


@pytest.mark.parametrize("name", made_up.ALL)
@pytest.mark.parametrize("width", [80, 120])
def test_a_log_is_plain_and_keeps_its_width(name: str, width: int) -> None:
    said = narrated(made_up.ALL[name](), width=width)
    assert "\x1b" not in said
    assert not re.search("[\u2500-\u257f]", said)
    assert max(map(len, said.splitlines())) <= width


@pytest.mark.parametrize("name", made_up.ALL)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_screen_keeps_its_width(name: str, width: int) -> None:
    said = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen(made_up.ALL[name](), width))
    assert max(map(len, re.split(r"[\r\n]", said))) <= width


def test_no_colour_means_no_colour_code() -> None:
    assert not re.search(r"\x1b\[[0-9;]*(3[0-9]|4[0-9])", screen(made_up.two_causes(), 80, colours=False))
    assert re.search(r"\x1b\[[0-9;]*38;5;32", screen(made_up.two_causes(), 80))


def test_the_five_steps_come_in_their_order() -> None:
    said = narrated(made_up.cause_found())
    at = [said.index(f"\n{title}") for title in ("Clarify", "Restate", "Hypothesize", "Test, one hypothesis at a time", "Conclude")]
    assert at == sorted(at)


def test_checks_that_found_nothing_take_one_line_and_interventions_are_told_at_length() -> None:
    conclusion = made_up.cause_found()
    said = narrated(conclusion)
    for cause in made_up.QUIET:
        assert len([line for line in said.splitlines() if re.match(rf"  ○ +\d+ {cause} ", line)]) == 1
    intervention = said[said.index("◆") : said.index("Conclude")]
    flat = " ".join(intervention.split())
    step = conclusion.examination.steps[-1]
    for part in (step.intent, step.action, step.finding, step.reflection):
        assert part in flat
    assert "62 → 97 %" in flat


def test_beliefs_are_told_when_they_moved() -> None:
    conclusion = made_up.cause_found()
    lines = [line.strip() for line in narrated(conclusion).splitlines() if line.strip().startswith("now:")]
    assert lines[0] == "now: data 54 → 64 %, model 26 → 25 %, pipeline 19 → 11 %"
    still = replace(conclusion.examination.steps[-1], buckets=conclusion.examination.steps[-2].buckets)
    same = replace(conclusion, examination=replace(conclusion.examination, steps=(*conclusion.examination.steps[:-1], still)))
    assert narrated(same).count("now:") == len(lines) - 1 or len(lines) == 1


def test_quiet_says_the_conclusion_alone() -> None:
    said = narrated(made_up.cause_found(), quiet=True)
    assert said.startswith("CAUSE FOUND  data.label-errors at train.defaulted\n")
    assert "Clarify" not in said
    assert "Assumed" in said, "what was assumed belongs to a conclusion that stands alone"


def test_the_conclusion_is_told_once() -> None:
    conclusion = made_up.no_problem()
    stream = io.StringIO()
    with Narrator(ReportConsole.plain(stream)) as narrator:
        narrator(Event("conclusion", conclusion))
        narrator.conclude(conclusion)
    assert stream.getvalue().count("NOTHING IS WRONG") == 1


def test_an_assumption_is_told_once_whenever_it_comes() -> None:
    stream = io.StringIO()
    with Narrator(ReportConsole.plain(stream)) as narrator:
        for event in (
            Event("assumption", "Early."),
            Event("problem", made_up.problem()),
            Event("assumption", "Late."),
            Event("assumption", "Early."),
        ):
            narrator(event)
    assert stream.getvalue().count("Early.") == 1
    assert stream.getvalue().index("Restate") < stream.getvalue().index("Late.")


def test_without_the_priors_the_walk_is_still_told() -> None:
    stream = io.StringIO()
    with Narrator(ReportConsole.plain(stream)) as narrator:
        for event in made_up.events(made_up.cause_found()):
            if event.kind not in {"hypotheses", "problem"}:
                narrator(event)
    assert "◆ 12 data.label-errors" in stream.getvalue()
    assert "CAUSE FOUND" in stream.getvalue()


def test_a_long_silence_in_a_log_is_broken() -> None:
    clock, stream = Clock(), io.StringIO()
    narrator = Narrator(ReportConsole.plain(stream), clock=clock)
    narrator(Event("intent", {"cause": "data.drift", "intent": "Fit again without the new rows.", "action": ""}))
    for done in range(6):
        clock.now += 6
        narrator(Event("progress", {"done": done, "total": 6, "what": ""}))
    assert stream.getvalue().splitlines() == [
        "     … Fit again without the new rows, 2 of 6 (18 s so far)",
        "     … Fit again without the new rows, 5 of 6 (36 s so far)",
    ]


def test_the_waiting_line_comes_after_a_second_and_goes() -> None:
    clock, stream = Clock(), io.StringIO()
    console = ReportConsole(file=stream, width=80, force_terminal=True, color_system=None, _environ={})
    waiting = Waiting(clock)

    def line() -> str:
        with console.capture() as captured:
            console.print(waiting)
        return captured.get()

    waiting.begin("I fit the current pipeline again with the labels of the reference, which takes a while and has a long name")
    clock.now = 0.9
    assert line().strip() == ""
    clock.now = 4.0
    waiting.advance(2, 8)
    assert "2/8" in line()
    assert "4.0 s" in line()
    assert len(line().splitlines()) == 1
    assert len(line().splitlines()[0]) <= 80
    waiting.end()
    assert line().strip() == ""


@pytest.mark.parametrize("name", sorted(COLOURS))
def test_colours_are_legible_on_dark_and_on_light_ground(name: str) -> None:
    match = re.fullmatch(r"color\((\d+)\)", COLOURS[name])
    if not match:
        assert COLOURS[name] in {"", "bold"}
        return
    code = int(match[1])
    rgb = [8 + 10 * (code - 232)] * 3 if code >= 232 else [(0, 95, 135, 175, 215, 255)[(code - 16) // d % 6] for d in (36, 6, 1)]
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert (luminance + 0.05) / 0.05 >= 3.5
    assert 1.05 / (luminance + 0.05) >= 3.5


def test_numbers_are_said_without_pretence() -> None:
    assert [percent(v) for v in (0.001, 0.0, 0.999, 1.0, 0.93, None, float("nan"))] == [
        "<1 %",
        "0 %",
        ">99 %",
        "100 %",
        "93 %",
        "unknown",
        "unknown",
    ]
    assert [number(v) for v in (0.88, 12.3456, 123456.0, 0.00001, None)] == ["0.880", "12.35", "123,456", "1e-05", "unknown"]
    assert [signed(v) for v in (0.2, -0.2, None)] == ["+0.200", "-0.200", "unknown"]
    assert [seconds(v) for v in (0.04, 9.96, 59.7, 200)] == ["0.0 s", "10 s", "1 min 0 s", "3 min 20 s"]


def test_cleaning_leaves_words_in_any_script() -> None:
    assert clean("Größe\t収入 \x1b[0m\u200e") == "Größe 収入 [0m"
    assert len(transliterate("a → b…")) == len("a → b…")
    assert transliterate("a → b…").isascii()
    assert shortened("one two three", 9) == "one two…"


class UnitChange(Cause):
    """A numeric column is in another unit.

    What goes wrong
    ---------------
    Dollars become cents. The model sees ``income``
    a hundredfold.

    - one item that is long enough to be broken over more than one line of eighty columns, surely
    - another

    How it is tested
    ----------------
    The slope is

        b = cov(x, y) / var(x)
    """

    def suspect(self, problem: object) -> object:  # type: ignore[override]
        raise NotImplementedError


UnitChange.__module__ = "ruleout.causes.data.unit_change"


def test_a_page_is_flowed_and_its_formulas_are_kept() -> None:
    stream = io.StringIO()
    ReportConsole.plain(stream).print(Page(UnitChange()))  # type: ignore[abstract]
    said = stream.getvalue()
    assert said.startswith("data.unit-change\nA numeric column is in another unit.\n\nWhat goes wrong\n  Dollars become cents. The model")
    assert "  Dollars become cents. The model sees income a hundredfold.\n" in said
    assert "\n\n        b = cov(x, y) / var(x)\n" in said
    assert "\n    columns, surely\n  - another\n" in said
    assert max(map(len, said.splitlines())) <= 80


def test_the_vocabulary_is_listed_by_bucket() -> None:
    stream = io.StringIO()
    ReportConsole.plain(stream).print(Vocabulary([UnitChange()]))  # type: ignore[abstract]
    assert re.search(r"data  1 cause\n  data\.unit-change +A numeric column is in another unit\.\n", stream.getvalue())
