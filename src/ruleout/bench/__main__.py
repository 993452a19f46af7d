"""python -m ruleout.bench: runs the bench and prints its table."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruleout.bench.items import plan_items
from ruleout.bench.run import run_bench
from ruleout.bench.table import render_table
from ruleout.errors import RuleoutError
from ruleout.faults import SITUATIONS


def investigate(case: Any) -> Any:
    """The public function, looked up when it is first needed."""
    return importlib.import_module("ruleout").investigate(case, cache=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ruleout.bench", description=__doc__)
    parser.add_argument("--faults", nargs="+", metavar="ID", help="faults to inject (default: all, and pairs)")
    parser.add_argument("--systems", nargs="+", metavar="NAME", help="systems, data sets or estimators: flights/boosted, diamonds, forest")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many seeds (default 3)")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N", help="the first seed (default 0)")
    parser.add_argument("--severities", nargs="+", choices=["small", "medium", "large"], default=["small", "medium", "large"])
    parser.add_argument("--rows", type=int, default=3000, metavar="N", help="training rows of a side (default 3000)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--small", action="store_true", help="one seed, 1,500 rows: a few minutes")
    parser.add_argument("--cross", action="store_true", help="every fault on every system")
    parser.add_argument("--situations", nargs="+", choices=SITUATIONS, default=SITUATIONS, help="situations (default: all)")
    parser.add_argument("--evidence", choices=["full", "partial", "mixed"], default="mixed", help="how much of it is shown (default mixed)")
    parser.add_argument("--no-pairs", action="store_true", help="single faults and healthy systems only")
    parser.add_argument("--results", type=Path, metavar="FILE", help="JSONL to keep results in, and to resume from")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the totals and all rows")
    options = parser.parse_args(arguments)
    seeds = range(options.first_seed, options.first_seed + (1 if options.small else options.seeds))
    try:
        items = plan_items(
            faults=options.faults,
            systems=options.systems,
            seeds=seeds,
            severities=options.severities,
            cross=options.cross,
            pairs=not options.no_pairs,
            situations=options.situations,
            evidence=options.evidence,
        )
        n = len(items)
        count = iter(range(1, n + 1))

        def listen(row: dict[str, Any]) -> None:
            verdict = (
                row["state"] if row["state"] != "ok" else "right" if row["top1"] else f"said {', '.join(row['said']) or row['verdict']}"
            )
            print(f"{next(count)}/{n}  {row['key']}  {verdict}  {row.get('error', '')}".rstrip(), file=sys.stderr, flush=True)

        summary = run_bench(
            investigate, items, n_rows=1500 if options.small else options.rows, jobs=options.jobs, results=options.results, listen=listen
        )
    except RuleoutError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(render_table(summary), end="")
    if options.json:
        options.json.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
