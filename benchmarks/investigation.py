"""What a whole investigation costs: 50,000 rows of 20 columns, and how the cost grows with rows, with columns and with causes.

    python -m benchmarks.investigation [--rows 50000] [--columns 20] [--no-growth] [--json FILE]

A model was trained again on rows of which one column is a hundred times too large and another has its sign turned; for the growth over
causes on none, one, two, three or four such changes. What is printed: the conclusion; seconds of wall clock and of CPU (this process and
its children); peak memory; and the ratio to one refit of the same model on all training rows, measured beside the investigation in the
same process. Data and models are made before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

ROWS, COLUMNS, CAUSES = (5_000, 20_000, 50_000), (10, 20, 40), (0, 1, 2, 3, 4)
USUAL = (20_000, 20, 2)
"""Rows, columns and causes of which two stay as they are while the third grows."""
LEVELS = "abcdefgh"


@dataclass(frozen=True)
class Cost:
    """Seconds of wall clock and of CPU, and peak memory of this process so far in MiB."""

    wall: float
    cpu: float
    memory: float


def main() -> int:
    """Measure and print; the exit status is 0 where a cause was found."""
    parser = argparse.ArgumentParser(description="What a whole investigation costs.")
    parser.add_argument("--rows", type=int, default=50_000, help="training rows of each side (validation: half of them)")
    parser.add_argument("--columns", type=int, default=20, help="features, a fifth of them text")
    parser.add_argument("--no-growth", action="store_true", help="leave the tables of growth out")
    parser.add_argument("--json", type=Path, help="write the numbers as JSON, too")
    given = parser.parse_args()
    threads = os.environ.get("OMP_NUM_THREADS", "any number of")
    print(f"{os.cpu_count()} processors, {threads} threads a process, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    case, refit = broken_case(given.rows, given.columns)
    before = median(measured(refit) for _ in range(3))
    conclusion: list[Any] = []
    found = measured(lambda: conclusion.append(investigated(case)))
    after = median(measured(refit) for _ in range(3))
    once = Cost((before.wall + after.wall) / 2, (before.cpu + after.cpu) / 2, after.memory)
    names = [f"{cause.cause} at {', '.join(cause.where)}" for cause in conclusion[0].causes]
    print(f"{given.rows:,} rows x {given.columns} columns: {conclusion[0].verdict}; {'; '.join(names)}")
    print(f"investigation  wall {found.wall:6.2f} s   CPU {found.cpu:6.2f} s   peak memory {found.memory:,.0f} MiB")
    print(f"one refit      wall {once.wall:6.2f} s   CPU {once.cpu:6.2f} s   (median of 3 before and 3 after)")
    print(f"ratio          wall {found.wall / once.wall:6.1f}     CPU {found.cpu / once.cpu:6.1f}")
    rows = [] if given.no_growth else growth()
    if given.json is not None:
        one = _numbers(given.rows, given.columns, 2, found, once, conclusion[0])
        given.json.write_text(json.dumps({"one": one | {"megabytes": round(found.memory * 2**20 / 1e6)}, "growth": rows}))
    return 0 if conclusion[0].verdict == "cause-found" else 1


def growth() -> list[dict[str, Any]]:
    """CPU seconds over rows, over columns and over causes, beside those of one refit; printed as they come."""
    print(f"\n{'rows':>7} {'columns':>8} {'causes':>7} {'found':>6} {'wall s':>8} {'CPU s':>8} {'refit CPU s':>12} {'ratio':>7}")
    n_rows, n_columns, n_causes = USUAL
    sizes = [(rows, n_columns, n_causes) for rows in ROWS]
    sizes += [(n_rows, columns, n_causes) for columns in COLUMNS if columns != n_columns]
    sizes += [(n_rows, n_columns, causes) for causes in CAUSES if causes != n_causes]
    measurements = []
    for size in sizes:
        case, refit = broken_case(*size)
        conclusion: list[Any] = []
        once = median(measured(refit) for _ in range(3))
        found = measured(partial(_kept, conclusion, case))
        measurement = _numbers(*size, found, once, conclusion[0])
        measurements.append(measurement)
        print(
            f"{size[0]:>7,} {size[1]:>8} {size[2]:>7} {measurement['found']:>6} {found.wall:>8.2f} {found.cpu:>8.2f} {once.cpu:>12.2f} "
            f"{found.cpu / once.cpu:>7.1f}",
            flush=True,
        )
    return measurements


def _kept(conclusions: list[Any], case: Any) -> None:
    conclusions.append(investigated(case))


def _numbers(n_rows: int, n_columns: int, n_causes: int, found: Cost, once: Cost, conclusion: Any) -> dict[str, Any]:
    planted = {f"train.{column}" for column in PLANTED[:n_causes]}
    named = {place for cause in conclusion.causes for place in cause.where}
    return {
        "rows": n_rows,
        "columns": n_columns,
        "causes": n_causes,
        "found": len(planted & named),
        "verdict": conclusion.verdict,
        "wall": round(found.wall, 2),
        "cpu": round(found.cpu, 2),
        "refit_cpu": round(once.cpu, 2),
    }


PLANTED = ("n3", "n1", "n5", "n0")
"""Columns that are broken, in this order: a hundred times too large, the sign turned, a new unit with another zero, half of them null."""


def broken_case(n_rows: int, n_columns: int, n_causes: int = 2, seed: int = 0) -> tuple[Any, Callable[[], object]]:
    """A retraining case with some faults in its training rows, and a function that fits its model once on all of them."""
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.datasets import make_classification
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    from ruleout.case import Case, Side

    n_texts = n_columns // 5
    n_numbers = n_columns - n_texts
    made = {"n_informative": 8, "n_redundant": 0, "shuffle": False, "flip_y": 0.05}
    values, labels = make_classification(3 * n_rows, n_numbers, random_state=seed, **made)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    table = pd.DataFrame(values[order], columns=[f"n{k}" for k in range(n_numbers)])
    for k in range(n_texts):
        table[f"c{k}"] = pd.cut(table[f"n{k}"] + rng.normal(size=len(table)), len(LEVELS), labels=list(LEVELS)).astype(str)
    features = list(table)
    table["y"] = np.where(labels[order] == 1, "yes", "no")
    edges = [0, n_rows, 2 * n_rows, 2 * n_rows + n_rows // 2, 3 * n_rows]
    train, again, validation, held = (table.iloc[a:b].reset_index(drop=True) for a, b in pairwise(edges))
    lost = again["n0"].where(rng.random(len(again)) < 0.5)
    faults = {"n3": 100 * again["n3"], "n1": -again["n1"], "n5": 1.8 * again["n5"] + 32, "n0": lost}
    broken = again.assign(**{column: faults[column] for column in PLANTED[:n_causes]})

    def fitted(rows: pd.DataFrame) -> Any:
        coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        prepared = ColumnTransformer([("numbers", "passthrough", features[:n_numbers]), ("texts", coder, features[n_numbers:])])
        model = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=seed)
        return make_pipeline(prepared, model).fit(rows[features], rows["y"])

    reference = Side(train=train, validation=validation, model=fitted(train), config={})
    current = Side(train=broken, validation=held, model=fitted(broken), config={})
    return Case(reference=reference, current=current, target="y", metric="accuracy", changed="retraining"), lambda: fitted(broken)


def investigated(case: Any) -> Any:
    """The conclusion on a case."""
    from ruleout.conclusion import investigate

    return investigate(case, cache=False)


def measured(work: Callable[[], object]) -> Cost:
    """Do something once and say what it cost."""
    wall, cpu = time.monotonic(), seconds_of_cpu()
    work()
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Cost(time.monotonic() - wall, seconds_of_cpu() - cpu, kibibytes / 1024)


def median(costs: Iterator[Cost]) -> Cost:
    """The one of an odd number of costs that is in the middle by CPU."""
    ordered = sorted(costs, key=lambda cost: cost.cpu)
    return ordered[len(ordered) // 2]


def seconds_of_cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


if __name__ == "__main__":
    sys.exit(main())
