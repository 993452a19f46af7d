"""python -m ruleout.bench.healthy: many healthy pairs, and on how many of them something was said to be wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ruleout.bench.items import Item, systems_named
from ruleout.bench.run import run_bench
from ruleout.errors import RuleoutError
from ruleout.faults import catalog
from ruleout.statistics.difference import Z95

__all__ = ["alarms", "plan_healthy", "render_alarms"]

SEVERITIES: tuple[Literal["small", "medium", "large"], ...] = ("small", "medium", "large")


def plan_healthy(n_pairs: int = 200, *, first_seed: int = 0, kinds: Sequence[str] | None = None) -> list[Item]:
    """List healthy pairs: every harmless change in turn, on systems, seeds and sizes that rotate; the same numbers give the same list.

    Parameters
    ----------
    kinds
        Names of harmless changes (`healthy.another-season`); by default all.
    """
    names = [entry.name() for entry in catalog("healthy")]
    names = [n for n in names if kinds is None or n in kinds]
    systems = systems_named()
    items = []
    for number in range(n_pairs):
        start = (number * 5 + first_seed) % len(systems)
        turn = number // len(names)
        rotated = systems[start:] + systems[:start]
        items.append(Item("healthy", (names[number % len(names)],), rotated, SEVERITIES[turn % 3], first_seed + turn))
    return items


def alarms(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """On how many healthy pairs a cause was named, and on how many a fall was called real, with 95 % intervals; in all and by kind."""
    ran = [r for r in rows if r["state"] != "skipped"]
    kinds = sorted({r["faults"][0] for r in ran})
    return {
        "all": _counted(ran),
        "by_kind": {kind: _counted([r for r in ran if r["faults"][0] == kind]) for kind in kinds},
        "raised": [r for r in ran if r["alarm"] or r["state"] == "crash" or r["verdict"] != "no-problem"],
        "n_skipped": len(rows) - len(ran),
    }


def _counted(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    n, named = len(rows), sum(bool(r["alarm"]) for r in rows)
    real = sum(r["verdict"] != "no-problem" for r in rows)
    return {
        "n": n,
        "named": named,
        "named_interval": _interval(named, n),
        "real": real,
        "real_interval": _interval(real, n),
        "crashes": sum(r["state"] == "crash" for r in rows),
    }


def _interval(k: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a rate of k in n (Wilson 1927); (0, 1) of none."""
    if n == 0:
        return 0.0, 1.0
    centre = (k + Z95**2 / 2) / (n + Z95**2)
    half = Z95 / (n + Z95**2) * (k * (n - k) / n + Z95**2 / 4) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def render_alarms(found: Mapping[str, Any]) -> str:
    """The counts as plain text, and each alarm with the system, what was measured and what was said."""
    groups = {"all healthy pairs": found["all"], **found["by_kind"]}
    width = max(len(name) for name in groups) + 2
    lines = [f"{'':{width}}{'n':>5}{'a cause named':>22}{'a fall called real':>22}"]
    for name, group in groups.items():
        cells = [f"{group[k]} ({group[f'{k}_interval'][0]:.3f} to {group[f'{k}_interval'][1]:.3f})" for k in ("named", "real")]
        lines.append(f"{name:{width}}{group['n']:>5}{cells[0]:>22}{cells[1]:>22}")
    for row in found["raised"]:
        said = row["error"] or ", ".join(row["said"]) or row["verdict"]
        lines.append(f"{row['key']}  {row.get('system', '')}  {row.get('why', '')}  said {said}")
    if found["n_skipped"]:
        lines.append(f"{found['n_skipped']} pairs were left out: the change moved the metric beyond noise on every system tried.")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None, investigate: Callable[[Any], Any] | None = None) -> int:
    """Run the healthy pairs; the exit code is 1 where a cause was named on more than 2 % of them."""
    parser = argparse.ArgumentParser(prog="python -m ruleout.bench.healthy", description=__doc__)
    parser.add_argument("--pairs", type=int, default=200, metavar="N", help="how many healthy pairs (default 200)")
    parser.add_argument("--kinds", nargs="+", metavar="NAME", help="harmless changes (default: all): healthy.another-season")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N", help="the first seed (default 0)")
    parser.add_argument("--rows", type=int, default=900, metavar="N", help="training rows of a side (default 900)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--results", type=Path, metavar="FILE", help="JSONL to keep results in, and to resume from")
    options = parser.parse_args(arguments)
    if investigate is None:
        from ruleout.bench.__main__ import investigate as public

        investigate = public
    items = plan_healthy(options.pairs, first_seed=options.first_seed, kinds=options.kinds)

    def listen(row: dict[str, Any]) -> None:
        verdict = row["state"] if row["state"] != "ok" else ", ".join(row["said"]) or row["verdict"]
        print(f"{row['key']}  {verdict}", file=sys.stderr, flush=True)

    try:
        summary = run_bench(investigate, items, n_rows=options.rows, jobs=options.jobs, results=options.results, listen=listen)
    except RuleoutError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    found = alarms(summary["rows"])
    print(render_alarms(found), end="")
    return int(found["all"]["named"] > 0.02 * found["all"]["n"])


if __name__ == "__main__":
    sys.exit(main())
