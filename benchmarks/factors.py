"""Black-box factors: ruleout and mlbisect over the same simulated regressions of known truth, in one go.

    python -m benchmarks.factors [--trials 200] [--results benchmarks/results/factors.json]

Every run of every tool is the same number for the same setting, seed and trial (`simulated_factors`). mlbisect has an environment of its
own, made from benchmarks/peers/mlbisect.txt. docs/factors.md holds the table that is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.run import PEERS, ROOT, Tool, environment_of
from benchmarks.simulated_factors import FACTORS, MIN_EFFECT, NOISES, STRUCTURES, Truth, truths
from ruleout.factors.search import Search

RESULTS = ROOT / "benchmarks" / "results" / "factors.json"
MLBISECT = Tool("mlbisect")
HARMED = ("single", "additive", "redundant", "conjoint")
"""The structures that mlbisect's method can see: the sides differ."""


@dataclass(frozen=True)
class Reply:
    """What a tool says of one regression: `structure` is empty where it has no word for it."""

    conclusive: bool
    harms: tuple[str, ...]
    gains: tuple[str, ...]
    structure: str
    runs: int

    def right(self, truth: Truth) -> bool:
        """Whether it is conclusive and names the right factors."""
        return self.conclusive and self.harms == tuple(sorted(truth.harms)) and (truth.structure != "masked" or self.gains == truth.gains)


def ruleout(truth: Truth) -> Reply:
    """Ask ruleout's search, run by run."""
    search = Search(len(FACTORS), min_effect=MIN_EFFECT)
    while (wanted := search.next()) is not None:
        for setting, seed in wanted.runs:
            search.tell(setting, seed, truth.metric([name for name, bit in zip(FACTORS, setting, strict=True) if bit], seed))
    said = search.answer
    harms, gains = (tuple(sorted(FACTORS[at] for at in part)) for part in (said.harms, said.gains))
    return Reply(search.conclusive, harms, gains, said.structure, len(search.runs))


def mlbisect(drawn: Iterable[Truth]) -> list[Reply]:
    """Ask mlbisect in its own environment.

    Several sets of one factor mean that each does harm by itself, one set of several that all are needed.
    """
    python, why = environment_of(MLBISECT)
    if why is not None:
        raise SystemExit(f"mlbisect: {why}")
    asked = "".join(json.dumps(truth.to_dict()) + "\n" for truth in drawn)
    command = [str(python), "-P", str(PEERS / "mlbisect.py")]
    done = subprocess.run(
        command, input=asked, capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    replies = []
    for line in done.stdout.splitlines():
        said: dict[str, Any] = json.loads(line)
        sets: list[list[str]] = said["sets"]
        several = len(sets) > 1 and all(len(one) == 1 for one in sets)
        structure = "none" if not sets else "additive or redundant" if several else "single" if len(sets[0]) == 1 else "conjoint"
        replies.append(Reply(said["conclusive"], tuple(sorted({name for one in sets for name in one})), (), structure, said["runs"]))
    return replies


def summary(drawn: list[Truth], replies: list[Reply]) -> dict[str, dict[str, dict[str, float]]]:
    """Per noise and structure: rates of right answers, of right words for the structure, of accusations, and runs."""
    out: dict[str, dict[str, dict[str, float]]] = {}
    for noise in NOISES:
        for structure in STRUCTURES:
            held = [(t, r) for t, r in zip(drawn, replies, strict=True) if (t.noise, t.structure) == (noise, structure)]

            def rate(test: Callable[[Truth, Reply], bool], held: list[tuple[Truth, Reply]] = held) -> float:
                return round(sum(test(t, r) for t, r in held) / len(held), 4)

            out.setdefault(str(noise), {})[structure] = {
                "right": rate(lambda t, r: r.right(t)),
                "told": rate(lambda t, r: r.conclusive and r.structure == t.structure),
                "conclusive": rate(lambda _, r: r.conclusive),
                "wrong": rate(lambda t, r: r.conclusive and bool(set(r.harms) - set(t.harms))),
                "runs": round(sum(r.runs for _, r in held) / len(held), 2),
            }
    return out


def over(cells: dict[str, dict[str, float]], structures: Iterable[str], name: str) -> float:
    """The mean of a figure over some structures."""
    values = [cells[structure][name] for structure in structures]
    return sum(values) / len(values)


def table(results: dict[str, Any]) -> str:
    """The results as the Markdown table of docs/factors.md."""
    lines = [
        "| noise sd | structure | right: ruleout | mlbisect | structure told: ruleout | mlbisect | wrong factor: ruleout | mlbisect "
        "| runs: ruleout | mlbisect |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for noise in map(str, NOISES):
        ours, theirs = (results["tools"][tool][noise] for tool in ("ruleout", "mlbisect"))
        groups = [(name, (name,)) for name in STRUCTURES] + [("**the four where the sides differ**", HARMED)]
        for label, group in groups:
            rates = [f"{100 * over(cells, group, figure):.1f} %" for figure in ("right", "told", "wrong") for cells in (ours, theirs)]
            runs = [f"{over(cells, group, 'runs'):.1f}" for cells in (ours, theirs)]
            lines.append(f"| {noise} | {label} | {' | '.join((*rates, *runs))} |")
    return "\n".join(lines)


def main() -> int:
    """Ask both tools, write the results, print the table."""
    parser = argparse.ArgumentParser(description="ruleout and mlbisect over simulated factors.")
    parser.add_argument("--trials", type=int, default=200, help="regressions of each structure at each noise (default 200)")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    drawn = list(truths(given.trials))
    tools = {"mlbisect": summary(drawn, mlbisect(drawn)), "ruleout": summary(drawn, [ruleout(truth) for truth in drawn])}
    results = {"trials": given.trials, "factors": len(FACTORS), "min_effect": MIN_EFFECT, "tools": tools}
    given.results.parent.mkdir(parents=True, exist_ok=True)
    given.results.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
