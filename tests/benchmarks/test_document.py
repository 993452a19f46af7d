"""The page of the benchmarks is what the results say, and says what was not measured."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.document import LARGE, PAGE, PLOT, RESULTS, page, plot

COMMITTED = json.loads(RESULTS.read_text(encoding="utf-8"))


def results(**cost: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "machine": {"processors": 2, "gigabytes": 24, "python": "3.11.0", "system": "Linux", "load": 1.0},
        "limits": {"seconds": 300.0, "megabytes": 12_000.0},
        "seed": 0,
        "planted": {"n00": "mean + 1", "n01": "x 100"},
        "measurements": [],
    }
    costs = {"floor_pyarrow": 1.5, "ruleout": 4.0, "evidently": 170.0} | cost
    for tool, cpu in costs.items():
        for pair, drifted in (("healthy", []), ("planted", ["n01", "c00"])):
            said = None if tool == "floor_pyarrow" else drifted
            one = {"tool": tool, "rows": 1_000_000, "pair": pair, "status": "done", "wall": cpu, "cpu": cpu, "megabytes": 300, "runs": 3}
            made["measurements"].append({**one, "package": f"{tool} 1.0", "looked_at": 50, "drifted": said})
    return made


def line(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def test_the_committed_page_is_what_the_committed_results_say() -> None:
    written = "run `make benchmark-document`"
    assert PAGE.read_text(encoding="utf-8") == page(COMMITTED), written
    assert PLOT.read_text(encoding="utf-8") == plot(COMMITTED), written


def test_alarms_misses_and_ratios_are_counted() -> None:
    row = line(page(results()), "| evidently 1.0 |")
    assert row == "| evidently 1.0 | 170 | 170 | 300 | 113.3 | 0 of 50 | 1 | 1 |"
    assert line(page(results()), "| `n00` |").endswith("| ruleout, evidently |")
    assert line(page(results()), "| `n01` |").endswith("| nobody |")


@pytest.mark.parametrize(
    ("cpu", "more", "times", "less"), [(4.0, "yes", "yes", "yes"), (4.45, "yes", "yes", "**no**"), (5.0, "**no**", "**no**", "**no**")]
)
def test_an_aim_that_is_missed_is_said_to_be(cpu: float, more: str, times: str, less: str) -> None:
    text = page(results(ruleout=cpu))
    assert line(text, "| at most 3 CPU seconds").endswith(f"| {more} |")
    assert line(text, "| at most 3 times").endswith(f"| {times} |")
    assert line(text, "| at least 40 times").endswith(f"| {less} |")
    assert line(text, "| the same memory at 100M").endswith("| not measured | - |")


def test_what_was_stopped_or_not_run_is_said() -> None:
    made = results()
    stopped = {
        "tool": "whylogs",
        "rows": 1_000_000,
        "pair": "healthy",
        "status": "too long",
        "wall": 400.0,
        "cpu": 300.0,
        "megabytes": 900,
        "runs": 1,
    }
    absent = {"tool": "tfdv", "rows": 1_000_000, "pair": "healthy", "status": "not run", "words": "could not be installed: no wheel"}
    made["measurements"] += [stopped, absent, {**made["measurements"][2], "rows": LARGE, "pair": "healthy", "megabytes": 400}]
    text = page(made)
    assert line(text, "| whylogs |") == "| whylogs | too long | > 300 | > 900 |  |  |  |  |"
    assert line(text, "| tfdv |").startswith("| tfdv | not run: could not be installed: no wheel |")
    assert "- tfdv could not be installed: no wheel." in text
    assert line(text, "| the same memory at 100M").endswith("| 400 MB against 300 MB at 1M rows | **no** |")


def test_the_plot_is_svg_with_a_line_for_every_tool() -> None:
    made = results()
    made["measurements"].append({**made["measurements"][2], "rows": 10_000_000, "cpu": 40.0})
    tree = ElementTree.fromstring(plot(made))
    lines = [element for element in tree.iter() if element.tag.endswith("polyline")]
    assert len(lines) == 2 * 3
    assert sorted(len(element.attrib["points"].split()) for element in lines) == [1, 1, 1, 1, 2, 2]
    assert {"ruleout", "evidently", "floor: pyarrow"} <= {element.text for element in tree.iter()}
