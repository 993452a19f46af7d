"""The HTML report: whole, self-contained, readable by machines that read aloud, and safe whatever a case holds."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ruleout
from ruleout.case.case import Run
from ruleout.conclusion.conclusion import Conclusion
from ruleout.report import render
from ruleout.report.html import comparison
from ruleout.report.html.waterfall import waterfall
from tests.report import made_up
from tests.report.html_page import Element, parsed

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
NAMES = (
    "plain",
    HOSTILE,
    "a' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "</title></style></svg></script>",
    "turned\u202earound\x1b[31m",
    "javascript:alert(1)",
    "Donaudampfschiff" * 8,
)


def rows(n: int, seed: int, *, wrong: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: rng.normal(size=n) for name in NAMES})
    table["level"] = rng.choice([HOSTILE, "<b>bold</b>", "&amp;", "other"], n)
    table["when"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 40 * 24, n), unit="h")
    table["label"] = np.where(2 * table[HOSTILE] + table["plain"] + rng.normal(0, 0.4, n) > 0, "<yes>", "<no>")
    if wrong:
        table[HOSTILE] *= 1000
        table["level"] = table["level"].str.replace("other", "<i>another</i>")
        table["Donaudampfschiff" * 8] += 3
    return table


@cache
def hostile() -> Conclusion:
    case = ruleout.Case(
        reference=ruleout.Side(train=rows(1500, 0), validation=rows(800, 1), config={HOSTILE: "<s>1</s>"}),
        current=ruleout.Side(train=rows(1500, 2, wrong=True), validation=rows(800, 3), config={HOSTILE: "<s>2</s>"}),
        target="label",
        positive="<yes>",
        time="when",
        title=f"Title {HOSTILE}",
        symptom=f"Symptom {HOSTILE}",
        changed="retraining",
    )
    return ruleout.investigate(case, cache=False)


def training(lost: bool = True) -> Conclusion:
    epochs = np.arange(1, 41)
    good = {"epoch": epochs, "train_loss": 1 / epochs, "val_loss": 1.1 / epochs, "val_accuracy": 1 - 0.5 / epochs, "lr": 0.01 + 0 * epochs}
    bad = good | {"train_loss": np.where(epochs > 20, np.nan, 10.0**epochs) if lost else good["train_loss"], "lr": 5.0 + 0 * epochs}
    case = ruleout.Case(reference=ruleout.Side(history=good), current=ruleout.Side(history=bad))
    return ruleout.investigate(case, cache=False)


def lone() -> Conclusion:
    return ruleout.investigate(ruleout.Case(current=ruleout.Side(train=rows(600, 5, wrong=True)), target="label"), cache=False)


def black_box() -> Conclusion:
    folder = Path(tempfile.mkdtemp())
    (folder / "run.py").write_text(
        "import os, json\n"
        "harm = 0.2 * (os.environ['FACTOR_RATE'] == '0.4') + 0.001 * int(os.environ['FACTOR_SEED'])\n"
        "print(json.dumps({'metric': 0.9 - harm}))\n"
    )
    factors = {"rate": ("0.1", "0.4"), "fold<b>": (HOSTILE, "b"), "rows": ("<v1>", "<v2>")}
    case = ruleout.Case(current=ruleout.Side(), factors=factors, folder=folder, trusted=True, run=Run(measure=f"{sys.executable} run.py"))
    try:
        return ruleout.investigate(case, cache=False)
    finally:
        shutil.rmtree(folder)


PAGES: dict[str, Callable[[], str]] = {
    **{name: (lambda make=make: render(make(), "html")) for name, make in made_up.ALL.items()},
    "hostile": lambda: render(hostile(), "html"),
    "training": lambda: render(training(), "html"),
    "black box": lambda: render(black_box(), "html"),
    "a table alone": lambda: render(lone(), "html"),
    "two tables": lambda: comparison(ruleout.compare(rows(900, 0), rows(900, 2, wrong=True)), command="ruleout compare 'a b' c"),
    "two alike": lambda: comparison(ruleout.compare(rows(900, 0), rows(900, 0))),
}


@cache
def page(name: str) -> Element:
    return parsed(PAGES[name]())


@cache
def source(name: str) -> str:
    return PAGES[name]()


every_page = pytest.mark.parametrize("name", PAGES)


@every_page
def test_the_page_has_its_landmarks_once_and_names_its_language(name: str) -> None:
    tree = page(name)
    (html,) = tree.find("html")
    assert html.attributes["lang"] == "en"
    assert len([title for title in tree.find("title") if title.parent and title.parent.tag == "head"]) == 1
    for tag in ("header", "nav", "main", "footer", "h1"):
        assert len(tree.find(tag)) == 1, tag
    assert tree.find("title")[0].text.strip()
    assert tree.find("nav")[0].attributes["aria-label"]
    skip = next(link for link in tree.find("a") if link.attributes.get("class") == "skip")
    assert skip.attributes["href"] == f"#{tree.find('main')[0].attributes['id']}"


@every_page
def test_every_reference_inside_the_page_leads_somewhere(name: str) -> None:
    ids = [element.attributes["id"] for element in page(name).walk() if "id" in element.attributes]
    assert len(set(ids)) == len(ids), "an id names one element"
    for element in page(name).walk():
        for attribute in ("aria-labelledby", "aria-describedby"):
            assert set(element.attributes.get(attribute, "").split()) <= set(ids), element.attributes
        if element.tag == "a":
            assert element.attributes["href"].removeprefix("#") in ids


@every_page
def test_headings_follow_each_other_without_a_gap(name: str) -> None:
    levels = [int(element.tag[1]) for element in page(name).walk() if re.fullmatch(r"h[1-6]", element.tag)]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels)), levels


@every_page
def test_tables_and_drawings_say_what_they_are(name: str) -> None:
    for table in page(name).find("table"):
        assert len(table.find("caption")) == 1
        assert table.find("caption")[0].text.strip()
        assert all(th.attributes.get("scope") for th in table.find("th"))
    for svg in page(name).find("svg"):
        if svg.attributes.get("role") == "img":
            assert svg.find("title")[0].text.strip()
            assert svg.find("desc")[0].text.strip()
        else:
            assert svg.attributes["aria-hidden"] == "true"


@every_page
def test_nothing_is_loaded_and_nothing_could_be(name: str) -> None:
    tree = page(name)
    for element in tree.walk():
        for attribute, value in element.attributes.items():
            assert not attribute.startswith("on"), "no handler inside an element"
            assert attribute != "style", "the policy would not let it through"
            if attribute in {"href", "src", "action", "data", "srcset", "xlink:href", "formaction", "poster"}:
                assert value.startswith("#") or (element.tag, value) == ("link", "data:,"), (element.tag, value)
    assert not {"img", "iframe", "object", "embed", "form", "base", "use", "image", "foreignobject"} & {e.tag for e in tree.walk()}
    (style,) = tree.find("style")
    (script,) = tree.find("script")
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert not re.search(r"fetch|XMLHttpRequest|import\(|eval|innerHTML", script.text)
    policy = next(m.attributes["content"] for m in tree.find("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for text, directive in ((style.text, "style-src"), (script.text, "script-src")):
        hashed = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{hashed}'" in policy


@pytest.mark.parametrize("name", ["hostile", "a table alone", "two tables"])
def test_what_looks_like_markup_is_text(name: str) -> None:
    said = source(name)
    assert "<script>alert" not in said
    assert "<img" not in said
    assert "<b>bold" not in said
    assert "{{ 7 * 7 }}" in page(name).text, "a name that looks like a template's is that name"
    assert "\u202e" not in said
    assert "\x1b" not in said
    assert "alert(1)" in page(name).find("main")[0].text, "and it is shown"


def test_the_hostile_case_is_solved_and_drawn() -> None:
    found = hostile()
    assert found.verdict == "cause-found", found.summary
    tree = page("hostile")
    titles = [h.text for h in tree.find("h3")]
    assert any(HOSTILE in title for title in titles)
    assert any(title.endswith(" over time") for title in titles), "there is a time column"
    assert any(title.startswith("label along ") for title in titles)
    assert len([svg for svg in tree.find("svg") if svg.attributes.get("class") == "drawing"]) >= 3


def test_a_case_of_fifty_columns_stays_under_a_megabyte() -> None:
    rng = np.random.default_rng(0)
    tables = []
    for shift in (0.0, 1.0, 0.0, 0.0):
        table = pd.DataFrame({f"a_rather_long_column_name_{at}": rng.normal(shift, 1, 1200) for at in range(40)})
        for at in range(10):
            table[f"category_{at}"] = rng.integers(0, 300, 1200).astype(str) if shift else rng.integers(0, 200, 1200).astype(str)
        table["label"] = np.where(table.iloc[:, 0] - shift + rng.normal(0, 0.3, 1200) > 0, "a", "b")
        tables.append(table)
    beside = comparison(ruleout.compare(tables[0], tables[1]))
    assert 50_000 < len(beside.encode()) < 1_000_000
    case = ruleout.Case(
        reference=ruleout.Side(train=tables[0], validation=tables[2]),
        current=ruleout.Side(train=tables[1], validation=tables[3]),
        target="label",
        changed="retraining",
    )
    said = render(ruleout.investigate(case, cache=False, budget="60s"), "html")
    assert 50_000 < len(said.encode()) < 1_000_000


def test_the_waterfall_adds_up_and_names_the_rest() -> None:
    conclusion = made_up.two_causes()
    drawn = waterfall(conclusion)
    assert [row.kind for row in drawn] == ["level", "fall", "fall", "rest", "level"]
    assert [row.value for row in drawn] == ["0.880", "-0.152", "-0.071", "-0.007", "0.650"]
    assert drawn[1].note == "66 % of it (61 to 71 %)"
    assert drawn[3].label == "not explained"
    moves = [float(row.value) for row in drawn[1:-1]]
    assert 0.880 + sum(moves) == pytest.approx(0.650, abs=0.0011)


def test_a_waterfall_without_shares_says_no_share() -> None:
    assert [row.label for row in waterfall(made_up.no_problem())] == ["reference", "change, within noise", "current"]
    assert [row.label for row in waterfall(made_up.inconclusive())] == ["reference", "change", "current"]
    assert not any("%" in row.note.replace("95 %", "") for row in waterfall(made_up.inconclusive()))
    half = made_up.cause_found()
    no_metric = replace(half.examination.problem, reference=None)
    assert waterfall(replace(half, examination=replace(half.examination, problem=no_metric))) == []


def test_steps_are_told_in_order_and_the_quiet_ones_are_folded() -> None:
    (steps,) = [element for element in page("cause_found").find("ol") if element.attributes.get("class") == "steps"]
    items = [element for element in steps.children if isinstance(element, Element)]
    made = made_up.cause_found().examination.steps
    assert [item.attributes["value"] for item in items] == [str(step.number) for step in made]
    folded = ["open" not in item.find("details")[0].attributes for item in items]
    assert folded == [step.cause != "data.label-errors" for step in made]
    for item, step in zip(items, made, strict=True):
        for part in (step.intent, step.action, step.finding, step.reflection):
            assert part.replace("`", "") in item.text


def test_the_buckets_are_drawn_from_the_priors_to_the_end() -> None:
    text = page("cause_found").find("desc")
    (said,) = [d.text for d in text if d.attributes["id"] == "beliefs-d"]
    assert re.fullmatch(r"data from 5\d % to \d\d %; model from 2\d % to \d+ %; pipeline from 1\d % to \d+ %", said), said


def test_ruled_out_has_its_power_and_untested_its_reason() -> None:
    tables = {table.find("caption")[0].text: table for table in page("cause_found").find("table")}
    ruled_out = next(table for caption, table in tables.items() if "power" in caption)
    row = next(row for row in ruled_out.find("tr") if row.text.startswith("data.drift"))
    assert "0.93" in row.text
    untested = next(table for caption, table in tables.items() if "not tested" in caption)
    assert "No time column is named" in untested.text
    assert "data.stale" in untested.text
    assert "data.stale" not in ruled_out.text


def test_curves_show_where_a_run_was_lost() -> None:
    tree = page("training")
    (curves,) = [section for section in tree.find("section") if section.attributes.get("id") == "curves"]
    assert "no number from epoch 21 on" in curves.text
    assert [p for p in curves.find("path") if p.attributes.get("class") == "lost current"]
    assert "Calibration" not in tree.text


def test_the_runs_of_a_black_box_are_drawn_by_their_mix() -> None:
    tree = page("black box")
    (runs,) = [section for section in tree.find("section") if section.attributes.get("id") == "runs"]
    drawn = next(svg for svg in runs.find("svg") if svg.attributes.get("role") == "img")
    numbers = [row for row in runs.find("tr") if row.find("td")]
    said = {row.find("th")[0].text: int(re.findall(r"\d+", row.find("td")[0].text)[0]) for row in numbers}
    assert {"reference", "current"} <= set(said)
    assert sum(said.values()) == len(drawn.find("circle"))
    assert "factor.rate" in tree.find("main")[0].text
    assert ("factors.rate", "0.1", "0.4") in [tuple(cell.text for cell in (*r.find("th"), *r.find("td"))) for r in tree.find("tr")]


def test_commands_say_how_it_was_made() -> None:
    typed = "ruleout investigate 'my  case at 5 %' --trust"
    said = parsed(render(replace(made_up.cause_found(), command=typed), "html"))
    lines = [code.text for code in said.find("code")]
    assert typed in lines
    assert "ruleout explain data.label-errors" in lines
    assert "ruleout compare 'a b' c" in [code.text for code in page("two tables").find("code")]


def test_python_writes_the_page_whole(tmp_path: Path) -> None:
    made_up.cause_found().to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(made_up.cause_found(), "html")
    found = ruleout.compare({"a": np.arange(500)}, {"a": np.arange(500) + 200})
    found.to_html(tmp_path / "tables.html")
    assert parsed((tmp_path / "tables.html").read_text(encoding="utf-8")).find("h1")[0].text == "1 of 1 column moved: a"
    with pytest.raises(OSError, match="no-such"):
        found.to_html(tmp_path / "no-such" / "tables.html")


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("no_problem", "Nothing is wrong"),
        ("inconclusive", "Inconclusive"),
        ("observed", "by observation alone"),
        ("two_causes", "2 causes found"),
    ],
)
def test_each_outcome_comes_first(name: str, verdict: str) -> None:
    main = page(name).find("main")[0]
    assert verdict in main.find("h2")[0].text
    assert main.text.index(verdict) < 20
