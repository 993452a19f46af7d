"""Two tables side by side, as they stand on a screen, in a log, in a notebook and as JSON."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import ruleout
from ruleout.report.ink import ReportConsole
from ruleout.report.json import to_json
from ruleout.report.side_by_side import Beside, sparklines, text
from ruleout.report.wording import transliterate
from ruleout.tables.side_by_side import SideBySide

NASTY = "in\x1b[31mcome\u202e<script>|`*_\r\n"


def tables(shift: float = 0.0, n: int = 2_000) -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    return [
        {
            "id": np.arange(n),
            "income": rng.normal(50 + gap, 5, n),
            "city": [f"town {at}" for at in np.minimum(rng.zipf(1.6, n), 40)],
            "when": rng.integers(0, 10**7, n).astype("datetime64[s]"),
            "a_column_with_a_name_that_is_far_too_long_for_any_terminal": rng.integers(0, 9, n),
            "tags": [[1]] * n,
        }
        for gap in (0.0, shift)
    ]


def moved() -> SideBySide:
    reference, current = tables(8.0)
    current["city"] = [f"city {at}" if at % 3 else "elsewhere" for at in range(2_000)]
    current["kind"] = current.pop("when")
    current["income"] = np.where(np.arange(2_000) % 4, current["income"], np.nan)  # type: ignore[call-overload]
    return ruleout.compare(reference, current, key="id")


def healthy() -> SideBySide:
    return ruleout.compare(*tables(), ignore="id")


def empty() -> SideBySide:
    reference, _ = tables()
    return ruleout.compare(reference, {name: pa.array([], pa.float64()) for name in ("income", "id")})


def nasty() -> SideBySide:
    values = [NASTY, "b"] * 200
    return ruleout.compare({NASTY: ["a", "b"] * 200, "x": [1] * 400}, {NASTY: values, NASTY + "2": values})


ALL = {"moved": moved, "healthy": healthy, "empty": empty, "nasty": nasty}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_log_is_plain_and_keeps_its_width(name: str, width: int) -> None:
    said = text(ALL[name](), width=width)
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert not re.search("[\u2500-\u257f]", said)
    assert max(map(len, said.splitlines())) <= width
    assert all(line == line.rstrip() for line in said.splitlines())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_screen_keeps_its_width_with_and_without_colour(name: str, width: int) -> None:
    for colours in ("256", None):
        stream = io.StringIO()
        console = ReportConsole(file=stream, width=width, force_terminal=True, color_system=colours, _environ={})
        console.print(Beside(ALL[name]()))
        said = stream.getvalue()
        assert bool(re.search(r"\x1b\[[0-9;]*38;5;", said)) == bool(colours)
        assert max(len(line.rstrip()) for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said).splitlines()) <= width


def test_what_moved_stands_first_with_both_distributions_and_its_interval() -> None:
    said = text(moved())
    flat = " ".join(said.split())
    assert "2 OF 4 COLUMNS MOVED  city, income" in said
    assert "Gone 1 column: when" in flat
    assert "New 1 column: kind" in flat
    assert "joined by id: 2,000 in both, 0 only in the reference" in flat
    assert "income differs on 100 %" in flat
    assert "nulls 0 % → 25 %" in said
    row = next(line for line in said.splitlines() if line.startswith("  ● income"))
    assert len(re.findall("[▁▂▃▄▅▆▇█]", row)) == 20
    assert re.search(r"\d\d %  \d\d to \d\d %$", row)
    assert said.index("● city") < said.index("● income") < said.index("○ a_column")


def test_on_a_healthy_pair_it_says_that_nothing_moved_and_shows_the_noise() -> None:
    said = text(healthy())
    assert "NOTHING MOVED  in 5 columns" in said
    assert "●" not in said
    assert "95 % interval" not in said
    assert len(re.findall(r"noise \S+ %", said)) == 5


def test_few_rows_are_said_to_be_few() -> None:
    said = " ".join(text(ruleout.compare(*tables(n=100), ignore="id")).split())
    assert re.search(r"With so few rows a move of less than [34]\d % can be missed\.", said)
    assert "few rows" not in text(healthy().__class__(healthy().comparison, (5, 5), ("a", "b"))) or healthy().visible_from > 0.1


def test_a_limit_leaves_columns_out_and_says_so() -> None:
    wide = [{f"x{at}": np.arange(50.0) for at in range(60)} for _ in range(2)]
    found = ruleout.compare(*wide)
    assert "… and 35 more columns, none of which moved: --limit 0 shows all." in text(found)
    assert "more column" not in text(found, limit=0)
    assert text(found, limit=0).count("○") == 60
    apart = ruleout.compare(wide[0], {name: values + 100 for name, values in wide[1].items()})
    assert "… and 59 more columns, 59 of which moved" in text(apart, limit=1)


def test_printing_and_the_prompt_show_the_report() -> None:
    found = moved()
    assert str(found) == repr(found) == text(found)


def test_sparklines_share_one_scale_and_leave_empty_bins_blank() -> None:
    found = ruleout.compare({"x": [0.0] * 90 + [1.5] * 10}, {"x": [0.0] * 50 + [1.5] * 50})
    first, second = sparklines(found["x"].shape(8))
    assert (first[0], first[-1], second[0], second[-1]) == ("█", "▁", "▅", "▅")
    assert set(first[1:-1]) == {" "}
    assert sparklines(None) == ("", "")
    assert transliterate(first).isascii()


def test_json_fits_its_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(ruleout.report.__file__).parent / "comparison.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    for make in ALL.values():
        answer = json.loads(to_json(make()), parse_constant=pytest.fail)
        validator(schema).validate(answer)
        with pytest.raises(jsonschema.ValidationError):
            validator(schema).validate({**answer, "verdict": "perhaps"})
    odd = {"inf": [1.0, np.inf] * 30, "none": pa.nulls(60, pa.float64()), "list": [[1]] * 60, "flag": [True, False] * 30}
    validator(schema).validate(json.loads(to_json(ruleout.compare(odd, odd)), parse_constant=pytest.fail))


def test_json_names_every_field_of_the_schema_and_no_other() -> None:
    schema = json.loads((Path(ruleout.report.__file__).parent / "comparison.json").read_text(encoding="utf-8"))
    answer = moved().to_dict()
    assert set(answer) == set(schema["properties"])
    column = schema["properties"]["columns"]["items"]["properties"]
    assert set(answer["columns"][0]) == set(column)
    assert set(answer["rows"]) == set(schema["properties"]["rows"]["properties"])


@pytest.mark.parametrize("name", ALL)
def test_the_notebook_is_well_formed_escaped_and_loads_nothing(name: str) -> None:
    opened: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in {"script", "link", "img", "iframe", "style"}
            if tag not in {"br", "path"}:
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    html = ALL[name]()._repr_html_()
    Checker().feed(html.replace("/>", ">"))
    assert opened == []
    assert "<script" not in html
    assert "\u202e" not in html


def test_the_notebook_draws_both_sides_of_every_column_that_has_values() -> None:
    html = moved()._repr_html_()
    assert html.count("<svg") == 3  # income, city and the long name; lists have no picture
    assert html.count("<path") == 6
    assert "2 of 4 columns moved" in html
