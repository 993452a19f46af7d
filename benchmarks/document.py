"""docs/benchmarks.md and its plot, written from the results of a run.

    python -m benchmarks.document [--results benchmarks/results/results.json]

No number is written by hand: what is not in the results is said not to have been measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from benchmarks.plot import drawn

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "results.json"
TEMPLATE = ROOT / "benchmarks" / "page.md"
PAGE, PLOT = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.svg"

TOOLS = {
    "ruleout": "ruleout",
    "floor_pyarrow": "floor: pyarrow",
    "floor_polars": "floor: Polars",
    "floor_duckdb": "floor: DuckDB",
    "frouros": "frouros",
    "tfdv": "tfdv",
    "nannyml": "nannyml",
    "whylogs": "whylogs",
    "evidently": "evidently",
    "alibi-detect": "alibi-detect",
    "deepchecks": "deepchecks",
}

LARGE = 100_000_000


def main() -> int:
    """Write the page and the plot."""
    parser = argparse.ArgumentParser(description="Write docs/benchmarks.md and docs/benchmarks.svg from results.")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    results = json.loads(given.results.read_text())
    PAGE.write_text(page(results))
    PLOT.write_text(plot(results))
    return 0


def page(results: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    machine, limits = results["machine"], results["limits"]
    sizes = sorted({done["rows"] for done in results["measurements"]})
    words = f"{machine['processors']} processors ({machine['system']}), {machine['gigabytes']} GB, Python {machine['python']}"
    return Template(TEMPLATE.read_text()).substitute(
        machine=words,
        note=results.get("note", ""),
        load=f"{machine['load']:.0f}",
        seed=results["seed"],
        n_planted=len(results["planted"]),
        limit_seconds=f"{limits['seconds']:,.0f}",
        limit_memory=f"{limits['megabytes'] / 1e3:,.0f} GB",
        sizes="\n\n".join(_table_of_size(results, size) for size in sizes),
        planted=_planted(results),
        aims=_aims(results),
        investigation=_investigation(results),
        large_case=_large_case(results),
        not_run=_not_run(results),
    )


def plot(results: Mapping[str, Any]) -> str:
    """The plot, as SVG."""
    done = [one for one in results["measurements"] if one["pair"] != "planted" and one["status"] == "done"]

    def lines(what: str) -> dict[str, list[tuple[float, float]]]:
        found = {TOOLS[tool]: [(float(one["rows"]), max(float(one[what]), 0.01)) for one in done if one["tool"] == tool] for tool in TOOLS}
        return {name: points for name, points in found.items() if points}

    return drawn({"CPU seconds": lines("cpu"), "peak memory, MB": lines("megabytes")})


def _one(results: Mapping[str, Any], tool: str, rows: int, pair: str = "healthy") -> Mapping[str, Any] | None:
    for one in results["measurements"]:
        if (one["tool"], one["rows"], one["pair"]) == (tool, rows, pair):
            found: Mapping[str, Any] = one
            return found
    return None


def _done(results: Mapping[str, Any], tool: str, rows: int, pair: str = "healthy") -> Mapping[str, Any] | None:
    found = _one(results, tool, rows, pair)
    return found if found is not None and found["status"] == "done" else None


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], n_words: int = 1) -> str:
    """A table of Markdown of which all but the first columns are numbers."""
    rule = ["---"] * n_words + ["---:"] * (len(head) - n_words)
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in (head, rule, *rows))


def _table_of_size(results: Mapping[str, Any], size: int) -> str:
    floor = _done(results, "floor_pyarrow", size)
    rows = []
    for tool, name in TOOLS.items():
        one = _one(results, tool, size)
        if one is None:
            continue
        if one["status"] == "not run":
            rows.append([name, "not run: " + one["words"], *[""] * 6])
            continue
        bold = "**" if tool == "ruleout" else ""
        package = one.get("package", name).split()[-1]
        called = f"{bold}{name} {package}{bold}" if "package" in one else name
        if one["status"] != "done":
            words = f": {one['words']}" if one.get("words") else ""
            rows.append([called, f"{one['status']}{words}", f"> {one['cpu']:,.0f}", f"> {one['megabytes']:,}", *[""] * 4])
            continue
        ratio = f"{one['cpu'] / floor['cpu']:.1f}" if floor is not None else "-"
        rows.append([called, _seconds(one["wall"]), _seconds(one["cpu"]), f"{one['megabytes']:,}", ratio, *_judged(results, tool, size)])
    head = ["", "wall s", "CPU s", "peak MB", "CPU / pyarrow floor", "alarms", f"missed of {len(results['planted'])}", "others"]
    return f"### {size:,} rows\n\n" + _table(head, rows)


def _seconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _judged(results: Mapping[str, Any], tool: str, size: int) -> tuple[str, str, str]:
    healthy, planted = (_done(results, tool, size, pair) for pair in ("healthy", "planted"))
    alarms = "-"
    if healthy is not None and healthy["drifted"] is not None:
        alarms = f"{len(healthy['drifted'])} of {healthy['looked_at']}"
    if planted is None or planted["drifted"] is None:
        return alarms, "-", "-"
    said = set(planted["drifted"])
    return alarms, str(len(set(results["planted"]) - said)), str(len(said - set(results["planted"])))


def _planted(results: Mapping[str, Any]) -> str:
    judged = [one for one in results["measurements"] if one["pair"] == "planted" and one["status"] == "done" and one["drifted"] is not None]
    if not judged:
        return "Not measured."
    sizes = [one["rows"] for one in judged]
    size = min(sizes)
    judges = [tool for tool in TOOLS if (one := _done(results, tool, size, "planted")) is not None and one["drifted"] is not None]
    said = {tool: set((_done(results, tool, size, "planted") or {})["drifted"]) for tool in judges}
    rows = []
    for column, words in results["planted"].items():
        missed = [TOOLS[tool] for tool in judges if column not in said[tool]]
        rows.append([f"`{column}`", words, ", ".join(missed) or "nobody"])
    return f"At {size:,} rows.\n\n" + _table(["column", "what", "missed by"], rows, 3)


def _aims(results: Mapping[str, Any]) -> str:
    at = 1_000_000
    rows: list[tuple[str, str, bool | None]] = []
    own, floor, large = _done(results, "ruleout", at), _done(results, "floor_pyarrow", at), _done(results, "ruleout", LARGE)
    if own is not None and floor is not None:
        more, times = own["cpu"] - floor["cpu"], own["cpu"] / floor["cpu"]
        rows.append(("at most 3 CPU seconds more than the pyarrow floor (1M x 50, twice)", f"{more:.1f} s more", more <= 3))
        rows.append(("at most 3 times the pyarrow floor", f"{times:.1f} times ({own['cpu']:.1f} and {floor['cpu']:.1f} s)", times <= 3))
    evidently = _one(results, "evidently", at)
    if own is not None and evidently is not None and "cpu" in evidently:
        times, least = evidently["cpu"] / own["cpu"], "" if evidently["status"] == "done" else "at least "
        rows.append(("at least 40 times less CPU than evidently's DataDriftPreset", f"{least}{times:.0f} times", times >= 40))
    if own is not None:
        rows.append(("peak at most 350 MB", f"{own['megabytes']} MB", own["megabytes"] <= 350))
        said = "not measured" if large is None else f"{large['megabytes']} MB against {own['megabytes']} MB at 1M rows"
        same = None if large is None else large["megabytes"] <= 1.2 * own["megabytes"]
        rows.append(("the same memory at 100M rows (within a fifth)", said, same))
    if exact := results.get("accuracy"):
        aim = f"KS within 1e-3 of exact ({exact['n_distances']} distances at {exact['rows']:,} rows)"
        rows.append((aim, f"{exact['ks']:.1e} ({exact['ks_at']})", exact["ks"] <= 1e-3))
        near, every = exact["n_distinct_near"], exact["n_distinct"]
        said = f"{near} of {every} columns; at most {100 * exact['distinct']:.1f} % off ({exact['distinct_at']})"
        rows.append(("distinct values within 3.5 % (columns with 16,384 or more)", said, near == every))
    if instant := results.get("instant"):
        said = f"{instant['wall']} s of wall clock, {instant['cpu']} s of CPU"
        rows.append(("20 columns x 50,000 rows under a second, start-up included", said, instant["wall"] < 1))
    if case := results.get("large_case"):
        held = case["wall"] < 120 and case["megabytes"] <= 2_000
        said = f"{case['wall']:.0f} s ({case['cpu']:.0f} s of CPU), {case['megabytes']:,} MB"
        rows.append(("a 10M-row case investigated in under two minutes on 2 cores within 2 GB", said, held))
    words = {True: "yes", False: "**no**", None: "-"}
    return _table(["aim", "measured", "held"], [(aim, said, words[is_held]) for aim, said, is_held in rows], 3)


def _investigation(results: Mapping[str, Any]) -> str:
    found = results.get("investigation")
    if not found:
        return "Not measured."
    one = found["one"]
    told = (
        "A model is trained again on rows of which one column is a hundred times too large and another has its sign turned; with three and "
        "four causes a third is in another unit and a fourth half null. "
        f"{one['rows']:,} rows x {one['columns']} columns took {_seconds(one['cpu'])} s of CPU and {one['megabytes']:,} MB, data and "
        f"models included; one refit of the model took {one['refit_cpu']:.1f} s, so that the investigation cost "
        f"{one['cpu'] / one['refit_cpu']:.1f} refits. `make bench-investigation` measures this alone."
    )
    rows = []
    for one in found["growth"]:
        counts = [f"{one['rows']:,}", one["columns"], one["causes"], one["found"]]
        ratio = one["cpu"] / one["refit_cpu"]
        rows.append([*counts, _seconds(one["wall"]), _seconds(one["cpu"]), f"{one['refit_cpu']:.2f}", f"{ratio:.1f}"])
    head = ["rows", "columns", "causes", "named", "wall s", "CPU s", "one refit, CPU s", "ratio"]
    return told + ("\n\n" + _table(head, rows, 0) if rows else "")


def _large_case(results: Mapping[str, Any]) -> str:
    case = results.get("large_case")
    if not case:
        return "Not measured."
    named = "; ".join(f"`{cause}`" for cause in case["causes"]) or "none"
    return (
        f"A retraining with {case['rows']:,} training rows x {case['columns']} columns on either side, and a tenth of that for validation; "
        f"planted: `{case['planted']}`. `ruleout investigate FOLDER --trust` took {case['wall']:.0f} s of wall clock, "
        f"{case['cpu']:.0f} s of CPU and {case['megabytes']:,} MB at the peak. Verdict: {case['verdict']}; causes named: {named}."
    )


def _not_run(results: Mapping[str, Any]) -> str:
    said = {TOOLS[one["tool"]]: one["words"] for one in results["measurements"] if one["status"] == "not run"}
    missing = {name: words for name, words in said.items() if words.startswith("could not")}
    return "".join(f"\n- {name} {words}." for name, words in missing.items())


if __name__ == "__main__":
    sys.exit(main())
