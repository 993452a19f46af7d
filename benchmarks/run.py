"""The whole benchmark in one run: tables by seed, then ruleout, the floors and the peers over them, each as a process of its own.

    python -m benchmarks.run [--rows 100000,1000000] [--large] [--only ruleout evidently] [--limit-seconds 300] [--limit-megabytes 12000]

Each peer has an environment of its own under .benchmark/environments, made from benchmarks/peers/NAME.txt, and one script,
benchmarks/peers/NAME.py. What takes longer than a limit, or more memory, is stopped, and is not run on larger tables. Results are written
after every measurement; `--resume` goes on with what is there. docs/benchmarks.md is made from them by `python -m benchmarks.document`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measured import Cost, Limits, last_line, measured

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks" / "peers"
WORK = ROOT / ".benchmark"
RESULTS = ROOT / "benchmarks" / "results" / "results.json"
PAIRS = ("healthy", "planted")
LARGE = 100_000_000
QUICK = 10.0
"""CPU seconds below which a command is run three times, and the one in the middle by CPU is kept."""
SHORT = 60.0
"""CPU seconds on the healthy pair up to which a tool is also run on the planted pair of a table that is not the smallest."""


@dataclass(frozen=True)
class Tool:
    """One tool: what it is called, and whether it has an environment of its own."""

    name: str
    own_environment: bool = True
    floor: bool = False
    largest: bool = False
    """Whether it is run on the largest tables, too."""


TOOLS = (
    Tool("ruleout", own_environment=False, largest=True),
    Tool("floor_pyarrow", own_environment=False, floor=True, largest=True),
    Tool("floor_polars", own_environment=False, floor=True),
    Tool("floor_duckdb", own_environment=False, floor=True),
    Tool("evidently"),
    Tool("frouros"),
    Tool("tfdv"),
    Tool("nannyml"),
    Tool("whylogs"),
    Tool("alibi-detect"),
    Tool("deepchecks"),
)


def main() -> int:
    """Measure all that is asked for and not measured yet."""
    given = _parser().parse_args()
    results: dict[str, Any] = json.loads(given.results.read_text()) if given.resume and given.results.exists() else {}
    limits = Limits(given.limit_seconds, given.limit_megabytes)
    sizes = sorted({*(int(size) for size in given.rows.split(",")), *([LARGE] if given.large else [])})
    results.setdefault("machine", machine())
    results["limits"] = {"seconds": limits.seconds, "megabytes": limits.megabytes}
    results["seed"] = given.seed
    results["planted"] = planted()
    results.setdefault("measurements", [])
    tools = [tool for tool in TOOLS if not given.only or tool.name in given.only]
    for n_rows in sizes:
        wanted = [tool for tool in tools if n_rows < LARGE or tool.largest]
        over_tables(results, wanted, n_rows, limits, given)
    for part, command in _PARTS.items():
        if part not in results and (not given.only or part in given.only) and part not in given.without:
            print(part, flush=True)
            results[part] = answered(part, command)
            save(given.results, results)
    return 0


_PARTS: dict[str, Sequence[str]] = {
    "accuracy": ("benchmarks.accuracy", str(WORK / "tables")),
    "instant": ("benchmarks.instant", str(WORK / "tables")),
    "investigation": ("benchmarks.investigation",),
    "large_case": ("benchmarks.large_case", str(WORK / "large_case")),
}
"""What is measured besides, by its name in the results: a module of this folder, which writes JSON where `--json` says."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="ruleout, its peers and the floor side by side.")
    parser.add_argument("--rows", default="100000,1000000", help="sizes of the tables, with commas between (default 100000,1000000)")
    parser.add_argument("--large", action="store_true", help="also 100,000,000 rows, for ruleout and the floor (34 GB of disk)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="tools and parts to run; all by default")
    parser.add_argument("--without", nargs="+", default=(), choices=_PARTS, metavar="PART", help=f"parts to leave out: {', '.join(_PARTS)}")
    parser.add_argument("--limit-seconds", type=float, default=300.0, help="CPU seconds after which a tool is stopped (default 300)")
    parser.add_argument("--limit-megabytes", type=float, default=12_000.0, help="memory at which a tool is stopped (default 12000)")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--resume", action="store_true", help="keep what the results hold already, and measure the rest")
    return parser


def over_tables(results: dict[str, Any], tools: Sequence[Tool], n_rows: int, limits: Limits, given: argparse.Namespace) -> None:
    """Run the tools on the pairs of one size."""
    folder = WORK / "tables" / str(n_rows)
    # The largest tables take 17 GB each: two of them are enough.
    pairs = PAIRS if n_rows < LARGE else PAIRS[:1]
    command = [sys.executable, "-m", "benchmarks.made_tables", str(folder), "--rows", str(n_rows), "--seed", str(given.seed), "--tables"]
    subprocess.run([*command, "reference", *pairs], check=True, cwd=ROOT)
    # The largest tables are given the time that they need.
    limits = limits if n_rows < LARGE else Limits(12 * limits.seconds, limits.megabytes)
    for tool in tools:
        for pair in pairs:
            if any((done["tool"], done["rows"], done["pair"]) == (tool.name, n_rows, pair) for done in results["measurements"]):
                continue
            why = why_not(tool, n_rows, pair, results["measurements"], limits)
            if why is None:
                python, why = environment_of(tool)
            if why is None:
                measurement = run(tool, python, folder / "reference.parquet", folder / f"{pair}.parquet", limits)
            else:
                measurement = {"status": "not run", "words": why}
            results["machine"]["load"] = max(results["machine"]["load"], round(os.getloadavg()[0], 1))
            results["measurements"].append({"tool": tool.name, "rows": n_rows, "pair": pair, **measurement})
            save(given.results, results)
            told = {name: value for name, value in measurement.items() if name not in {"looked_at", "drifted", "package"}}
            print(f"{n_rows:>11,} {pair:8} {tool.name:14}", told, flush=True)


def why_not(tool: Tool, n_rows: int, pair: str, measurements: Sequence[dict[str, Any]], limits: Limits) -> str | None:
    """Why a tool is not run on a pair, or None where it is."""
    before = [done for done in measurements if done["tool"] == tool.name and done["rows"] <= n_rows]
    for done in before:
        if done["status"] not in {"done", "not run"}:
            return f"{done['status']} at {done['rows']:,} rows"
        if done["status"] == "not run" and done["pair"] != "planted":
            return str(done["words"])
    smaller = [done for done in before if done["rows"] < n_rows and done["status"] == "done"]
    if smaller and tool.own_environment:
        last = max(smaller, key=lambda done: done["rows"])
        if last["cpu"] * n_rows / last["rows"] > 2 * limits.seconds:
            return f"took {last['cpu']:,.0f} CPU-s at {last['rows']:,} rows"
    if pair == "planted" and smaller:
        healthy = next(done for done in before if done["rows"] == n_rows and done["pair"] == "healthy")
        if healthy["cpu"] > SHORT:
            return f"took {healthy['cpu']:,.0f} CPU-s on the healthy pair"
    return None


def run(tool: Tool, python: Path, reference: Path, current: Path, limits: Limits) -> dict[str, Any]:
    """What a tool costs on two tables, and which columns it says have drifted."""
    WORK.mkdir(exist_ok=True)
    answer, log = WORK / f"answer-{os.getpid()}.json", WORK / f"{tool.name}-run.log"
    if tool.name == "ruleout":
        command = [str(python), "-m", "ruleout", "compare", str(reference), str(current), "--json", str(answer), "--quiet"]
    else:
        command = [str(python), "-P", str(PEERS / f"{tool.name}.py"), str(reference), str(current), str(answer)]
    costs: list[Cost] = []
    while len(costs) < (3 if costs and costs[0].cpu < QUICK else 1):
        answer.unlink(missing_ok=True)
        costs.append(measured(command, limits, {"PYTHONPATH": str(ROOT)}, (0, 1) if tool.name == "ruleout" else (0,), log))
        if costs[-1].status != "done":
            break
    cost = costs[-1] if costs[-1].status != "done" else sorted(costs, key=lambda one: one.cpu)[len(costs) // 2]
    measurement: dict[str, Any] = {
        "status": cost.status,
        "wall": round(cost.wall, 2),
        "cpu": round(cost.cpu, 2),
        "megabytes": round(max(one.megabytes for one in costs)),
        "runs": len(costs),
    }
    if cost.status == "failed":
        measurement["words"] = cost.words
    if cost.status == "done":
        measurement |= told(tool, json.loads(answer.read_text()))
    for left in WORK.glob(f"{answer.stem}.*"):
        left.unlink()
    return measurement


def told(tool: Tool, answer: dict[str, Any]) -> dict[str, Any]:
    """The tool's package, how many columns it looked at, and which of them it says have drifted."""
    if tool.name == "ruleout":
        from importlib.metadata import version

        return {"package": f"ruleout {version('ruleout')}", "looked_at": len(answer["columns"]), "drifted": sorted(answer["moved"])}
    return {"package": answer["package"], "looked_at": len(answer["looked_at"]), "drifted": answer["drifted"]}


def environment_of(tool: Tool) -> tuple[Path, str | None]:
    """The Python that runs a tool, in an environment made for it where it needs one; and why there is none."""
    if not tool.own_environment:
        return Path(sys.executable), None
    wanted = PEERS / f"{tool.name}.txt"
    folder = WORK / "environments" / tool.name
    python, stamp, log = folder / "bin" / "python", folder / "made-from", WORK / f"{tool.name}.log"
    mark = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == mark:
        return python, None
    WORK.mkdir(exist_ok=True)
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement", str(wanted)],
    )
    for step in steps:
        cost = measured(step, Limits(1_800.0, 1e6), output=log)
        if cost.status != "done":
            return python, f"could not be installed: {last_line(log)}"
    stamp.write_text(mark)
    return python, None


def answered(part: str, command: Sequence[str]) -> dict[str, Any]:
    """What one of the parts answers as JSON."""
    answer, log = WORK / f"answer-{os.getpid()}.json", WORK / f"{part}-run.log"
    answer.unlink(missing_ok=True)
    cost = measured([sys.executable, "-m", *command, "--json", str(answer)], Limits(3_600.0, 1e6), {"PYTHONPATH": str(ROOT)}, output=log)
    if cost.status != "done":
        raise SystemExit(f"{part}: {cost.status}; {cost.words}")
    found: dict[str, Any] = json.loads(answer.read_text())
    answer.unlink()
    return found


def planted() -> dict[str, str]:
    """What is planted, by column, asked of another process so that this one stays small."""
    code = "import json; from benchmarks.made_tables import PLANTED; print(json.dumps({n: drift.words for n, drift in PLANTED.items()}))"
    command = [sys.executable, "-c", code]
    said: dict[str, str] = json.loads(subprocess.run(command, check=True, cwd=ROOT, capture_output=True).stdout)
    return said


def machine() -> dict[str, Any]:
    """What the run was made on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "processors": cores,
        "gigabytes": round(memory),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 1),
    }


def save(path: Path, results: dict[str, Any]) -> None:
    """Write the results, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(results, indent=1) + "\n")
    unfinished.replace(path)


if __name__ == "__main__":
    sys.exit(main())
