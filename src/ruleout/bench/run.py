"""Runs the items through an investigation and keeps every result, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from ruleout.bench.baselines import BASELINES, answer_naively
from ruleout.bench.items import Item, build
from ruleout.bench.score import calibration, mark, totals
from ruleout.case.case import Case
from ruleout.faults import as_case

__all__ = ["Investigate", "run_bench", "run_item"]

Investigate = Callable[[Case], Any]
"""From a case to a conclusion with `to_dict()`, as `ruleout.investigate` is."""


def run_bench(
    investigate: Investigate,
    items: Sequence[Item],
    *,
    n_rows: int = 3000,
    jobs: int = 1,
    results: Path | None = None,
    listen: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Put every item through `investigate` and score the answers, beside those of the naive baselines.

    Parameters
    ----------
    results
        A JSONL file: a line an item. Items that it holds already are not run again.
    listen
        Is told every row as it comes.

    Returns
    -------
    dict
        `ruleout` and each baseline: totals; `by_cause`, `by_severity`, `by_system`: totals of ruleout; `reliability`: bins;
        `skipped`: items whose fault moved no metric; `rows`.
    """
    done = _read(results)
    todo = [item for item in items if item.key not in done]
    rows = [done[item.key] for item in items if item.key in done]
    for row in _rows(partial(run_item, investigate, n_rows), todo, jobs):
        rows.append(row)
        if results is not None:
            results.parent.mkdir(parents=True, exist_ok=True)
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        if listen is not None:
            listen(row)
    return summary(rows)


def _rows(work: Callable[[Item], dict[str, Any]], items: Sequence[Item], jobs: int) -> Iterator[dict[str, Any]]:
    if jobs <= 1:
        yield from map(work, items)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, items)


def run_item(investigate: Investigate, n_rows: int, item: Item) -> dict[str, Any]:
    """Make one case, ask, mark: a JSON-able row; `state` is `ok`, `crash` or `skipped`."""
    base: dict[str, Any] = {"key": item.key, "kind": item.kind, "faults": list(item.faults), "severity": item.severity, "seed": item.seed}
    broken = build(item, n_rows)
    if broken is None:
        return {**base, "state": "skipped"}
    truth, case = broken.truth.to_dict(), as_case(broken)
    start = time.perf_counter()
    state, error = "ok", ""
    try:
        answer = _answer(investigate(case).to_dict())
    except Exception as failure:  # the investigation is what is being measured: its failure is a result
        state, error = "crash", f"{type(failure).__name__}: {failure}"
        answer = {"verdict": "inconclusive", "causes": [], "open": []}
    seconds = time.perf_counter() - start
    baselines = {name: mark(truth, answer_naively(name, case)) for name in BASELINES}
    row = {**base, "system": broken.system.name, "state": state, "error": error, "seconds": round(seconds, 3), "why": broken.why}
    return {**row, "truth": truth, "answer": answer, **mark(truth, answer), "baselines": baselines}


def _answer(document: dict[str, Any]) -> dict[str, Any]:
    """What is scored of a conclusion's public JSON."""
    conclusion = document["conclusion"]
    causes = [{name: c.get(name) for name in ("cause", "where", "share", "probability")} for c in conclusion["causes"]]
    hypotheses = [h for h in document.get("hypotheses", []) if h.get("status") == "open"]
    ranked = sorted(hypotheses, key=lambda h: -(h.get("probability") or 0.0))
    return {"verdict": conclusion["verdict"], "causes": causes, "open": [h["cause"] for h in ranked[:3]]}


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The totals of many rows, in all and by cause, severity and system."""
    ran = [r for r in rows if r["state"] != "skipped"]
    baselines = {name: totals([r["baselines"][name] for r in ran]) for name in BASELINES}

    def grouped(name: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
        keys = sorted({name(r) for r in ran})
        return {key: totals([r for r in ran if name(r) == key]) for key in keys}

    return {
        "schema": 1,
        "ruleout": totals(ran),
        "baselines": baselines,
        "by_cause": grouped(lambda r: "+".join(r["faults"]) if r["kind"] in ("pair", "single", "healthy") else f"masked {r['faults'][0]}"),
        "by_severity": grouped(lambda r: r["severity"] if r["sick"] else "healthy"),
        "by_system": grouped(lambda r: r["system"]),
        "reliability": calibration(ran)["bins"],
        "skipped": [r["key"] for r in rows if r["state"] == "skipped"],
        "rows": list(rows),
    }


def _read(results: Path | None) -> dict[str, dict[str, Any]]:
    if results is None or not results.exists():
        return {}
    rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines() if line.strip()]
    return {row["key"]: row for row in rows}
