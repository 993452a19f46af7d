"""python -m ruleout.bench.halves: by how much the rows on which a repair was chosen flatter it.

What is chosen among many because it gained most gained in part by luck (the winner's curse). Each case is investigated on one half of the
rows that its metric is measured on, and what was confirmed is put right and measured on both halves: the difference is the flattery.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.case.case import Case, SideName
from ruleout.case.settle import settle
from ruleout.causes import page
from ruleout.errors import RuleoutError
from ruleout.examination.counterfactual import Counterfactuals
from ruleout.faults import Inapplicable, as_case, catalog, fault, healthy_system
from ruleout.problem import state_problem

__all__ = ["Flattery", "halved", "measured_twice"]

SYSTEMS = (
    ("customers", "linear"),
    ("rodents", "linear"),
    ("storms", "forest"),
    ("computers", "linear"),
    ("flights", "linear"),
    ("diamonds", "linear"),
)


@dataclass(frozen=True)
class Flattery:
    """One confirmed cause, measured on the rows that chose it and on the others.

    Parameters
    ----------
    cause
        What was confirmed.
    gains, harms
        What putting it right gained, and the change to be explained: on the choosing half, and on the other one.
    """

    cause: str
    gains: tuple[float, float]
    harms: tuple[float, float]

    @property
    def of_gain(self) -> float:
        """How much more the choosing rows gained, as a part of the larger change."""
        return (self.gains[0] - self.gains[1]) / max(self.harms)

    @property
    def of_share(self) -> float:
        """The same of the share that would be reported, in [-1, 1]."""
        first, second = (min(max(g / h, 0.0), 1.0) for g, h in zip(self.gains, self.harms, strict=True))
        return first - second


def halved(case: Case, seed: int) -> tuple[Case, Case]:
    """The case with one half of the rows that its metric is measured on, and with the other, drawn at random on each side."""
    name = "serving" if case.current.serving is not None else "validation"
    halves = [case, case]
    sides: tuple[SideName, ...] = ("reference", "current")
    for number, side in enumerate(sides):
        held = case.side(side)
        table = held.table(name) if held is not None else None  # type: ignore[arg-type]
        if table is None:
            continue
        order = np.random.default_rng([seed, number]).permutation(table.n_rows)
        for at, rows in enumerate(np.array_split(order, 2)):
            halves[at] = halves[at].with_table(side, name, table.take(np.sort(rows)))  # type: ignore[arg-type]
    return halves[0], halves[1]


def measured_twice(investigate: Callable[[Case], Any], case: Case, seed: int = 0) -> Iterator[Flattery]:
    """Investigate one half of a case, and measure each cause that it confirms on both."""
    first, second = halved(case, seed)
    confirmed = [c for c in investigate(first).examination.confirmed if not c.observed]
    problems = [state_problem(settle(half)) for half in (first, second)] if confirmed else []
    if not problems or min(p.harm for p in problems) <= 0:
        return
    for found in confirmed:
        gains = []
        for problem in problems:
            repaired = problem.case
            for finding in found.findings:
                repaired = page(found.cause).put_right(repaired, finding) or repaired
            if repaired is not problem.case:
                gains.append(Counterfactuals(problem).gained(problem.case, repaired).value)
        if len(gains) == 2:
            yield Flattery(found.cause, (gains[0], gains[1]), (problems[0].harm, problems[1].harm))


def _cases(seeds: Sequence[int], n_rows: int, names: Sequence[str] | None) -> Iterator[tuple[str, Case]]:
    entries = [e for e in catalog() if e.situation in ("retraining", "serving") and (names is None or e.name() in names)]
    for seed in seeds:
        for number, entry in enumerate(entries):
            data, estimator = SYSTEMS[(number + seed) % len(SYSTEMS)]
            rng = np.random.default_rng([seed, number])
            try:
                severity = ("small", "medium")[seed % 2]
                made = fault(entry.name()).inject(healthy_system(data, estimator, seed=seed, n_rows=n_rows), rng, severity, tries=2)  # type: ignore[arg-type]
            except (Inapplicable, ValueError):
                continue
            if made.validated and not made.in_files:
                yield f"{entry.name()} {data}/{estimator}", settle(as_case(made))


def main(arguments: Sequence[str] | None = None, investigate: Callable[[Case], Any] | None = None) -> int:
    """Measure and print the mean flattery with its standard error; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ruleout.bench.halves", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many seeds (default 3)")
    parser.add_argument("--rows", type=int, default=900, metavar="N", help="training rows of a side (default 900)")
    parser.add_argument("--faults", nargs="+", metavar="NAME", help="faults to inject (default: all of retraining and serving)")
    options = parser.parse_args(arguments)
    if investigate is None:
        from ruleout.bench.__main__ import investigate as public

        investigate = public
    found: list[Flattery] = []
    for name, case in _cases(range(options.seeds), options.rows, options.faults):
        try:
            new = list(measured_twice(investigate, case))
        except RuleoutError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        found += new
        said = ", ".join(f"{f.cause} {f.of_gain:+.3f}" for f in new) or "nothing confirmed"
        print(f"{name}: {said}", file=sys.stderr, flush=True)
    if len(found) < 2:
        print(f"{len(found)} causes were confirmed, too few for a mean.")
        return 1
    for told, values in (("gain, part of the change", [f.of_gain for f in found]), ("share", [f.of_share for f in found])):
        spread = float(np.std(values, ddof=1) / np.sqrt(len(values)))
        print(
            f"{told}: {np.mean(values):+.3f} +/- {spread:.3f} (standard error), median {np.median(values):+.3f}, n = {len(values)} causes"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
