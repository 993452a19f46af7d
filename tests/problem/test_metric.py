import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer

from ruleout.errors import FieldError
from ruleout.models.model import Prediction
from ruleout.problem.metric import Metric, labels_of


def answers(model, X):
    score = model.predict_proba(X) if hasattr(model, "predict_proba") else None
    return Prediction(model.predict(X), score, tuple(model.classes_.tolist()) if score is not None else None)


@pytest.mark.parametrize(
    "name",
    [
        "accuracy",
        "balanced_accuracy",
        "roc_auc",
        "neg_log_loss",
        "f1",
        "precision",
        "recall",
        "f1_macro",
        "f1_weighted",
        "average_precision",
        "matthews_corrcoef",
        "neg_brier_score",
    ],
)
def test_binary_scorers_agree_with_scikit_learn(name):
    X, y = load_breast_cancer(return_X_y=True)
    model = LogisticRegression(max_iter=10_000).fit(X[::2], y[::2])
    found = Metric(name, positive=1).evaluate(y[1::2].astype(object), answers(model, X[1::2]), rows="r")
    assert found.value == pytest.approx(get_scorer(name)(model, X[1::2], y[1::2]), abs=1e-9)
    if found.psi is not None:
        assert found.psi.mean() == pytest.approx(found.value, abs=1e-9)


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "roc_auc_ovr", "roc_auc_ovo", "neg_log_loss"])
def test_multiclass_scorers_agree_with_scikit_learn(name):
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=10_000).fit(X[::2], y[::2])
    found = Metric(name).evaluate(y[1::2].astype(object), answers(model, X[1::2]), rows="r")
    assert found.value == pytest.approx(get_scorer(name)(model, X[1::2], y[1::2]), abs=1e-9)


@pytest.mark.parametrize(
    "name", ["r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "neg_mean_absolute_error", "neg_median_absolute_error"]
)
def test_regression_scorers_agree_with_scikit_learn(name):
    X, y = load_diabetes(return_X_y=True)
    model = Ridge().fit(X[::2], y[::2])
    found = Metric(name).evaluate(y[1::2].astype(object), answers(model, X[1::2]), rows="r")
    assert found.value == pytest.approx(get_scorer(name)(model, X[1::2], y[1::2]), abs=1e-9)


def test_labels_agree_whatever_their_type():
    target = np.array([1, 0, 1, None], dtype=object)
    answer = Prediction(np.array([1.0, 1.0, 1.0, 0.0]))
    assert Metric("accuracy").evaluate(target, answer, rows="r").value == pytest.approx(2 / 3)
    assert labels_of(np.array([True, 1.0, "1", float("nan")], dtype=object)).tolist() == ["True", "1", "1", None]


def test_a_metric_without_influence_values_pairs_by_resampling_the_same_rows():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 400).astype(object)
    good = Prediction(np.where(rng.random(400) < 0.9, target, 1 - target.astype(int)))
    bad = Prediction(np.where(rng.random(400) < 0.8, good.prediction, 0))
    metric = Metric("matthews_corrcoef")
    one, two = metric.evaluate(target, good, rows="r"), metric.evaluate(target, bad, rows="r")
    assert one.minus(two).error < one.minus(metric.evaluate(target, bad, rows="other")).error


def test_rows_without_labels_do_not_count_and_none_at_all_is_no_number():
    answer = Prediction(np.array(["a", "b"], dtype=object))
    assert Metric("accuracy").evaluate(np.array(["a", None], dtype=object), answer, rows="r").n == 1
    assert np.isnan(Metric("accuracy").evaluate(np.array([None, None], dtype=object), answer, rows="r").value)


def test_one_class_has_no_area_and_is_no_crash():
    answer = Prediction(np.array([1, 1]), np.array([0.2, 0.8]), (0, 1))
    assert np.isnan(Metric("roc_auc", positive=1).evaluate(np.array([1, 1], dtype=object), answer, rows="r").value)


def test_an_unknown_scorer_is_the_users_to_mend():
    with pytest.raises(FieldError, match="acuracy"):
        Metric("acuracy").evaluate(np.array(["a"], dtype=object), Prediction(np.array(["a"], dtype=object)), rows="r")
