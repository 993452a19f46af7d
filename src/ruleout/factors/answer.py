"""Answer: what an explanation says of the factors: which harm, which gain, and how the harms act together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Literal

import numpy as np

from ruleout.factors.explanations import Explanation

__all__ = ["Answer", "Structure", "answer_of", "response", "shapley"]

Structure = Literal["single", "additive", "redundant", "conjoint", "masked", "none"]


@dataclass(frozen=True)
class Answer:
    """Which factors harm, which gain (numbers of factors, in order), and how the harms act together."""

    structure: Structure
    harms: tuple[int, ...] = ()
    gains: tuple[int, ...] = ()


def answer_of(said: Explanation, effects: np.ndarray, least: float) -> Answer:
    """Say in a word how the factors act, given the effects that were fitted.

    Parameters
    ----------
    said
        The explanation.
    effects
        (>= n_terms,) effect of each term; below 0 is harm.
    least
        Effects smaller than this are taken as none.
    """
    if len(said.terms) == 3 and said.terms[2].kind == "both":
        return _of_pair(said, effects, least)
    harms: list[int] = []
    gains: list[int] = []
    kinds: list[tuple[float, str]] = []
    for term, effect in zip(said.terms, effects, strict=False):
        if abs(effect) < least:
            continue
        if term.kind == "unless":
            # b is at its current value in the current run: what a does there is hidden. Where a would have gained, nothing is harmed.
            if effect < 0:
                harms.append(term.factors[0])
                gains.append(term.factors[1])
                kinds.append((effect, "main"))
        elif term.kind == "against":
            first, second = term.factors if effect < 0 else term.factors[::-1]
            harms.append(first)
            gains.append(second)
            kinds.append((-abs(effect), "main"))
        elif effect < 0:
            harms += term.factors
            kinds.append((effect, term.kind))
        else:
            gains += term.factors
    if not harms:
        return Answer("none", (), tuple(sorted(gains)))
    if gains:
        return Answer("masked", tuple(sorted(harms)), tuple(sorted(gains)))
    group = min(kinds)[1] if any(kind != "main" for _, kind in kinds) else "main"
    if group == "main" and len(kinds) > 1:
        return Answer("additive", tuple(sorted(harms)))
    names: dict[str, Structure] = {"main": "single", "both": "conjoint", "either": "redundant"}
    return Answer(names[group], tuple(sorted(harms)))


def _of_pair(said: Explanation, effects: np.ndarray, least: float) -> Answer:
    """Two factors whose four combinations were fitted freely."""
    a, b = said.terms[0].factors[0], said.terms[1].factors[0]
    alone = {a: -float(effects[0]), b: -float(effects[1])}
    together = -float(effects[:3].sum())
    harmful = tuple(f for f in (a, b) if alone[f] >= least)
    if together < least:
        if not harmful:
            return Answer("none", (), tuple(f for f in (a, b) if alone[f] <= -least))
        worst = max(harmful, key=lambda f: alone[f])
        return Answer("masked", (worst,), (b if worst == a else a,))
    if len(harmful) == 2:
        return Answer("redundant" if together < 0.75 * (alone[a] + alone[b]) else "additive", (a, b))
    if not harmful:
        return Answer("conjoint", (a, b))
    (one,) = harmful
    other = b if one == a else a
    if alone[other] <= -least or together <= alone[one] - least:
        return Answer("masked", (one,), (other,))
    return Answer("single", (one,)) if together < alone[one] + least else Answer("additive", (a, b))


def response(said: Explanation, effects: np.ndarray, settings: np.ndarray) -> np.ndarray:
    """What an explanation adds to the reference's metric at some settings: (n,)."""
    out = np.zeros(len(settings))
    for term, effect in zip(said.terms, effects, strict=False):
        out += effect * term.column(settings)
    return out


def shapley(said: Explanation, effects: np.ndarray, n_factors: int) -> dict[int, float]:
    """Each factor's part of the change between the two sides (Shapley, 1953), in units of the metric, of the factors spoken of."""
    active = said.factors
    out = dict.fromkeys(active, 0.0)
    worth: dict[frozenset[int], float] = {}
    for size in range(len(active) + 1):
        for chosen in combinations(active, size):
            setting = np.zeros((1, n_factors))
            setting[0, list(chosen)] = 1.0
            worth[frozenset(chosen)] = float(response(said, effects, setting)[0])
    for one in active:
        others = [f for f in active if f != one]
        for size in range(len(others) + 1):
            weight = factorial(size) * factorial(len(active) - size - 1) / factorial(len(active))
            for chosen in combinations(others, size):
                without = frozenset(chosen)
                out[one] += weight * (worth[without | {one}] - worth[without])
    return out
