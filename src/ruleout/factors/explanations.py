"""Explanations: every way in which a few factors can act on a metric, as a small linear model over settings.

A setting says for each factor whether it has the reference's value (0) or the current one (1). A term is a product of such bits:
`main` a, `both` ab (only together), `either` a + b - ab (either alone does it), `unless` a (1 - b) (b hides what a does),
`against` a - b (what one takes the other gives back, so that the two sides look alike).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Literal

import numpy as np

__all__ = ["MOST_TERMS", "Explanation", "Term", "explanations", "features"]

Kind = Literal["main", "both", "either", "unless", "against"]

MOST_TERMS = 3
"""Terms of the richest explanation; the smallest set that explains the change is looked for, not every small effect."""

MANY_FACTORS = 12
"""With more factors than this, three of them acting together are no longer enumerated: there are too many triples."""

PRIORS = {
    "none": 0.15,
    "one": 0.30,
    "two": 0.20,
    "either": 0.10,
    "both": 0.10,
    "unless": 0.04,
    "against": 0.08,
    "three": 0.04,
    "either of three": 0.01,
    "all three": 0.02,
    "group and one": 0.03,
    "two and their product": 0.01,
}
"""Prior probability of each family, shared evenly among its members: one cause is likelier than two, two than three (Occam)."""


@dataclass(frozen=True)
class Term:
    """One way to act: `factors` are numbers of factors, in the order that `unless` needs."""

    kind: Kind
    factors: tuple[int, ...]

    def column(self, settings: np.ndarray) -> np.ndarray:
        """1 where the term acts. settings : (n, n_factors), 0 or 1. Returns (n,)."""
        held: np.ndarray = settings[:, list(self.factors)]
        if self.kind == "either":
            return np.asarray(held.max(axis=1))
        if self.kind == "unless":
            return np.asarray(held[:, 0] * (1 - held[:, 1]))
        if self.kind == "against":
            return np.asarray(held[:, 0] - held[:, 1])
        return np.asarray(held.min(axis=1))


@dataclass(frozen=True)
class Explanation:
    """A few terms that act together, each with an effect of its own, and how likely that was beforehand."""

    terms: tuple[Term, ...]
    prior: float

    @property
    def factors(self) -> tuple[int, ...]:
        """The factors that it speaks of, each once."""
        return tuple(sorted({f for term in self.terms for f in term.factors}))


def explanations(n_factors: int) -> tuple[Explanation, ...]:
    """Every explanation for so many factors, their priors adding up to 1."""
    families: dict[str, list[tuple[Term, ...]]] = {name: list(_members(name, n_factors)) for name in PRIORS}
    total = sum(PRIORS[name] for name, members in families.items() if members)
    return tuple(
        Explanation(terms, PRIORS[name] / total / len(members)) for name, members in families.items() for terms in members if members
    )


def _members(family: str, n: int) -> Iterator[tuple[Term, ...]]:
    every = range(n)
    if family == "none":
        yield ()
    elif family == "one":
        yield from ((Term("main", (a,)),) for a in every)
    elif family in ("two", "three") and (family == "two" or n <= MANY_FACTORS):
        for chosen in combinations(every, 2 if family == "two" else 3):
            yield tuple(Term("main", (f,)) for f in chosen)
    elif family in ("either", "both"):
        yield from ((Term("either" if family == "either" else "both", pair),) for pair in combinations(every, 2))
    elif family == "against":
        yield from ((Term("against", pair),) for pair in combinations(every, 2))
    elif family == "unless":
        yield from ((Term("unless", pair),) for pair in permutations(every, 2))
    elif family in ("either of three", "all three") and n <= MANY_FACTORS:
        yield from ((Term("either" if family.startswith("either") else "both", three),) for three in combinations(every, 3))
    elif family == "group and one" and n <= MANY_FACTORS:
        for pair in combinations(every, 2):
            for other in every:
                if other not in pair:
                    yield Term("either", pair), Term("main", (other,))
                    yield Term("both", pair), Term("main", (other,))
    elif family == "two and their product":
        yield from ((Term("main", (a,)), Term("main", (b,)), Term("both", (a, b))) for a, b in combinations(every, 2))


def features(said: tuple[Explanation, ...], settings: np.ndarray) -> np.ndarray:
    """The columns of every explanation: (n_explanations, n_settings, 1 + MOST_TERMS), the intercept first, absent terms 0."""
    cache: dict[Term, np.ndarray] = {}
    out = np.zeros((len(said), len(settings), 1 + MOST_TERMS))
    out[:, :, 0] = 1.0
    for row, one in enumerate(said):
        for at, term in enumerate(one.terms, start=1):
            if term not in cache:
                cache[term] = term.column(settings)
            out[row, :, at] = cache[term]
    return out
