"""Whether the columns of a table still stand together as they did: association between binned columns, pair by pair.

The statistic is linear in the share of rows that are out of place, so it estimates that share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Alignment", "align", "best_shift", "row_evidence"]

_PRIOR_ROWS = 20.0
_LARGEST_LOG_RATIO = 3.0
_LEAST_STRENGTH = 0.002
"""Association in nats a row below which a pair says nothing: a correlation of 0.06."""


@dataclass(frozen=True)
class Alignment:
    """How much of the association between every two columns is left in a table, against its yardstick.

    Parameters
    ----------
    kept
        Shape (n_columns, n_columns): 1 where the pair stands together as in the yardstick, 0 where it is as if shuffled;
        NaN where the yardstick shows too little association to say.
    error
        Standard errors of `kept`, same shape.
    strength
        Association in the yardstick in nats a row, same shape.
    log_ratio
        Shape (n_codes, n_codes): log of joint over independent share of every two codes.
    offsets
        Where each column's codes begin, shape (n_columns + 1,).
    """

    kept: np.ndarray
    error: np.ndarray
    strength: np.ndarray
    log_ratio: np.ndarray
    offsets: np.ndarray


def one_hot(codes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Indicator matrix, shape (n_rows, n_codes), of codes, shape (n_rows, n_columns)."""
    n_rows, n_columns = codes.shape
    out = np.zeros((n_rows, int(offsets[-1])), dtype=np.float32)
    rows = np.arange(n_rows)
    for column in range(n_columns):
        out[rows, offsets[column] + codes[:, column]] = 1.0
    return out


def align(yardstick: np.ndarray, suspect: np.ndarray, sizes: Sequence[int]) -> Alignment:
    """Compare the association of every two columns in a table with that in its yardstick.

    For columns c and d the yardstick gives L = log p(c, d) / (p(c) p(d)). The mean of L over a table's rows, less its mean
    were the columns independent, is the association in units of the yardstick; suspect over yardstick is the share that is
    left. L is learned on one half of the yardstick and measured on the other (both ways), so that `kept` is not biased by
    the fit. Rows put on wrong places lower `kept` in proportion. Pointwise mutual information: Church and Hanks (1990).

    Parameters
    ----------
    yardstick, suspect
        Codes from 0, shape (n_rows, n_columns).
    sizes
        Number of codes of each column.
    """
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    halves = [_joint(yardstick[half::2], offsets) for half in (0, 1)]
    n_half = max(len(yardstick) // 2, 1)
    ratios = [_log_ratio(joint, n_half) for joint in halves]
    ratio = (ratios[0] + ratios[1]) / 2.0
    crossed = [_association(halves[1 - half], ratios[half], offsets) for half in (0, 1)]
    strength = (crossed[0][0] + crossed[1][0]) / 2.0
    healthy_variance = (crossed[0][1] + crossed[1][1]) / 2.0
    strength_error = np.sqrt(healthy_variance / max(len(yardstick), 1))
    seen, variance = _association(_joint(suspect, offsets), ratio, offsets)
    # A suspect that happens to lack the rare rows that tell most would also seem the surer of it: the yardstick's spread is the least.
    variance = np.maximum(variance, healthy_variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = seen / strength
        error = np.sqrt(variance / max(len(suspect), 1) + (np.maximum(kept, 1.0) * strength_error) ** 2) / strength
    unclear = ~(strength > 6.0 * strength_error) | (strength < _LEAST_STRENGTH)
    np.fill_diagonal(unclear, True)
    kept[unclear] = np.nan
    error[unclear] = np.nan
    return Alignment(kept, error, strength, ratio, offsets)


def row_evidence(alignment: Alignment, codes: np.ndarray, column: int, others: Sequence[int]) -> np.ndarray:
    """For each row, how well each code of `column` goes with those `others` that tell of it: shape (n_rows, n_codes of the column)."""
    begin, end = alignment.offsets[column], alignment.offsets[column + 1]
    out = np.zeros((len(codes), int(end - begin)))
    for other in (c for c in others if np.isfinite(alignment.kept[column, c])):
        out += alignment.log_ratio[alignment.offsets[other] + codes[:, other], begin:end]
    return out


def best_shift(evidence: Sequence[np.ndarray], codes: Sequence[np.ndarray], shifts: Sequence[int]) -> tuple[int, int, int]:
    """Find the block of rows in which moving some columns by the same number of rows makes them fit the others best.

    Parameters
    ----------
    evidence
        From `row_evidence`, one for each column that moves, each of shape (n_rows, n_codes).
    codes
        The columns' codes, each of shape (n_rows,).
    shifts
        Candidates k: row i would get the value of row (i + k) modulo n_rows.

    Returns
    -------
    tuple
        k, first row, and the row after the last; k is 0 where nothing gains.
    """
    n_rows = len(codes[0])
    rows = np.arange(n_rows)
    now = sum((table[rows, column] for table, column in zip(evidence, codes, strict=True)), np.zeros(n_rows))
    best, most = (0, 0, 0), 0.0
    for shift in shifts:
        then = sum((table[rows, np.roll(column, -shift)] for table, column in zip(evidence, codes, strict=True)), np.zeros(n_rows))
        total = np.concatenate([[0.0], np.cumsum(then - now)])
        end = int(np.argmax(total - np.minimum.accumulate(total)))
        begin = int(np.argmin(total[: end + 1]))
        if total[end] - total[begin] > most:
            most, best = float(total[end] - total[begin]), (int(shift), begin, end)
    return best


def _joint(codes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    indicators = one_hot(codes, offsets)
    joint: np.ndarray = (indicators.T @ indicators).astype(np.float64) / max(len(codes), 1)
    return joint


def _log_ratio(joint: np.ndarray, n_rows: int) -> np.ndarray:
    share = np.diag(joint)
    independent = np.outer(share, share)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log((joint * n_rows + _PRIOR_ROWS * independent) / ((n_rows + _PRIOR_ROWS) * independent))
    return np.clip(np.where(independent > 0.0, ratio, 0.0), -_LARGEST_LOG_RATIO, _LARGEST_LOG_RATIO)


def _blocks(matrix: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    summed: np.ndarray = np.add.reduceat(np.add.reduceat(matrix, offsets[:-1], axis=0), offsets[:-1], axis=1)
    return summed


def _association(joint: np.ndarray, ratio: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of L beyond independence for every two columns, and its variance over rows."""
    share = np.diag(joint)
    sizes = np.diff(offsets)
    by_row = np.repeat(np.add.reduceat(ratio * share[None, :], offsets[:-1], axis=1), sizes, axis=1)
    by_column = np.repeat(np.add.reduceat(ratio * share[:, None], offsets[:-1], axis=0), sizes, axis=0)
    grand = np.repeat(np.repeat(_blocks(ratio * np.outer(share, share), offsets), sizes, axis=0), sizes, axis=1)
    centred = ratio - by_row - by_column + grand
    mean = _blocks(joint * centred, offsets)
    return mean, np.maximum(_blocks(joint * centred**2, offsets) - mean**2, 0.0)
