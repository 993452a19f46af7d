"""Which labels are wrong, judged from a healthy model's answers: the joint of given and true labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Noise", "answer_bins", "draw_true_labels", "label_noise", "wrong_numbers"]

_REPEATS = 40


@dataclass(frozen=True)
class Noise:
    """Wrong labels in a table, as a healthy model's answers give them away.

    Parameters
    ----------
    joint
        Shape (n_classes, n_classes): share of rows with given label i and true label j; sums to 1.
    rate
        Share of rows whose label is wrong, less what sampling alone would show.
    error
        Standard deviation of `rate` in healthy samples of these sizes.
    """

    joint: np.ndarray
    rate: float
    error: float

    @property
    def transition(self) -> np.ndarray:
        """Shape (n_classes, n_classes): of the rows whose true label is i, the share that is labelled j."""
        total = self.joint.sum(axis=0)
        share: np.ndarray = (self.joint / np.where(total > 0, total, 1.0)).T
        return share


def answer_bins(scores: np.ndarray, yardstick_scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Cut a model's answers into few kinds: deciles of the one score, or the likeliest class, sure or not.

    Parameters
    ----------
    scores, yardstick_scores
        Answers for suspect and yardstick, shape (n_rows,) or, with a column a class, (n_rows, n_classes).

    Returns
    -------
    tuple
        Codes of either, shape (n_rows,), and how many there are.
    """
    if scores.ndim == 2 and scores.shape[1] == 2:
        scores, yardstick_scores = scores[:, 1], yardstick_scores[:, 1]
    if scores.ndim == 1:
        edges = np.unique(np.quantile(yardstick_scores, np.linspace(0, 1, 11)[1:-1]))
        return np.searchsorted(edges, scores), np.searchsorted(edges, yardstick_scores), len(edges) + 1
    n_classes = scores.shape[1]
    sure = np.median(yardstick_scores.max(axis=1))
    found = [2 * s.argmax(axis=1) + (s.max(axis=1) >= sure) for s in (scores, yardstick_scores)]
    return found[0], found[1], 2 * n_classes


def label_noise(suspect: tuple[np.ndarray, np.ndarray], yardstick: tuple[np.ndarray, np.ndarray], n_classes: int, n_answers: int) -> Noise:
    """Estimate the joint of given and true labels from a healthy model's answers.

    The yardstick gives p(answer | label). Where labels are wrong independently of the features given the class,
    the suspect's p(label i, answer z) is the sum over true labels j of joint(i, j) p(z | j); it is solved for by non-negative least
    squares. This is the confusion-matrix argument of Lipton, Wang and Smola (2018), applied to each given label; the joint is that of
    Northcutt, Jiang and Chuang (2021), without thresholds. A class mix that moved leaves it diagonal. The rate's scatter in
    health is found by drawing both tables again with labels that are right.

    Parameters
    ----------
    suspect
        Codes of the suspect's labels and of the answers to its rows, each of shape (n_rows,).
    yardstick
        The same of rows that the model was not fitted on and whose labels are right.
    n_classes, n_answers
        Number of codes.
    """
    seen = _counts(*suspect, n_classes, n_answers)
    healthy = _counts(*yardstick, n_classes, n_answers)
    joint = _solve(seen, healthy)
    rng = np.random.default_rng(0)
    chances = healthy + 0.5 * healthy.sum(axis=0) / max(healthy.sum(), 1.0)
    chances = chances / np.maximum(chances.sum(axis=1, keepdims=True), 1e-12)
    drawn = np.empty(_REPEATS)
    for repeat in range(_REPEATS):
        again = np.array([rng.multinomial(int(total), p) for total, p in zip(seen.sum(axis=1), chances, strict=True)], dtype=float)
        yard = np.array([rng.multinomial(int(total), p) for total, p in zip(healthy.sum(axis=1), chances, strict=True)], dtype=float)
        drawn[repeat] = 1.0 - np.trace(_solve(again, yard))
    return Noise(joint, float(1.0 - np.trace(joint) - drawn.mean()), float(drawn.std(ddof=1)))


def draw_true_labels(
    labels: np.ndarray, probabilities: np.ndarray, shares: np.ndarray, noise: Noise, rng: np.random.Generator
) -> np.ndarray:
    """Draw the true class of each row, shape (n_rows,), given its label and a healthy model's probabilities.

    By Bayes p(j | x, i) is in proportion to p(j | x) / p(j) * joint(i, j), with p(j) as in the model's own training. A draw, not the
    likeliest class: that would leave no row on which the healthy model errs, and so flatter it.
    """
    chances = probabilities * noise.joint[labels] / np.maximum(shares, 1e-6)
    total = chances.cumsum(axis=1)
    drawn: np.ndarray = (total < rng.random((len(labels), 1)) * total[:, -1:]).sum(axis=1)
    return np.where(total[:, -1] > 0, np.minimum(drawn, chances.shape[1] - 1), labels)


def wrong_numbers(numbers: np.ndarray, answers: np.ndarray, held_numbers: np.ndarray, held_answers: np.ndarray) -> np.ndarray:
    """Which numbers lie outside 99 % of a healthy model's errors at answers of like size, shape (n_rows,).

    Parameters
    ----------
    numbers, answers
        Labels and the model's answers of the rows in question, shape (n_rows,).
    held_numbers, held_answers
        The same of healthy rows that the model was not fitted on; their errors are taken by eighths of the answers.
    """
    error = np.abs(held_numbers - held_answers)
    edges = np.unique(np.quantile(held_answers, np.linspace(0, 1, 9)[1:-1]))
    level, mine = np.searchsorted(edges, held_answers), np.searchsorted(edges, answers)
    limit = np.array([np.quantile(error[level == at], 0.99) if (level == at).any() else np.inf for at in range(len(edges) + 1)])
    outside: np.ndarray = np.abs(numbers - answers) > limit[mine]
    return outside


def _counts(labels: np.ndarray, answers: np.ndarray, n_classes: int, n_answers: int) -> np.ndarray:
    flat = np.bincount(labels * n_answers + answers, minlength=n_classes * n_answers)
    return flat.reshape(n_classes, n_answers).astype(float)


def _solve(seen: np.ndarray, healthy: np.ndarray) -> np.ndarray:
    """Joint of given and true labels: each row of `seen` as a sum of the rows of `healthy`."""
    from scipy.optimize import nnls

    given = healthy / np.maximum(healthy.sum(axis=1, keepdims=True), 1.0)
    weight = 1.0 / np.sqrt(np.maximum(seen.sum(axis=0), 1.0) / max(seen.sum(), 1.0) + 1e-3)
    design = (given * weight).T
    joint: np.ndarray = np.array([nnls(design, row * weight)[0] for row in seen])
    return joint / max(float(joint.sum()), 1e-12)
