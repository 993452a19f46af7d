"""Training curves in numbers: where a run ended, how noisy its end is, what was best."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from ruleout.tables.table import Table

__all__ = ["Columns", "Curve", "columns_of", "is_loss", "judged_column", "read_curve"]

JUDGED = ("val_loss", "validation_loss", "eval_loss", "test_loss", "train_loss", "loss")

HELD_WORDS = frozenset({"val", "valid", "validation", "eval", "evaluation", "test", "dev", "holdout", "heldout"})
LOSS_WORDS = frozenset(
    {
        "loss",
        "losses",
        "error",
        "err",
        "cost",
        "objective",
        "rmse",
        "mse",
        "mae",
        "nll",
        "perplexity",
        "ppl",
        "logloss",
        "crossentropy",
        "bce",
    }
)
SCORE_WORDS = frozenset(
    {"accuracy", "acc", "auc", "f1", "r2", "precision", "recall", "score", "map", "iou", "dice", "bleu", "mcc", "kappa"}
)


@dataclass(frozen=True)
class Curve:
    """One column of a training history.

    Parameters
    ----------
    name
        The column.
    values
        One number an epoch or step, shape (n,), NaN and infinities as they are.
    end
        Median of the last tenth of the finite values (at least three): where the run ended.
    noise
        Standard deviation of the last third around its own straight line.
    best
        Smallest value for a loss, largest for anything else.
    """

    name: str
    values: np.ndarray
    end: float
    noise: float
    best: float

    @property
    def lower_is_better(self) -> bool:
        """Whether the column is a loss or an error."""
        return is_loss(self.name)

    @property
    def n_bad(self) -> int:
        """How many values are infinite or missing after the first finite one."""
        finite = np.isfinite(self.values)
        first = int(np.argmax(finite)) if finite.any() else 0
        return int(np.sum(~finite[first:]))


@dataclass(frozen=True)
class Columns:
    """Which column of a history is what, whatever it is called; None or () where there is none.

    Parameters
    ----------
    train, held
        The loss on training and on validation rows. A loss without either word ("loss") is training's.
    train_score, held_score
        A score of which more is better, on training and on validation rows.
    rate
        The learning rate.
    norm, layers
        The norm of the whole gradient, and of single layers, in the order of the history.
    dead
        The share of units that never answer.
    """

    train: str | None = None
    held: str | None = None
    train_score: str | None = None
    held_score: str | None = None
    rate: str | None = None
    norm: str | None = None
    layers: tuple[str, ...] = ()
    dead: str | None = None


def columns_of(history: Table) -> Columns:
    """Tell the columns of a history by the words in their names: "Validation Loss", "eval/loss" and "val_rmse" are all `held`."""
    found: dict[str, str] = {}
    gradients: list[str] = []
    for column in history.columns:
        if history.kind(column) != "numeric":
            continue
        words = _words(column)
        held = "held" if words & HELD_WORDS else "train"
        if words & {"grad", "grads", "gradient", "gradients", "gradnorm"}:
            gradients.append(column)
        elif words & {"lr", "eta"} or {"learning", "rate"} <= words:
            found.setdefault("rate", column)
        elif words & {"dead", "inactive"}:
            found.setdefault("dead", column)
        elif words & LOSS_WORDS:
            found.setdefault(held, column)
        elif words & SCORE_WORDS:
            found.setdefault(f"{held}_score", column)
    whole = next(
        (c for c in gradients if not _words(c) - {"global", "total", "grad", "grads", "gradient", "gradients", "gradnorm", "norm", "l2"}),
        None,
    )
    norm = whole or (gradients[0] if len(gradients) == 1 else None)
    return Columns(**found, norm=norm, layers=tuple(c for c in gradients if c != norm))


def _words(name: str) -> set[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return {word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word}


def is_loss(name: str) -> bool:
    """Whether a column's name says that lower is better."""
    return any(word in name.lower() for word in ("loss", "error", "rmse", "mse", "mae", "perplexity", "nll")) or bool(
        _words(name) & LOSS_WORDS
    )


def judged_column(history: Table, metric: str | None = None) -> str | None:
    """The column by which a run is judged: the validation loss, else the metric on validation rows, else the training loss."""
    wanted = (*JUDGED[:4], *((f"val_{metric}", metric) if metric else ()), *JUDGED[4:])
    usual = next((c for c in wanted if c in history and history.kind(c) == "numeric"), None)
    known = columns_of(history)
    if known.held is not None and usual in (None, *JUDGED[4:]):
        return known.held
    return usual or known.held_score or known.train or known.train_score


def read_curve(history: Table, column: str) -> Curve:
    """A column of a history as a curve, evaluations that were skipped (null in a few rows only) left out."""
    values = history.numbers(column)
    finite = np.isfinite(values)
    if finite.any() and _is_sparse(values):
        values = values[finite]
        finite = np.isfinite(values)
    kept = values[finite]
    if len(kept) == 0:
        return Curve(column, values, math.nan, math.nan, math.nan)
    tail = kept[-max(3, len(kept) // 10) :]
    third = kept[-max(4, len(kept) // 3) :]
    line = np.polyval(np.polyfit(np.arange(len(third)), third, 1), np.arange(len(third))) if len(third) > 2 else third
    noise = float(np.std(third - line, ddof=2)) if len(third) > 3 else 0.0
    return Curve(column, values, float(np.median(tail)), noise, float(kept.min() if is_loss(column) else kept.max()))


def _is_sparse(values: np.ndarray) -> bool:
    """Whether gaps are spread evenly (a metric evaluated every k-th step) rather than a run that broke off."""
    bad = np.flatnonzero(np.isnan(values))
    return (
        len(bad) > 0
        and not np.isnan(values[-max(1, len(values) // 10) :]).all()
        and bool(np.isfinite(values[bad[-1] :]).any() or len(bad) < 3)
    )
