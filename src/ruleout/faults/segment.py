"""A part of a table that people name: a category's rows, or the rows on one side of a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruleout.faults.system import System, weighty

__all__ = ["Segment", "draw_segment"]


@dataclass(frozen=True)
class Segment:
    """The rows of any frame of the system where `inside` holds; `text` says which they are."""

    column: str
    text: str
    inside: Callable[[Any], np.ndarray]


def draw_segment(system: System, rng: np.random.Generator, fraction: float, kind: str = "any", among: int = 3) -> Segment:
    """Draw a segment of about `fraction` of the rows by a feature that matters.

    A category's levels are taken until the fraction is reached; a number is cut at its quantile, from above or from below.
    """
    column = weighty(system, kind, rng, among=among)[0]  # type: ignore[arg-type]  # the caller says numeric, categorical or any
    values = system.reference.train[column]
    if column in system.dataset.categorical:
        shares = values.value_counts(normalize=True)
        levels: list[Any] = []
        for level in rng.permutation(np.array(shares.index, dtype=object)):
            if sum(shares[levels]) >= fraction * 0.8:
                break
            if sum(shares[levels]) + shares[level] <= min(0.85, fraction * 1.4):
                levels.append(level)
        levels = levels or [shares.index[-1]]
        return Segment(column, f"{column} in {', '.join(map(str, levels))}", lambda frame: frame[column].isin(levels).to_numpy(copy=True))
    if rng.random() < 0.5:
        cut = float(values.quantile(1 - fraction))
        return Segment(column, f"{column} > {cut:g}", lambda frame: (frame[column] > cut).to_numpy(copy=True))
    cut = float(values.quantile(fraction))
    return Segment(column, f"{column} < {cut:g}", lambda frame: (frame[column] < cut).to_numpy(copy=True))
