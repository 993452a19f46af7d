"""Columns that are the target's mean over groups of rows, and over which rows the mean was taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Level", "Smoothed", "departure", "levels_told", "smoothed_means"]

MIXED = 0.05
"""Least share of rows in groups of more than one outcome: where every group is one row, any copy of the target is its mean."""

FEWEST_CELLS = 40


def departure(column: np.ndarray, outcome: np.ndarray) -> tuple[float, float]:
    """How far a column is from being the outcome's mean over the rows that share its value.

    Parameters
    ----------
    column, outcome
        Shape (n_rows,), floats; rows with NaN are left out.

    Returns
    -------
    Root mean squared difference in standard deviations of the outcome, and the share of rows whose group has more than one outcome.
    """
    known = np.isfinite(column) & np.isfinite(outcome)
    column, outcome = column[known], outcome[known]
    spread = float(outcome.std()) if len(outcome) else 0.0
    if len(column) < 20 or spread == 0:
        return float("inf"), 0.0
    # Values that were rounded for a file are one value again.
    values, place = np.unique(np.round(column, 9), return_inverse=True)
    counts = np.bincount(place)
    means = np.bincount(place, weights=outcome) / counts
    squares = np.bincount(place, weights=outcome**2) / counts
    mixed = (squares - means**2 > 1e-9 * spread**2)[place]
    return float(np.sqrt(np.mean((means[place] - values[place]) ** 2))) / spread, float(mixed.mean())


@dataclass(frozen=True)
class Smoothed:
    """A column explained as (sum + m prior) / (n + m) over the rows of each cell: `m`, the prior, and the error that is left."""

    weight: float
    prior: float
    error: float


def smoothed_means(column: np.ndarray, cells: np.ndarray, outcome: np.ndarray, counted: np.ndarray) -> Smoothed | None:
    """Explain a column that is constant within cells as a smoothed mean of the outcome (Micci-Barreca, 2001, equation 3).

    Parameters
    ----------
    column, outcome
        Shape (n_rows,), floats.
    cells
        Number of the cell of each row, shape (n_rows,).
    counted
        Which rows the mean is taken over, bool: all, or training alone.

    Returns
    -------
    None where the column is not constant within cells, or hardly varies between them. The error is in standard deviations of the column
    over cells.
    """
    known = np.isfinite(column) & np.isfinite(outcome)
    if known.sum() < 20:
        return None
    column, cells, outcome, counted = column[known], cells[known], outcome[known], counted[known]
    n_cells = int(cells.max()) + 1
    size = np.bincount(cells, minlength=n_cells)
    value = np.bincount(cells, weights=column, minlength=n_cells) / np.maximum(size, 1)
    spread = float(column.std())
    if spread == 0 or float(np.max(np.abs(column - value[cells]))) > 1e-6 * max(spread, 1e-12) + 1e-9:
        return None
    rows = counted.astype(np.float64)
    count = np.bincount(cells, weights=rows, minlength=n_cells)
    total = np.bincount(cells, weights=rows * outcome, minlength=n_cells)
    use = count > 0
    if use.sum() < 4:
        return None
    # value n - total = m prior - m value, linear in (m prior, m); weighted by rows, as large cells matter.
    design = np.column_stack([np.ones(int(use.sum())), -value[use]])
    answer = value[use] * count[use] - total[use]
    scale = 1 / count[use]
    solved = np.linalg.lstsq(design * scale[:, None], answer * scale, rcond=None)[0]
    weight = max(float(solved[1]), 0.0)
    prior = float(solved[0]) / weight if weight > 1e-9 else float(outcome.mean())
    said = (total[use] + weight * prior) / (count[use] + weight)
    error = float(np.sqrt(np.average((said - value[use]) ** 2, weights=size[use]))) / spread
    return Smoothed(weight, prior, error)


@dataclass(frozen=True)
class Level:
    """A column told by the outcome's mean over each cell: R2 over all rows and over training rows alone, and the slope over all.

    `held_out` is what a held-out row weighs in it, relative to a training row: 1 where the mean was taken over both alike. `in_training`
    is the part of a cell's rows that training has, on average.
    """

    together: float
    alone: float
    slope: float
    held_out: float
    n_cells: int
    in_training: float = 1.0

    @property
    def beyond_a_driver(self) -> float:
        """How many times less the means over all rows leave unexplained than they would of a column that drives the outcome.

        The mean of a cell is its level and noise, whose variance falls with the number of rows: of a column that *is* the level, the
        unexplained part over the explained one shrinks by the part of the rows that training has (attenuation; Spearman, 1904). Of a
        column that was made of these very rows it shrinks to nothing.
        """
        left, left_alone = ((1 - r2) / max(r2, 1e-12) for r2 in (self.together, self.alone))
        return left_alone * self.in_training / max(left, 1e-12)


def levels_told(column: np.ndarray, cells: np.ndarray, outcome: np.ndarray, in_training: np.ndarray) -> Level | None:
    """How far a column that is constant within cells is the outcome's mean over rows of the cell, some of which are not at hand.

    A mean over rows of which only a part is in the tables is not met exactly, but its regression on the mean over a cell's training rows
    and on that over its held-out rows gives each row the same weight. A mean over earlier rows gives held-out ones far less.

    Parameters
    ----------
    column, cells, outcome, in_training
        Shape (n_rows,): the column, the number of the row's cell, the outcome, and whether the row is in training.

    Returns
    -------
    None where the column is not constant within cells, or fewer than forty cells have rows on both sides.
    """
    known = np.isfinite(column) & np.isfinite(outcome)
    column, cells, outcome, in_training = column[known], cells[known], outcome[known], in_training[known]
    if not len(column):
        return None
    n_cells = int(cells.max()) + 1
    size = np.bincount(cells, minlength=n_cells)
    value = np.bincount(cells, weights=column, minlength=n_cells) / np.maximum(size, 1)
    spread = float(column.std())
    if spread == 0 or float(np.max(np.abs(column - value[cells]))) > 1e-6 * spread + 1e-9:
        return None
    count = np.bincount(cells, weights=in_training, minlength=n_cells)
    both = (count > 0) & (size > count)
    if both.sum() < FEWEST_CELLS:
        return None
    mine, total = (
        np.bincount(cells, weights=in_training * outcome, minlength=n_cells),
        np.bincount(cells, weights=outcome, minlength=n_cells),
    )
    value, count, size, mine, total = value[both], count[both], size[both], mine[both], total[both]
    one = np.ones(len(value))
    together, slopes = _told(value, np.column_stack([one, total / size]))
    alone, _ = _told(value, np.column_stack([one, mine / count]))
    # Each side's mean by its share of the cell: then equal weights are equal slopes.
    _, parts = _told(value, np.column_stack([one, mine / size, (total - mine) / size]))
    held_out = float(parts[2] / parts[1]) if parts[1] > 0 else 0.0
    return Level(together, alone, float(slopes[1]), held_out, int(both.sum()), float(np.mean(count / size)))


def _told(value: np.ndarray, design: np.ndarray) -> tuple[float, np.ndarray]:
    solved = np.linalg.lstsq(design, value, rcond=None)[0]
    return 1.0 - float(np.mean((value - design @ solved) ** 2)) / max(float(value.var()), 1e-300), solved
