"""Search: which few factors explain the change, asked run by run until one answer is sure enough or the runs are spent.

Runs are chosen one round at a time and the search stops by the probability of the leading answer: Wald's rule of stopping where the
odds pass a bound (Wald, 1945, "Sequential tests of statistical hypotheses"), for many hypotheses at once (Baum and Veeravalli, 1994).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ruleout.factors.answer import Answer, answer_of, shapley
from ruleout.factors.design import next_settings, settings_for
from ruleout.factors.explanations import Explanation, explanations, features
from ruleout.factors.posterior import Posterior, posterior, repeat_sd
from ruleout.statistics.difference import normal_sf

__all__ = ["CONFIDENT", "ENOUGH", "ROUND", "Plan", "Round", "Search", "planned"]

CONFIDENT = 0.95
"""The search stops where one answer is as probable as this."""

ENOUGH = 0.75
"""Where the runs are spent, an answer as probable as this is still given; below, the conclusion is open."""

CORNER_RUNS = 3
"""Runs of each side before anything else: the change, and the noise, are measured first."""

ROUND = 2
"""Runs that are chosen at a time, whoever makes them: were it as many as there are workers, these would have a say in the answer."""

SLAB = 2.5
"""Effects that matter are expected to be about so many times the smallest one that matters."""

NEGLIGIBLE = 1e-4
"""What is less probable is left out of the sums."""

UNLIKELY = 5e-4
"""Explanations that are less probable have no say in the answers."""

QUIET = 0.1
"""Noise below this part of the smallest effect that matters is all one: no effect is mistaken for it."""


@dataclass(frozen=True)
class Plan:
    """What a search will cost: the fewest, the likely and the most runs."""

    fewest: int
    likely: int
    most: int


@dataclass(frozen=True)
class Round:
    """The next runs: settings as tuples of 0 (reference's value) and 1 (current value), each with its seed, and what they are to decide."""

    runs: tuple[tuple[tuple[int, ...], int], ...]
    purpose: str


def planned(n_factors: int, noise: float | None = None, change: float | None = None, min_effect: float | None = None) -> Plan:
    """Say what a search will cost.

    A balanced design of n runs knows an effect with a standard error of 2 sd / sqrt(n) (Box, Hunter and Hunter, 2005, section 5); four
    standard errors tell an effect of the size at hand from none.

    Parameters
    ----------
    n_factors
        How many factors.
    noise, change, min_effect
        Sd of a run, the change between the sides, and the smallest change that matters, where they are known already.
    """
    fewest = 2 * CORNER_RUNS + min(n_factors, 2 + math.ceil(math.log2(n_factors + 1)))
    most = max(2 * CORNER_RUNS + 4, 12 + 5 * n_factors)
    if noise is None or min_effect is None:
        likely = round((fewest + most) / 2)
    else:
        effect = max(abs(change or 0.0), 1.5 * min_effect)
        likely = fewest + round((8 * noise / effect) ** 2)
    return Plan(fewest, min(max(likely, fewest), most), most)


class Search:
    """Asks for runs and is told their metrics; says at any time what is believed.

    Parameters
    ----------
    n_factors
        How many factors.
    min_effect
        The smallest effect that matters; None to take it from the noise once both sides have run.
    most_runs
        No more runs than this; by default as `planned` says.
    seed
        Of the draws among settings, where there are too many to choose from all.
    likely
        (n_factors,) how likely each factor is to have a part in it beforehand, in any unit; by default all alike.
    """

    def __init__(
        self,
        n_factors: int,
        *,
        min_effect: float | None = None,
        most_runs: int | None = None,
        seed: int = 0,
        likely: Sequence[float] | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.min_effect = min_effect
        self.most_runs = most_runs if most_runs is not None else planned(n_factors).most
        self.settings = settings_for(n_factors, np.random.default_rng(seed))
        self.explanations: tuple[Explanation, ...] = explanations(n_factors)
        self.columns = features(self.explanations, self.settings)
        self.priors = np.array([one.prior for one in self.explanations])
        if likely is not None:
            # The mean over an explanation's factors: a pair is as likely as its members are, not as likely as both at once.
            self.priors *= [float(np.mean([likely[f] for f in one.factors] or likely)) for one in self.explanations]
            self.priors /= self.priors.sum()
        self.number = {tuple(int(v) for v in row): at for at, row in enumerate(self.settings)}
        self.barred: set[int] = set()
        self.runs: list[int] = []
        self.seeds: list[int] = []
        self.values: list[float] = []
        self.held: Posterior | None = None
        self._answers: list[tuple[Answer, float]] = []

    # What is asked, and told -------------------------------------------------------------------------------------------

    def next(self) -> Round | None:
        """The next runs; None where the answer is sure enough, the runs are spent, or no setting can be run any more."""
        left = self.most_runs - len(self.runs)
        if left <= 0 or len(self.barred) >= len(self.settings):
            return None
        corners = [c for c in (0, min(1, len(self.settings) - 1)) for _ in range(CORNER_RUNS - self.runs.count(c))]
        if corners and len(self.runs) < 2 * CORNER_RUNS and not {0, 1} & self.barred:
            return self._round(corners[:left], "both sides as they are, to know the change and the noise")
        self._believe()
        answer, probability = self._answers[0]
        if probability >= CONFIDENT:
            proof = [s for s in self.proofs(answer) if s not in self.runs and s not in self.barred]
            return self._round(proof[:left], "what the leading answer foretells, in both directions") if proof else None
        assert self.held is not None
        chosen = next_settings(self.held, self.columns, min(ROUND, left), barred=frozenset(self.barred))
        return self._round(chosen, "what tells the leading explanations apart")

    def tell(self, setting: tuple[int, ...], seed: int, value: float) -> None:
        """Note the metric of one run, counted so that more is better."""
        self.runs.append(self.number[setting])
        self.seeds.append(seed)
        self.values.append(value)
        self.held = None

    def bar(self, setting: tuple[int, ...]) -> None:
        """Never ask for a setting again: it cannot be run."""
        self.barred.add(self.number[setting])

    # What is believed --------------------------------------------------------------------------------------------------

    @property
    def corner_runs(self) -> int:
        """Runs of both sides as they are, before anything is exchanged."""
        return min(2 * CORNER_RUNS, self.most_runs)

    @property
    def answers(self) -> list[tuple[Answer, float]]:
        """Every answer with its probability, the likeliest first."""
        self._believe()
        return self._answers

    @property
    def answer(self) -> Answer:
        """The likeliest answer."""
        return self.answers[0][0]

    @property
    def probability(self) -> float:
        """How probable the likeliest answer is."""
        return self.answers[0][1]

    @property
    def conclusive(self) -> bool:
        """Whether the likeliest answer is probable enough to be given."""
        return self.probability >= (CONFIDENT if len(self.runs) < self.most_runs else ENOUGH)

    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """The metrics of the reference's and of the current setting, as they were told."""
        values, runs = np.array(self.values), np.array(self.runs)
        return values[runs == 0], values[runs == min(1, len(self.settings) - 1)]

    def at(self, setting: tuple[int, ...]) -> np.ndarray:
        """The metrics that were told of one setting."""
        return np.array([v for v, run in zip(self.values, self.runs, strict=True) if run == self.number.get(setting)])

    @property
    def noise(self) -> tuple[float, int]:
        """Sd of runs of one setting, and its degrees of freedom."""
        return repeat_sd(np.array(self.runs), np.array(self.values))

    def least(self) -> float:
        """The smallest effect that matters: given, or what the noise lets one see."""
        if self.min_effect is not None:
            return self.min_effect
        before, after = self.sides()
        change = abs(float(after.mean() - before.mean())) if len(before) and len(after) else 0.0
        size = max(abs(float(before.mean())) if len(before) else 0.0, 1e-12)
        return max(2.0 * self.noise[0], 0.1 * change, 1e-4 * size)

    def probabilities(self) -> np.ndarray:
        """(n_factors,) probability that each factor has a part in the harm, or hides it."""
        out = np.zeros(self.n_factors)
        for answer, weight in self.answers:
            for factor in {*answer.harms, *(answer.gains if answer.structure == "masked" else ())}:
                out[factor] += weight
        return np.clip(out, 0.0, 1.0)

    def best(self) -> tuple[Explanation, np.ndarray, np.ndarray]:
        """The likeliest explanation that gives the likeliest answer, with its effects and their covariance."""
        self._believe()
        assert self.held is not None
        order = np.argsort(-self.held.weights)
        at = next((int(k) for k in order[:400] if self._answer(int(k)) == self._answers[0][0]), int(order[0]))
        n = len(self.explanations[at].terms)
        return self.explanations[at], self.held.effects[at, 1 : n + 1], self.held.covariances[at, 1 : n + 1, 1 : n + 1]

    def parts(self, *, n_draws: int = 400, seed: int = 0) -> dict[int, tuple[float, float, float]]:
        """Each factor's part of the change with its 95 % interval, in units of the metric, of the explanation that leads."""
        said, effects, covariance = self.best()
        if not said.terms:
            return {}
        drawn = np.random.default_rng(seed).multivariate_normal(effects, covariance, n_draws, method="eigh")
        middle = shapley(said, effects, self.n_factors)
        spread = [shapley(said, one, self.n_factors) for one in drawn]
        return {f: (middle[f], *np.quantile([one[f] for one in spread], [0.025, 0.975]).tolist()) for f in middle}

    def proofs(self, answer: Answer) -> list[int]:
        """The two settings that prove an answer: the harms alone put right in the current run, and they alone put into the reference."""
        if not answer.harms:
            return []
        inside = np.zeros(self.n_factors)
        inside[list(answer.harms)] = 1.0
        wanted = [tuple(int(v) for v in row) for row in (1.0 - inside, inside)]
        return [self.number[one] for one in dict.fromkeys(wanted) if one in self.number]

    # Arithmetic --------------------------------------------------------------------------------------------------------

    def _round(self, settings: list[int], purpose: str) -> Round:
        runs, count = [], {s: self.runs.count(s) for s in settings}
        for setting in settings:
            runs.append((tuple(int(v) for v in self.settings[setting]), count[setting]))
            count[setting] += 1
        return Round(tuple(runs), purpose)

    def _answer(self, at: int) -> Answer:
        assert self.held is not None
        return answer_of(self.explanations[at], self.held.effects[at, 1:], self.least() / 2)

    def _ways(self, at: int) -> list[tuple[np.ndarray, float]]:
        """What an explanation can mean: each effect harm, nothing that matters, or gain, as its normal posterior has it."""
        assert self.held is not None
        n = len(self.explanations[at].terms)
        means = self.held.effects[at, 1 : n + 1]
        spreads = np.sqrt(np.maximum(np.diagonal(self.held.covariances[at])[1 : n + 1], 1e-300))
        least = self.least() / 2
        ways: list[tuple[tuple[float, ...], float]] = [((), 1.0)]
        for mean, spread in zip(means.tolist(), spreads.tolist(), strict=True):
            harm, gain = normal_sf((least + mean) / spread), normal_sf((least - mean) / spread)
            options = [
                (min(mean, -2 * least), harm),
                (mean if abs(mean) < least else 0.0, 1.0 - harm - gain),
                (max(mean, 2 * least), gain),
            ]
            ways = [((*before, value), p * q) for before, p in ways for value, q in options if p * q > NEGLIGIBLE]
        return [(np.array(effects), p) for effects, p in ways]

    def _believe(self) -> None:
        if self.held is not None:
            return
        runs, values = np.array(self.runs), np.array(self.values)
        least = self.least()
        before, after = self.sides()
        change = abs(float(after.mean() - before.mean())) if len(before) and len(after) else 0.0
        slab = max(SLAB * least, change)
        quiet = QUIET * least
        guess = max(repeat_sd(runs, values)[0], quiet)
        held = posterior(self.columns, self.priors, runs, np.array(self.seeds), values, slab=slab, noise=guess)
        # Once more with the noise that the explanations leave, which runs of the same setting alone do not tell well.
        held = posterior(self.columns, self.priors, runs, np.array(self.seeds), values, slab=slab, noise=max(held.sd, quiet))
        self.held = held
        weights: dict[Answer, float] = {}
        for at in np.flatnonzero(held.weights > UNLIKELY):
            for effects, part in self._ways(int(at)):
                answer = answer_of(self.explanations[at], effects, self.least() / 2)
                weights[answer] = weights.get(answer, 0.0) + part * float(held.weights[at])
        total = sum(weights.values())
        self._answers = sorted(((a, w / total) for a, w in weights.items()), key=lambda pair: (-pair[1], pair[0].harms, pair[0].gains))
