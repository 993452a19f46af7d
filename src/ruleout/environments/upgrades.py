"""Upgrades: which of the packages that differ makes the difference, asked mix by mix.

The packages are the factors of a black box (`ruleout.factors`): a mix is the reference's environment with some of them as in the current
one. Where they are many they are first asked in bundles, and only the bundles that have a part in it are opened, as delta debugging
does (Zeller and Hildebrandt, 2002, "Simplifying and isolating failure-inducing input"); a mix that cannot be installed is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ruleout.errors import BudgetSpent, RuleoutError
from ruleout.factors.answer import Structure
from ruleout.factors.search import CONFIDENT, Search

__all__ = ["Turn", "Upgrades", "bundled"]

MOST_BUNDLES = 6
"""So many bundles are asked about at a time: nine mixes or fewer tell them apart where one of them does it all."""

ALIKE = 3
"""So many mixes that cannot be run and have one package new and another old in common stand for all others of that kind."""

LIKELIEST = 0.5
"""How much less likely each package is to have done it than the one before it in the order of suspicion."""

Measure = Callable[[tuple[str, ...], int], float]
"""The metric (more is better) with some packages upgraded, by seed; raises `RuleoutError` where that mix cannot be run."""


@dataclass(frozen=True)
class Turn:
    """A few mixes that were measured, each by the packages that were upgraded in it, and what is believed after them.

    `values` holds None for a mix that could not be run; `bundles` are the packages that were asked about together.
    """

    values: tuple[tuple[tuple[str, ...], float | None], ...]
    bundles: tuple[tuple[str, ...], ...]
    harms: tuple[str, ...]
    probability: float


@dataclass
class Upgrades:
    """The search over the packages that differ.

    Parameters
    ----------
    packages
        Those that differ, the most suspect first.
    min_effect
        Smallest difference of the metric that counts.
    """

    packages: tuple[str, ...]
    min_effect: float
    harms: tuple[str, ...] = ()
    gains: tuple[str, ...] = ()
    structure: Structure = "none"
    probability: float = 0.0
    told_apart: bool = False
    measured: dict[tuple[str, ...], float] = field(default_factory=dict)
    untested: dict[tuple[str, ...], str] = field(default_factory=dict)

    def turns(self, measure: Measure) -> Iterator[Turn]:
        """Measure round by round until it is told which packages do it, or no mix is left that can be run."""
        open_: tuple[str, ...] = self.packages
        still: tuple[str, ...] = ()
        while True:
            bundles = bundled(open_, MOST_BUNDLES)
            search = Search(len(bundles), min_effect=self.min_effect, likely=[LIKELIEST**at for at in range(len(bundles))])
            yield from self._asked(search, bundles, still, measure)
            answer = search.answer
            if search.conclusive and not self._proved(search, bundles, still):
                yield from self._put_back(search, bundles, still, measure)
                answer = search.answer
            proved = self._proved(search, bundles, still)
            guilty = [bundle for at, bundle in enumerate(bundles) if at in {*answer.harms, *answer.gains}]
            if not proved:
                # Those that keep a part of the probability are not told apart.
                guilty = [b for b, p in zip(bundles, search.probabilities().tolist(), strict=True) if p > 1 - CONFIDENT]
            self.structure, self.probability, self.told_apart = answer.structure, search.probability, proved
            self.harms = tuple(p for at, b in enumerate(bundles) for p in b if at in answer.harms or (not proved and b in guilty))
            self.gains = tuple(p for at, b in enumerate(bundles) for p in b if at in answer.gains and proved)
            narrower = tuple(p for bundle in guilty for p in bundle)
            if all(len(bundle) == 1 for bundle in guilty) or len(narrower) == len(open_):
                return
            open_ = narrower
            still = tuple(p for p in self.packages if p not in open_)

    def _proved(self, search: Search, bundles: Sequence[tuple[str, ...]], still: tuple[str, ...]) -> bool:
        """Whether the leading answer is told apart from the others: mixes that cannot be run leave some alike, whatever the odds say.

        Then one package counts as proved where it was put back by itself, or put forward by itself; that several act together is said at
        full odds alone.
        """
        if search.probability >= CONFIDENT:
            return True
        harms = search.answer.harms
        back, forward = (self._mix([int((at in harms) is on) for at in range(len(bundles))], bundles, still) for on in (False, True))
        return search.conclusive and len(harms) == 1 and (back in self.measured or forward in self.measured)

    def _put_back(self, search: Search, bundles: Sequence[tuple[str, ...]], still: tuple[str, ...], measure: Measure) -> Iterator[Turn]:
        """Put what the leading answer accuses back by itself, where that was not asked yet."""
        setting = tuple(int(at not in search.answer.harms) for at in range(len(bundles)))
        mix = self._mix(setting, bundles, still)
        if mix in self.measured or mix in self.untested:
            return
        value = self._measured(mix, 0, measure)
        if value is not None:
            search.tell(setting, 0, value)
        yield Turn(((mix, value),), tuple(bundles), tuple(p for at in search.answer.harms for p in bundles[at]), search.probability)

    def _asked(self, search: Search, bundles: Sequence[tuple[str, ...]], still: tuple[str, ...], measure: Measure) -> Iterator[Turn]:
        refused: list[tuple[int, ...]] = []
        while (wanted := search.next()) is not None:
            values: dict[tuple[str, ...], float | None] = {}
            for setting, seed in wanted.runs:
                mix = self._mix(setting, bundles, still)
                value = self._measured(mix, seed, measure)
                if value is None:
                    search.bar(setting)
                    refused.append(setting)
                else:
                    search.tell(setting, seed, value)
                values[mix] = value
            if any(value is None for value in values.values()):
                for setting in _excluded(search, refused):
                    search.bar(setting)
            harms = tuple(p for at in search.answer.harms for p in bundles[at]) if search.runs else ()
            fresh = tuple((mix, value) for mix, value in values.items())
            yield Turn(fresh, tuple(bundles), harms, search.probability if search.runs else 0.0)

    def _mix(self, setting: Sequence[int], bundles: Sequence[tuple[str, ...]], still: tuple[str, ...]) -> tuple[str, ...]:
        """The packages that a setting upgrades: packages known to be innocent go with the side that most of the others are on."""
        on = {p for bit, bundle in zip(setting, bundles, strict=True) if bit for p in bundle}
        if 2 * sum(setting) > len(setting):
            on |= set(still)
        return tuple(p for p in self.packages if p in on)

    def _measured(self, mix: tuple[str, ...], seed: int, measure: Measure) -> float | None:
        if mix in self.untested:
            return None
        try:
            value = measure(mix, seed)
        except BudgetSpent:
            raise
        except RuleoutError as error:
            self.untested[mix] = str(error)
            return None
        self.measured[mix] = value
        return value

    def alone(self) -> Mapping[str, float]:
        """The metric with one package upgraded and nothing else, of those that were measured so."""
        return {mix[0]: value for mix, value in self.measured.items() if len(mix) == 1}


def _excluded(search: Search, refused: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """Settings that will not run either: a package new beside another one old, as in several that did not and in none that did.

    The fewest such pairs that account for the refusals are taken, the one that accounts for most first (Chvatal, 1979, the greedy cover).
    """
    ran = [search.settings[at] for at in {*search.runs}]
    left = list(refused)
    n = search.n_factors
    pairs = [(a, b) for a in range(n) for b in range(n) if a != b and not any(one[a] and not one[b] for one in ran)]
    while left and pairs:
        a, b = max(pairs, key=lambda pair: sum(1 for one in left if one[pair[0]] and not one[pair[1]]))
        rest = [one for one in left if not (one[a] and not one[b])]
        if len(left) - len(rest) < ALIKE:
            return
        left = rest
        yield from (tuple(int(v) for v in row) for row in search.settings if row[a] and not row[b])


def bundled(packages: Sequence[str], most: int) -> tuple[tuple[str, ...], ...]:
    """Put packages into at most so many bundles: the most suspect ones alone, the others in bundles of like size."""
    if len(packages) <= most:
        return tuple((p,) for p in packages)
    alone = most // 2
    rest, n = list(packages[alone:]), most - alone
    bounds = [round(k * len(rest) / n) for k in range(n + 1)]
    return (*((p,) for p in packages[:alone]), *(tuple(rest[a:b]) for a, b in pairwise(bounds) if a < b))
