"""mlbisect on simulated factors: trials from standard input, one JSON answer a line; as many settings as its manifest has by default."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

from mlbisect.config import Configuration
from mlbisect.executors.base import RunResult
from mlbisect.manifest import Manifest
from mlbisect.search import find_culprits

from benchmarks.simulated_factors import FACTORS, MIN_EFFECT, Truth


class Simulated:
    """An executor that asks the simulation."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def run(self, config: Configuration, seed: int) -> RunResult:
        """One run, as mlbisect asks for it."""
        return RunResult(config=config.axes, seed=seed, metric=self.truth.metric(config.axes, seed), ok=True, duration_s=0.0)


MANIFEST = Manifest.model_validate(
    {
        "version": 1,
        "name": "simulated",
        "metric": {"name": "accuracy", "direction": "higher_is_better", "min_effect": MIN_EFFECT},
        "run": {"command": "true"},
        "axes": [{"name": name, "old": "old", "new": "new"} for name in FACTORS],
    }
)

for line in sys.stdin:
    truth = Truth(**json.loads(line))
    found = find_culprits(Simulated(truth), MANIFEST)
    answer = {
        "package": f"mlbisect {version('mlbisect')}",
        "conclusive": found.status != "inconclusive",
        "sets": sorted(sorted(one) for one in found.culprit_sets),
        "runs": found.runs_used,
    }
    print(json.dumps(answer), flush=True)
