"""Each format says what the conclusion holds, and nothing that could break where it is read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ruleout.report
from ruleout.case.case import Case, Side
from ruleout.causes.page import Finding
from ruleout.report import FORMATS, render
from ruleout.report.json import strict, write_text
from tests.report import made_up

NASTY = "in\x1b[31mcome\u202e<script>|`*_\r\n\udc80"


def nasty() -> object:
    found = made_up.cause_found()
    cause = replace(found.causes[0], where=(NASTY,), summary=f"column {NASTY} is wrong")
    problem = replace(found.examination.problem, case=replace(found.examination.problem.case, title=NASTY))
    return replace(found, causes=(cause,), examination=replace(found.examination, problem=problem), summary=NASTY)


@pytest.mark.parametrize("name", made_up.ALL)
@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_names_every_cause_with_its_place(name: str, format_: str) -> None:
    conclusion = made_up.ALL[name]()
    said = render(conclusion, format_)
    for cause in conclusion.causes:
        assert cause.cause in said
        assert all(place in said for place in cause.where)
    flat = " ".join(said.split())
    assert conclusion.summary.split(":")[0].split(",")[0] in flat


def test_an_unknown_format_names_the_valid_ones() -> None:
    with pytest.raises(
        ValueError, match=r'no format "markdwon": expected one of text, markdown, json, html, notebook\. Did you mean "markdown"\?'
    ):
        render(made_up.no_problem(), "markdwon")


@pytest.mark.parametrize("name", made_up.ALL)
def test_text_is_plain_and_fits_eighty_columns(name: str) -> None:
    said = render(made_up.ALL[name](), "text")
    assert "\x1b" not in said
    assert not re.search("[\u2500-\u257f]", said), "boxes break where a log is read"
    assert max(map(len, said.splitlines())) <= 80
    assert all(line == line.rstrip() for line in said.splitlines())


def test_text_gives_share_proof_fix_and_what_was_ruled_out() -> None:
    said = " ".join(render(made_up.cause_found(), "text").split())
    assert "94 % of the change goes away with this put right (95 % interval 89 to 99 %)." in said
    assert "accuracy 0.880 → 0.650, and 0.866 with this one thing put right." in said
    assert "Take the labels of the 1,452 rows from the source again" in said
    assert "23 causes, each by a look with power 0.93 or more." in said
    assert "drift (0.93)" in said
    assert "data.missing-partition, data.stale (no time column is named)" in said
    assert "6 % of the change is not explained" in said


def test_what_was_not_tested_is_never_shown_as_ruled_out() -> None:
    said = " ".join(render(made_up.cause_found(), "text").split())
    ruled_out = said.split("Ruled out")[1].split("Not tested")[0]
    assert "stale" not in ruled_out
    assert "pipeline: dependency, encoding, metric, scaling" in ruled_out


def test_an_observation_says_that_it_is_one() -> None:
    said = " ".join(render(made_up.observed(), "text").split())
    assert "CAUSE FOUND, BY OBSERVATION ALONE" in said
    assert "Not measured." in said
    assert "nothing could be re-run" in said
    assert "with this one thing put right" not in said
    assert "Fit the pipeline again with the labels of the last good table." in said


def test_inconclusive_leads_to_the_next_test() -> None:
    said = " ".join(render(made_up.inconclusive(), "text").split())
    assert "INCONCLUSIVE likeliest data.concept-drift 41 %, then pipeline.code 22 %" in said
    assert "Needs the reference model, and --trust." in said


def test_a_fault_of_the_reference_is_proved_on_the_reference() -> None:
    found = made_up.cause_found()
    finding = Finding("reference.train", "train", 4.0, "", side="reference")
    confirmed = (replace(found.examination.confirmed[0], findings=(finding,), restored=0.65),)
    said = " ".join(render(replace(found, examination=replace(found.examination, confirmed=confirmed)), "text").split())
    assert "accuracy 0.880 was measured with this fault in the reference; put right there, 94 % of the change to 0.650 is gone." in said


def test_a_next_test_is_one_sentence_and_the_json_has_all_of_it() -> None:
    left = made_up.inconclusive()
    long = "Fit both again. " + "Then solve the equations of the mixture. " * 20
    told = replace(left, next=(replace(left.next[0], test=long, needs=""),))
    assert "data.concept-drift: Fit both again.\n" in render(told, "text")
    assert json.loads(render(told, "json"))["conclusion"]["next"][0]["test"] == long


@pytest.mark.parametrize("name", made_up.ALL)
def test_json_fits_its_schema(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(ruleout.report.__file__).parent / "schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    answer = json.loads(render(made_up.ALL[name](), "json"))
    validator(schema).validate(answer)
    with pytest.raises(jsonschema.ValidationError):
        validator(schema).validate({**answer, "conclusion": {**answer["conclusion"], "verdict": "perhaps"}})


def test_json_is_strict() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    answer = json.loads(render(made_up.cause_found(), "json"), parse_constant=refuse)
    interval = [step["evidence"]["interval"] for step in answer["steps"] if step["kind"] == "intervention"]
    assert interval == [[0.86, None]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (np.float32("inf"), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (np.datetime64("2024-03-01"), "2024-03-01"),
        (np.datetime64("NaT"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Timestamp("2024-03-01 12:00"), "2024-03-01T12:00:00"),
        ({1: (1, 2), None: {3}}, {"1": [1, 2], "null": [3]}),
        (Path("a/b"), "a/b"),
        (np.str_("x"), "x"),
        (True, True),
    ],
)
def test_json_has_only_its_own_types(value: object, expected: object) -> None:
    assert strict(value) == expected
    json.dumps(strict(value), allow_nan=False)


@pytest.mark.parametrize("format_", FORMATS)
def test_text_from_the_case_cannot_break_out(format_: str) -> None:
    said = render(nasty(), format_)  # type: ignore[arg-type]
    said.encode("utf-8")
    assert "\x1b" not in said
    if format_ != "json":
        assert "\u202e" not in said
    if format_ in {"markdown", "notebook"}:
        assert "<script" not in said


def test_markdown_tables_keep_their_columns() -> None:
    found = made_up.cause_found()
    held = tuple(replace(h, where=("a|b`c",)) for h in found.examination.hypotheses)
    said = render(replace(found, examination=replace(found.examination, hypotheses=held)), "markdown")
    rows = [line for line in said.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(held)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}


def test_notebook_is_well_formed_and_loads_nothing() -> None:
    class Checker(HTMLParser):
        open_: list[str] = []  # noqa: RUF012 - one instance

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in {"script", "link", "img", "iframe", "style"}
            if tag != "br":
                self.open_.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open_.pop() == tag

    for make in made_up.ALL.values():
        checker = Checker()
        checker.feed(make()._repr_html_())
        assert checker.open_ == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.json"
    file.write_text("before", encoding="utf-8")
    file.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(file)
    write_text(link, "after")
    assert file.read_text(encoding="utf-8") == "after"
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(file, "half")
    assert file.read_text(encoding="utf-8") == "after"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.json", "report.json"]


def test_a_conclusion_without_anything_is_still_said() -> None:
    empty = made_up.no_problem()
    case = Case(current=Side())
    problem = replace(
        empty.examination.problem, case=case, metric=None, reference=None, current=None, change=None, interval=None, statement=""
    )
    bare = replace(empty, examination=replace(empty.examination, problem=problem, stopped=""), assumptions=(), summary="")
    for format_ in FORMATS:
        assert render(bare, format_).strip()
