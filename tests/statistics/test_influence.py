import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, r2_score, roc_auc_score

from ruleout.statistics import influence
from ruleout.statistics.difference import difference, standard_error

RNG = np.random.default_rng(7)
N = 4_000
POSITIVE = RNG.random(N) < 0.3
SCORE = POSITIVE * 0.8 + RNG.normal(size=N)
ANSWER = SCORE > 0.5


def bootstrap_error(metric, *arrays):
    rng = np.random.default_rng(1)
    values = []
    for _ in range(300):
        picked = rng.integers(0, N, N)
        values.append(metric(*(a[picked] for a in arrays)))
    return float(np.std(values, ddof=1))


@pytest.mark.parametrize(
    ("psi", "metric", "arrays"),
    [
        (influence.area_under_roc, roc_auc_score, (POSITIVE, SCORE)),
        (influence.recall_by_class, balanced_accuracy_score, (POSITIVE, ANSWER)),
        (lambda y, p: influence.ratio(2.0 * (y & p), 1.0 * y + p), f1_score, (POSITIVE, ANSWER)),
        (influence.r_squared, r2_score, (SCORE, POSITIVE * 0.8)),
    ],
)
def test_influence_values_average_to_the_metric_and_give_its_standard_error(psi, metric, arrays):
    values = psi(*arrays)
    assert values.shape == (N,)
    assert np.mean(values) == pytest.approx(metric(*arrays), abs=1e-9)
    assert standard_error(values) == pytest.approx(bootstrap_error(metric, *arrays), rel=0.15)


def test_ties_in_the_score_count_half():
    positive = np.array([True, True, False, False])
    score = np.array([1.0, 0.0, 1.0, 0.0])
    assert np.mean(influence.area_under_roc(positive, score)) == pytest.approx(roc_auc_score(positive, score))


def test_an_absent_class_has_no_area():
    assert np.isnan(influence.area_under_roc(np.ones(3, dtype=bool), np.arange(3.0))).all()


def test_pairing_shrinks_the_error_where_rows_are_the_same():
    good = (RNG.random(N) < 0.9).astype(float)
    bad = good * (RNG.random(N) < 0.97)
    paired, unpaired = difference(good, bad, paired=True), difference(good, bad, paired=False)
    assert paired.value == unpaired.value
    assert paired.error < 0.5 * unpaired.error
    assert paired.low > 0
