"""How far two distributions are apart, from their counts in the same bins, and how often samples of one population would be."""

from __future__ import annotations

import numpy as np

from ruleout.tables.state import NumberState

__all__ = [
    "benjamini_hochberg",
    "chi_square_p",
    "coarse",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_p",
    "population_stability",
    "shares_p",
    "total_variation",
    "unseen",
    "wasserstein",
]

N_COARSE = 20


def coarse(reference: np.ndarray, current: np.ndarray, n_bins: int = N_COARSE) -> tuple[np.ndarray, np.ndarray]:
    """Fine counts put together to at most `n_bins` bins of about equal reference counts, ten values or more a bin on either side."""
    n, m = int(reference.sum()), int(current.sum())
    n_bins = int(np.clip(min(n, m) // 10, 2, n_bins))
    middle = np.cumsum(reference) - reference / 2
    group = np.minimum(n_bins - 1, (middle * n_bins / max(n, 1)).astype(np.int64))
    return tuple(np.bincount(group, weights=counts, minlength=n_bins) for counts in (reference, current))  # type: ignore[return-value]  # two of them


def population_stability(reference: np.ndarray, current: np.ndarray) -> float:
    """The population stability index less what two samples of one population show, at least 0.

    sum (p - q) ln(p / q), with half a count added to each bin (Siddiqi 2006, "Credit risk scorecards"); its expectation under no
    change is (B - 1)(1/n + 1/m) over B bins (Yurdakul, Naranjo 2020, "Statistical properties of the population stability index").
    """
    filled = (reference + current) > 0
    n_bins = int(filled.sum())
    n, m = float(reference.sum()), float(current.sum())
    p, q = (reference[filled] + 0.5) / (n + 0.5 * n_bins), (current[filled] + 0.5) / (m + 0.5 * n_bins)
    return max(0.0, float(((p - q) * np.log(p / q)).sum()) - (n_bins - 1) * (1 / n + 1 / m))


def jensen_shannon(reference: np.ndarray, current: np.ndarray) -> float:
    """The Jensen-Shannon distance, in [0, 1]: the root of the divergence in bits (Endres, Schindelin 2003)."""
    p, q = reference / reference.sum(), current / current.sum()
    middle = (p + q) / 2
    divergence = sum(float((side[side > 0] * np.log2(side[side > 0] / middle[side > 0])).sum()) for side in (p, q)) / 2
    return float(np.sqrt(min(max(divergence, 0.0), 1.0)))


def total_variation(reference: np.ndarray, current: np.ndarray) -> float:
    """The total variation distance, in [0, 1]: half the summed differences of the shares."""
    return float(np.abs(reference / reference.sum() - current / current.sum()).sum() / 2)


def kolmogorov_smirnov(reference: np.ndarray, current: np.ndarray) -> float:
    """The largest gap of the two cumulative distributions at the edges, where every run of ties has ended."""
    return float(np.abs(np.cumsum(reference) / reference.sum() - np.cumsum(current) / current.sum()).max())


def kolmogorov_smirnov_p(distance: float, n: int, m: int) -> float:
    """How often samples of n and m values of one population are at least that far apart; too often with ties, never too seldom.

    The asymptotic distribution with Stephens' correction for small samples (Stephens 1970, J. R. Stat. Soc. B 32).
    """
    from scipy.special import kolmogorov

    root = np.sqrt(n * m / (n + m))
    return float(kolmogorov((root + 0.12 + 0.11 / root) * distance))


def wasserstein(reference: NumberState, current: NumberState) -> float | None:
    """The first Wasserstein distance in the column's unit, None where a side has no finite value or an infinite one.

    The integral of |F - G| over each bin is taken as the absolute integral of F - G, which counts and sums give exactly; the two
    differ only where F and G cross inside a bin.
    """
    if not reference.moments.n or not current.moments.n or reference.n_infinite or current.n_infinite:
        return None
    low = min(reference.moments.smallest, current.moments.smallest)
    high = max(reference.moments.largest, current.moments.largest)
    centre = reference.moments.mean
    areas = []
    with np.errstate(over="ignore", invalid="ignore"):
        bounds = np.concatenate([[low], np.clip(reference.edges.astype(np.float64), low, high), [high]]) - centre
        for side in (reference, current):
            heights = np.concatenate([[0], np.cumsum(side.counts)]) / side.moments.n
            areas.append(np.diff(bounds * heights) - (side.sums - side.counts * centre) / side.moments.n)
        distance = float(np.abs(areas[0] - areas[1]).sum())
    return distance if np.isfinite(distance) else None


def chi_square_p(reference: np.ndarray, current: np.ndarray) -> float:
    """Pearson's test that two rows of counts come from one distribution; cells that are empty on both sides do not count."""
    from scipy.special import chdtrc

    filled = (reference + current) > 0
    if filled.sum() < 2:
        return 1.0
    a, b = reference[filled].astype(float), current[filled].astype(float)
    n, m = a.sum(), b.sum()
    statistic = ((np.sqrt(m / n) * a - np.sqrt(n / m) * b) ** 2 / (a + b)).sum()
    return float(chdtrc(len(a) - 1, statistic))


def shares_p(hits: int, n: int, hits_current: int, m: int) -> float:
    """How often two samples of one population differ at least so much in the share of something.

    Yates' corrected chi-square where at least ten are expected in each of the four cells, else the binomial tail of the hits given
    their sum, doubled: both err on the side of no difference.
    """
    from scipy.special import bdtr, bdtrc, chdtrc

    total, rows = hits + hits_current, n + m
    if not n or not m or total in {0, rows}:
        return 1.0
    if min(total, rows - total) * min(n, m) / rows >= 10:
        gap = max(0.0, abs(hits * m - hits_current * n) - rows / 2)
        return float(chdtrc(1, gap * gap * rows / (float(n) * m * total * (rows - total))))
    if total > rows - total:
        hits, hits_current, total = n - hits, m - hits_current, rows - total
    share = m / rows
    upper = bdtrc(hits_current - 1, total, share) if hits_current else 1.0
    return float(min(1.0, 2 * min(upper, bdtr(hits_current, total, share))))


def unseen(totals: np.ndarray, observed: int, n: int, m: int) -> tuple[float, float]:
    """What is to be expected of values that the reference does not show, were both sides samples of one population.

    Given how often each value occurs in all, it falls to the current side alone with probability (m / (n + m))^total.

    Parameters
    ----------
    totals
        Occurrences of each value on both sides together.
    observed
        Current rows whose value the reference does not show.
    n, m
        Values on the reference and on the current side.

    Returns
    -------
    Expected number of such rows, and Chernoff's bound on the probability of `observed` or more.
    """
    sizes, many = np.unique(totals[totals > 0], return_counts=True)
    log_q = sizes * np.log(m / (n + m))
    expected = float((many * sizes * np.exp(log_q)).sum())
    if observed <= expected:
        return expected, 1.0
    tilt = np.logspace(-4, 1.5, 120)[:, None]
    log_moment = (many * np.logaddexp(np.log1p(-np.exp(log_q)), log_q + tilt * sizes)).sum(axis=1)
    return expected, float(np.exp(min(0.0, (log_moment - tilt[:, 0] * observed).min())))


def benjamini_hochberg(p_values: np.ndarray, rate: float) -> np.ndarray:
    """Which hypotheses are rejected so that at most `rate` of the rejections are expected to be false (Benjamini, Hochberg 1995)."""
    if not len(p_values):
        return np.empty(0, dtype=bool)
    ordered = np.sort(p_values)
    passing = np.flatnonzero(ordered <= rate * np.arange(1, len(ordered) + 1) / len(ordered))
    return p_values <= ordered[passing[-1]] if len(passing) else np.zeros(len(p_values), dtype=bool)
