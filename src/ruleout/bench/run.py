"""Runs the items through an investigation and keeps every result, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ruleout.bench.baselines import BASELINES, answer_naively
from ruleout.bench.evidence import with_less
from ruleout.bench.items import Item, build
from ruleout.bench.score import calibration, mark, totals
from ruleout.case.case import Case
from ruleout.case.read import read_case
from ruleout.faults import Broken, as_case, write_case

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
        `ruleout` and each baseline: totals; `by_situation`, `by_evidence`, `by_cause`, `by_severity`, `by_system`: totals of
        ruleout; `reliability`: bins;
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
    truth = broken.truth.to_dict()
    with TemporaryDirectory(prefix="ruleout-bench-") as folder:
        case, lost = _as_asked(broken, item, Path(folder))
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
    row |= {"situation": broken.situation, "evidence": item.evidence, "lost": list(lost)}
    return {**row, "truth": truth, "answer": answer, **mark(truth, answer), "baselines": baselines}


def _as_asked(broken: Broken, item: Item, folder: Path) -> tuple[Case, tuple[str, ...]]:
    """The case as a team hands it over: from files where the evidence is files (and every second run), and what is missing of it."""
    seed = zlib.crc32(item.draw.encode())
    on_disk = broken.in_files or (broken.situation == "training" and seed % 2 == 0)
    case = read_case(write_case(broken, folder), trust=True) if on_disk else as_case(broken)
    if item.evidence == "full":
        return case, ()
    places = [place for several in broken.truth.places for place in several]
    return with_less(case, broken.truth.causes, places, np.random.default_rng([seed, 3]))


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
        "by_situation": grouped(lambda r: r["situation"]),
        "by_evidence": grouped(lambda r: r["evidence"]),
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
