"""A metric: any scikit-learn scorer by its name, with one influence value a row wherever the metric allows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ruleout.errors import FieldError
from ruleout.models.model import Prediction
from ruleout.statistics import influence
from ruleout.statistics.difference import Difference, difference

__all__ = ["Evaluation", "Metric", "labels_of"]

N_RESAMPLES = 200

_FEW = 1000
"""Labels up to this many are spelled one by one; of longer arrays each distinct one is spelled once."""


@dataclass(frozen=True)
class Evaluation:
    """A metric on the rows of one table: its value, one influence value a row, and what makes the rows the same rows.

    `psi` is None where the metric has no influence values here; then `resamples` holds the metric on resampled rows, shape
    (n_resamples,), drawn with the same seed for every model on the same rows, so that differences pair.
    """

    value: float
    n: int
    rows: str
    psi: np.ndarray | None = None
    resamples: np.ndarray | None = None

    def minus(self, other: Evaluation) -> Difference:
        """The value less the other's, with a standard error that is paired where the rows are the same; NaN without labelled rows."""
        paired = self.rows == other.rows and self.n == other.n
        if self.psi is not None and other.psi is not None:
            if not len(self.psi) or not len(other.psi):
                return Difference(self.value - other.value, float("nan"))  # No row of one of them has its label.
            found = difference(self.psi, other.psi, paired=paired)
            return Difference(self.value - other.value, found.error)
        if self.resamples is None or other.resamples is None:
            return Difference(self.value - other.value, float("nan"))
        if paired:
            return Difference(self.value - other.value, _scatter(self.resamples - other.resamples))
        error = float(np.hypot(_scatter(self.resamples), _scatter(other.resamples)))
        return Difference(self.value - other.value, error)


def _scatter(resamples: np.ndarray) -> float:
    """Standard deviation over the resamples that gave a number; NaN where fewer than two did."""
    known = resamples[np.isfinite(resamples)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else float("nan")


def labels_of(values: np.ndarray) -> np.ndarray:
    """Class labels in one spelling whatever their type (1, 1.0, True and "1" as they print), shape (n_rows,), None kept."""
    if values.dtype.kind in "biuf" and len(values) > _FEW:
        distinct, places = np.unique(values, return_inverse=True)
        if len(distinct) <= _FEW:
            spelled: np.ndarray = labels_of(distinct)[places]
            return spelled
    out = np.empty(len(values), dtype=object)
    given = values.tolist()
    if set(map(type, given)) <= {str, type(None)}:
        out[:] = given
        return out
    for at, value in enumerate(given):
        if value is None or (isinstance(value, float) and np.isnan(value)):
            out[at] = None
        elif isinstance(value, float) and value.is_integer():
            out[at] = str(int(value))
        else:
            out[at] = str(value)
    return out


@dataclass(frozen=True)
class Metric:
    """A scorer by name, applied to answers that are already there.

    Parameters
    ----------
    name
        A scikit-learn scorer name, or "module:function" (then `function` calls it where the case's code may run).
    positive
        Positive class of a binary metric, None for the larger label.
    direction
        `lower` where a smaller number is better (only for functions: scikit-learn's scorers are all higher-is-better).
    """

    name: str
    positive: Any = None
    direction: str = "higher"
    function: Callable[[np.ndarray, Prediction], float] | None = None

    @property
    def sign(self) -> float:
        """+1 where a higher value is better, -1 where lower."""
        return -1.0 if self.direction == "lower" else 1.0

    @cached_property
    def _scorer(self) -> Any:
        from sklearn.metrics import get_scorer

        try:
            return get_scorer(self.name)
        except ValueError as error:
            raise FieldError(
                f'case.toml [case] metric = "{self.name}": no such scikit-learn scorer; give one of its scorer names.'
            ) from error

    @property
    def is_classification(self) -> bool:
        """Whether the metric compares classes rather than numbers."""
        if self.function is not None:
            return False
        return "regression" not in getattr(self._scorer._score_func, "__module__", "")

    @property
    def needs_score(self) -> bool:
        """Whether the metric is of scores or probabilities rather than of answers."""
        if self.function is not None:
            return False
        method = self._scorer._response_method
        return method != "predict" and tuple(method if not isinstance(method, str) else (method,)) != ("predict",)

    def evaluate(self, target: np.ndarray, answer: Prediction, *, rows: str, seed: int = 0) -> Evaluation:
        """The metric on labelled rows, those without a label or an answer left out.

        Parameters
        ----------
        target
            Labels as objects (None where unknown) or numbers, shape (n_rows,).
        answer
            The model's answers for the same rows.
        rows
            What names these rows (a table's fingerprint); equal names pair.
        """
        target, answer = self._kept(target, answer)
        n = len(target)
        if n == 0:
            return Evaluation(float("nan"), 0, rows, psi=np.zeros(0))
        value = self._value(target, answer)
        psi = self._influence(target, answer)
        if psi is not None and np.all(np.isfinite(psi)):
            return Evaluation(value, n, rows, psi=psi)
        rng = np.random.default_rng(seed)
        resamples = np.full(N_RESAMPLES, np.nan)
        for at in range(N_RESAMPLES):
            picked = rng.integers(0, n, n)
            resamples[at] = self._value(target[picked], _rows(answer, picked))
        return Evaluation(value, n, rows, resamples=resamples)

    def _kept(self, target: np.ndarray, answer: Prediction) -> tuple[np.ndarray, Prediction]:
        if self.function is None and not self.is_classification:
            numbers = np.array([np.nan if v is None else v for v in target.tolist()], dtype=float)
            kept = np.isfinite(numbers)
            given = np.asarray(answer.prediction, dtype=float)
            kept &= np.isfinite(given)
            return numbers[kept], Prediction(given[kept])
        labels = labels_of(target) if self.function is None else target
        kept = np.array([v is not None for v in labels.tolist()], dtype=bool)
        classes = tuple(labels_of(np.array(list(answer.classes), dtype=object))) if answer.classes is not None else None
        prediction = labels_of(np.asarray(answer.prediction)) if self.function is None else answer.prediction
        return labels[kept], _rows(Prediction(prediction, answer.score, classes), kept)

    def _positive(self, target: np.ndarray) -> str:
        if self.positive is not None:
            return str(labels_of(np.array([self.positive], dtype=object))[0])
        return str(max(set(target.tolist())))

    def _column(self, target: np.ndarray, answer: Prediction) -> np.ndarray | None:
        """The positive class's score, shape (n_rows,); None where there is no single one."""
        score = answer.score
        if score is None:
            return None
        if score.ndim == 1:
            return np.asarray(score, dtype=float)
        if score.shape[1] == 1:
            return np.asarray(score[:, 0], dtype=float)
        if score.shape[1] != 2:
            return None
        positive = self._positive(target)
        at = answer.classes.index(positive) if answer.classes and positive in answer.classes else 1
        return np.asarray(score[:, at], dtype=float)

    def _value(self, target: np.ndarray, answer: Prediction) -> float:
        if self.function is not None:
            return float(self.function(target, answer))
        import warnings

        scorer = self._scorer
        options = dict(scorer._kwargs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if not self.is_classification:
                    return float(scorer._sign * scorer._score_func(target, answer.prediction, **options))
                if not self.needs_score:
                    if options.get("average") == "binary" or self.name in ("f1", "precision", "recall", "jaccard"):
                        options["pos_label"] = self._positive(target)
                    return float(scorer._sign * scorer._score_func(target.astype(str), answer.prediction.astype(str), **options))
                return float(scorer._sign * self._of_scores(target, answer, options))
            except ValueError:
                return float("nan")

    def _of_scores(self, target: np.ndarray, answer: Prediction, options: dict[str, Any]) -> float:
        score_function = self._scorer._score_func
        column = self._column(target, answer)
        name = score_function.__name__
        if column is not None and (answer.score is None or answer.score.ndim == 1 or answer.score.shape[1] <= 2):
            positive = target == self._positive(target)
            if name in ("roc_auc_score", "average_precision_score", "brier_score_loss", "log_loss", "d2_brier_score", "d2_log_loss_score"):
                options.pop("multi_class", None)
                if name in ("log_loss", "d2_log_loss_score"):
                    options["labels"] = [False, True]
                if name == "roc_auc_score" and len(set(positive.tolist())) < 2:
                    return float("nan")
                return float(
                    score_function(positive, np.clip(column, 0, 1) if "roc" not in name and "average" not in name else column, **options)
                )
        if answer.score is None:
            return float("nan")
        labels = list(answer.classes or sorted(set(target.tolist())))
        order = np.argsort(labels)
        sorted_labels = [labels[k] for k in order]
        score = answer.score[:, order]
        if name == "roc_auc_score":
            options.setdefault("multi_class", "ovr")
        return float(score_function(target.astype(str), score, labels=sorted_labels, **options))

    def _influence(self, target: np.ndarray, answer: Prediction) -> np.ndarray | None:
        if self.function is not None:
            return None
        name = self.name
        if not self.is_classification:
            error = target - answer.prediction
            if name == "r2":
                return influence.r_squared(target, answer.prediction)
            if name == "neg_mean_squared_error":
                return np.asarray(-(error**2))
            if name == "neg_mean_absolute_error":
                return np.asarray(-np.abs(error))
            if name == "neg_root_mean_squared_error":
                return np.asarray(-influence.root_mean(error**2))
            return None
        if name == "roc_auc":
            column = self._column(target, answer)
            return None if column is None else influence.area_under_roc(target == self._positive(target), column)
        if name in ("neg_log_loss", "neg_brier_score") and answer.score is not None:
            column = self._column(target, answer)
            if column is None:
                return None
            hit = target == self._positive(target)
            if name == "neg_brier_score":
                return np.asarray(-((hit - column) ** 2))
            clipped = np.clip(column, 1e-15, 1 - 1e-15)
            return np.asarray(np.where(hit, np.log(clipped), np.log1p(-clipped)))
        if name == "accuracy":
            return np.asarray((target == answer.prediction).astype(float))
        if name == "balanced_accuracy":
            return influence.recall_by_class(target, answer.prediction)
        stem, _, average = name.partition("_")
        if stem in ("f1", "precision", "recall"):
            return _counts(stem, average, target, answer.prediction, self._positive(target))
        return None


def _counts(stem: str, average: str, target: np.ndarray, prediction: np.ndarray, positive: str) -> np.ndarray | None:
    """Influence values of F1, precision and recall: binary, macro, weighted, micro."""
    if average == "micro":
        return np.asarray((target == prediction).astype(float))
    if average not in ("", "macro", "weighted"):
        return None
    classes = [positive] if not average else sorted(set(target.tolist()) | set(prediction.tolist()))
    terms, weights = [], []
    for label in classes:
        is_label, says = target == label, prediction == label
        hit = (is_label & says).astype(float)
        bottom = {"f1": is_label.astype(float) + says, "precision": says.astype(float), "recall": is_label.astype(float)}[stem]
        terms.append((2 * hit if stem == "f1" else hit, bottom))
        weights.append(float(is_label.mean()) if average == "weighted" else 1.0)
    return influence.mean_of_ratios(terms, np.array(weights))


def _rows(answer: Prediction, picked: np.ndarray) -> Prediction:
    return Prediction(answer.prediction[picked], None if answer.score is None else answer.score[picked], answer.classes)
