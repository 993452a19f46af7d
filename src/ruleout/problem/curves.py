"""Training curves in numbers: where a run ended, how noisy its end is, what was best."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from ruleout.tables.table import Table

__all__ = ["Columns", "Curve", "columns_of", "is_loss", "judged_column", "read_curve"]

JUDGED = ("val_loss", "validation_loss", "eval_loss", "test_loss", "train_loss", "loss")

HELD_WORDS = frozenset({"val", "valid", "validation", "eval", "evaluation", "test", "testing", "dev", "holdout", "heldout", "held"})
TRAIN_WORDS = frozenset({"train", "training", "trn", "learn", "fit"})
# fmt: off
LOSS_WORDS = frozenset({
    "loss", "losses", "error", "err", "cost", "objective", "rmse", "mse", "mae", "mape", "rmsle", "nll", "perplexity", "ppl", "logloss",
    "mlogloss", "crossentropy", "ce", "bce", "xent", "deviance", "wer", "cer",
})
SCORE_WORDS = frozenset({
    "accuracy", "acc", "auc", "auroc", "auprc", "aucpr", "f1", "fscore", "r2", "precision", "recall", "sensitivity", "tpr", "score", "map",
    "ap", "miou", "iou", "dice", "bleu", "mcc", "kappa", "ndcg", "top1", "bacc", "uar", "pearson", "spearman",
})
GRADIENT_WORDS = frozenset({"grad", "grads", "gradient", "gradients", "gradnorm", "gradnorms", "gnorm", "gnorms"})
# fmt: on
ASIDE = frozenset({"best", "scale", "scaler", "time", "seconds"})
"""Words that make a column no curve of the run: the best value so far, the scale of half precision's loss, a clock."""


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
    even_score
        A score in which each class counts alike (balanced accuracy, macro recall), on validation rows where there is one.
    class_scores
        Scores that are 0 where a class is never answered (recall, F1), validation's first.
    """

    train: str | None = None
    held: str | None = None
    train_score: str | None = None
    held_score: str | None = None
    rate: str | None = None
    norm: str | None = None
    layers: tuple[str, ...] = ()
    dead: str | None = None
    even_score: str | None = None
    class_scores: tuple[str, ...] = ()


def columns_of(history: Table) -> Columns:
    """Tell the columns of a history by the words in their names: "Validation Loss", "eval/loss" and "val_rmse" are all `held`."""
    found: dict[str, list[str]] = {}
    for column in history.columns:
        if history.kind(column) != "numeric":
            continue
        words = _words(column)
        role = _role(words)
        if role is not None:
            found.setdefault(role, []).append(column)
    held = found.get("held", [])
    if "train" not in found and len(held) > 1 and len({_unnumbered(c) for c in held}) == 1:
        # "validation_0-rmse" beside "validation_1-rmse": boosting names its evaluation sets by number, training's first
        found["train"] = [held.pop(0)]
    gradients, rates = found.get("gradient", []), found.get("rate", [])
    bare = GRADIENT_WORDS | {"global", "total", "norm", "l2", "train"}
    whole = next((c for c in gradients if not _words(c) - bare), None)
    norm = whole or (gradients[0] if len(gradients) == 1 else None)
    evens = sorted(found.get("even", []), key=lambda c: not _words(c) & HELD_WORDS)
    return Columns(
        train=_plainest(found.get("train", [])),
        held=_plainest(held),
        train_score=_plainest(found.get("train_score", [])),
        held_score=_plainest(found.get("held_score", [])) or (evens[0] if evens and _words(evens[0]) & HELD_WORDS else None),
        rate=rates[0] if rates else None,
        norm=norm,
        layers=tuple(c for c in gradients if c != norm),
        dead=next(iter(found.get("dead", [])), None),
        even_score=evens[0] if evens else None,
        class_scores=tuple(
            c for k in ("held_score", "train_score") for c in found.get(k, []) if _words(c) & {"recall", "f1", "tpr", "sensitivity"}
        ),
    )


def _role(words: set[str]) -> str | None:
    """What a column is, by the words in its name; None for one that is no curve of the run."""
    side = "held" if words & HELD_WORDS else "train"
    if words & GRADIENT_WORDS:
        return "gradient"
    if words & {"lr", "eta"} or {"learning", "rate"} <= words:
        return "rate"
    if words & {"dead", "inactive"}:
        return "dead"
    if words & ASIDE:
        return None
    squared = bool(words & {"l1", "l2"} and words & (HELD_WORDS | TRAIN_WORDS))
    if words & LOSS_WORDS or {"cross", "entropy"} <= words or squared:
        return side
    if words & {"balanced", "bacc", "uar"} or ("macro" in words and words & {"recall", "f1", "accuracy", "acc"}):
        return "even"
    return f"{side}_score" if words & SCORE_WORDS else None


def _plainest(columns: list[str]) -> str | None:
    """The column of several by which a run is judged: a loss before other errors, accuracy before recall, validation before test."""
    usual = ({"loss", "losses", "logloss", "mlogloss"}, {"accuracy", "acc", "auc", "auroc", "r2"})
    return min(
        columns,
        key=lambda c: (not any(_words(c) & words for words in usual), bool(_words(c) & {"test", "testing"}), "step" in _words(c)),
        default=None,
    )


def _unnumbered(name: str) -> str:
    return re.sub(r"\d+", "", name)


def _words(name: str) -> set[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return {word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word}


def is_loss(name: str) -> bool:
    """Whether a column's name says that lower is better."""
    if _role(_words(name)) in ("train", "held"):
        return True
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
    with np.errstate(over="ignore", invalid="ignore"):  # a run that blew up has no end to be noisy about
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
