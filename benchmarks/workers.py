"""What workers save: the same investigation with one, two and four of them, in seconds.

    python -m benchmarks.workers [--seconds 1.0] [--workers 1,2,4]

A run sleeps, so that what is measured is how many wait at once and not how many processors this machine has. docs/workers.md holds the
table that is printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import ruleout

MEASURE = """import json, os, random, time
time.sleep(SECONDS)
given = {name: value for name, value in sorted(os.environ.items()) if name.startswith("FACTOR_")}
harm = 0.08 * (given["FACTOR_B"] == given["FACTOR_D"] == "new")
print(json.dumps({"metric": 0.9 - harm + random.Random(str(given)).gauss(0, 0.004)}))
"""


def write_case(folder: Path, seconds: float) -> Path:
    """A black box of four factors, two of which do harm together."""
    (folder / "run.py").write_text(MEASURE.replace("SECONDS", str(seconds)), encoding="utf-8")
    factors = "\n".join(f'{name} = ["old", "new"]' for name in "abcd")
    text = f'[case]\nmetric = "accuracy"\nmin_effect = 0.02\n[factors]\n{factors}\n[run]\nmeasure = "{sys.executable} run.py"\n'
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return folder


def main() -> int:
    """Investigate with each number of workers, and print a row for each."""
    parser = argparse.ArgumentParser(description="Seconds by the number of workers.")
    parser.add_argument("--seconds", type=float, default=1.0, help="what a run takes (default 1)")
    parser.add_argument("--workers", default="1,2,4", help="how many at once, with commas between (default 1,2,4)")
    given = parser.parse_args()
    print("| workers | runs | seconds | of one worker's | verdict |\n| ---: | ---: | ---: | ---: | --- |")
    first = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = write_case(Path(folder), given.seconds)
        for n in map(int, given.workers.split(",")):
            started = time.monotonic()
            found = ruleout.investigate(ruleout.read_case(path, trust=True), workers=n, cache=False)
            taken = time.monotonic() - started
            first = first or taken
            named = ", ".join(place for cause in found.causes for place in cause.where)
            print(f"| {n} | {found.extra['runs']} | {taken:.1f} | {taken / first:.2f} | {found.verdict}: {named} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
