"""How long `ruleout compare` takes on two tables of 20 columns x 50,000 rows, start-up included: the middle one of nine runs.

python -m benchmarks.instant .benchmark/tables [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.made_tables import columns, row_groups
from benchmarks.measured import measured

ROWS, COLUMNS, RUNS = 50_000, 20, 9


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Seconds of a comparison of two small tables.")
    parser.add_argument("tables", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    paths = small_tables(given.tables / "small")
    command = [sys.executable, "-m", "ruleout", "compare", *map(str, paths), "--quiet"]
    costs = sorted((measured(command, good=(0, 1)) for _ in range(RUNS)), key=lambda cost: cost.wall)
    found = {
        "rows": ROWS,
        "columns": COLUMNS,
        "wall": round(costs[RUNS // 2].wall, 2),
        "cpu": round(sorted(cost.cpu for cost in costs)[RUNS // 2], 2),
        "megabytes": round(max(cost.megabytes for cost in costs)),
    }
    print(found)
    if given.json is not None:
        given.json.write_text(json.dumps(found))
    return max(cost.exit_code for cost in costs) if any(cost.status != "done" for cost in costs) else 0


def small_tables(folder: Path) -> list[Path]:
    """The reference and its planted twin with every second or third column."""
    import pyarrow.parquet as pq

    every = [column.name for column in columns()]
    chosen = [every[at * (len(every) - 1) // (COLUMNS - 1)] for at in range(COLUMNS)]
    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("reference", "planted"):
        path = folder / f"{name}.parquet"
        pq.write_table(next(row_groups(name, ROWS)).select(chosen), path, compression="zstd", store_schema=False)
        paths.append(path)
    return paths


if __name__ == "__main__":
    sys.exit(main())
