"""Names of metrics: which are scorers of scikit-learn, and which need to be told the positive class."""

from __future__ import annotations

import re

from ruleout.errors import FieldError, nearest

__all__ = ["NEEDS_POSITIVE", "check_metric", "default_metric", "is_scorer"]

COMMON = frozenset(
    {
        "accuracy",
        "average_precision",
        "balanced_accuracy",
        "f1",
        "f1_macro",
        "f1_micro",
        "f1_weighted",
        "matthews_corrcoef",
        "neg_log_loss",
        "neg_mean_absolute_error",
        "neg_mean_squared_error",
        "neg_root_mean_squared_error",
        "precision",
        "r2",
        "recall",
        "roc_auc",
    }
)
"""Scorers known without importing scikit-learn, which takes two seconds."""

NEEDS_POSITIVE = frozenset({"average_precision", "f1", "jaccard", "neg_brier_score", "precision", "recall", "roc_auc"})
"""Scorers of a binary task that mean one of the two classes."""

COLLOQUIAL = {
    "acc": "accuracy",
    "ap": "average_precision",
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "bce": "neg_log_loss",
    "cross_entropy": "neg_log_loss",
    "f1_score": "f1",
    "log_loss": "neg_log_loss",
    "logloss": "neg_log_loss",
    "mae": "neg_mean_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "mcc": "matthews_corrcoef",
    "mse": "neg_mean_squared_error",
    "pr_auc": "average_precision",
    "r_squared": "r2",
    "r2_score": "r2",
    "rmse": "neg_root_mean_squared_error",
    "rocauc": "roc_auc",
}


def is_scorer(name: str) -> bool:
    """Say whether a scorer of scikit-learn has this name."""
    return name in COMMON or name in _all()


def check_metric(name: str, said: str) -> str:
    """The name itself, where it is a scorer's or `module:function`.

    Raises
    ------
    FieldError
        It is neither; the nearest scorer is offered, also for what people call it.
    """
    if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", name) or is_scorer(name):
        return name
    plain = re.sub(r"[\s-]+", "_", name.strip().lower())
    meant = COLLOQUIAL.get(plain) or (plain if is_scorer(plain) else None)
    guess = f' Did you mean "{meant}"?' if meant else nearest(plain, sorted(_all()))
    raise FieldError(f'{said}: no scorer of scikit-learn is called so.{guess} Give a scorer\'s name, or your own as "module:function".')


def default_metric(task: str) -> str:
    """What is measured where nobody says."""
    return "accuracy" if task == "classification" else "r2"


def _all() -> frozenset[str]:
    from sklearn.metrics import get_scorer_names

    return frozenset(get_scorer_names())
