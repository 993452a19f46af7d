"""Simulated metrics of six factors with known truth, the same for every tool: plain Python, so that any environment can import it."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Any

STRUCTURES = ("single", "additive", "redundant", "masked", "conjoint", "none")
NOISES = (0.005, 0.01, 0.02)
FACTORS = ("data", "labels", "config", "package", "precision", "backend")
MIN_EFFECT = 0.02
SMALLEST, LARGEST = 0.03, 0.06
"""Harm of a factor, drawn evenly between these: one and a half to three times the smallest effect that matters."""


@dataclass(frozen=True)
class Truth:
    """One simulated regression: which factors harm, which gain, how they act together, and the noise of a run."""

    structure: str
    harms: tuple[str, ...]
    gains: tuple[str, ...]
    effects: tuple[float, ...]
    noise: float
    number: int

    def metric(self, current: Collection[str], seed: int) -> float:
        """The metric with some factors at their current value: a run gives every tool the same number, each run has its own noise."""
        on = [factor in current for factor in self.harms]
        first = self.effects[0] if self.effects else 0.0
        lost = {
            "single": lambda: first * on[0],
            "additive": lambda: sum(e * o for e, o in zip(self.effects, on, strict=True)),
            "redundant": lambda: first * any(on),
            "conjoint": lambda: first * all(on),
            "masked": lambda: first * on[0] - self.effects[1] * (self.gains[0] in current),
            "none": lambda: 0.0,
        }[self.structure]()
        rng = random.Random(f"{self.structure} {self.noise} {self.number} {sorted(current)} {seed}")
        return 0.9 - lost + rng.gauss(0.0, self.noise)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def truths(n_trials: int) -> Iterator[Truth]:
    """Draw so many regressions of every structure at every noise."""
    for noise in NOISES:
        for structure in STRUCTURES:
            for number in range(n_trials):
                rng = random.Random(f"{structure} {noise} {number}")
                two = rng.sample(FACTORS, 2)
                harm, other = (rng.uniform(SMALLEST, LARGEST) for _ in range(2))
                if structure == "none":
                    yield Truth(structure, (), (), (), noise, number)
                elif structure == "masked":
                    # The gain gives back what the harm takes, to within the smallest effect that matters.
                    gain = harm + rng.uniform(-0.5, 0.5) * MIN_EFFECT
                    yield Truth(structure, (two[0],), (two[1],), (harm, gain), noise, number)
                elif structure == "single":
                    yield Truth(structure, (two[0],), (), (harm,), noise, number)
                else:
                    effects = (harm, other) if structure == "additive" else (harm,)
                    yield Truth(structure, tuple(sorted(two)), (), effects, noise, number)
