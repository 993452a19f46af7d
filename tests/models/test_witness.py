from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import r2_score

from ruleout.errors import ModelError
from ruleout.models import fit_witness
from ruleout.tables.table import Table

FEATURES = ("radius", "texture", "area", "size", "surface")


def halves(table: Table) -> tuple[Table, Table]:
    even = np.arange(table.n_rows) % 2 == 0
    return table.filter(even), table.filter(~even)


def test_it_learns_text_targets_from_numbers_texts_and_nulls(cancer: Table) -> None:
    train, test = halves(cancer)
    witness = fit_witness(train, "diagnosis", FEATURES, "classification", seed=0)
    answer = witness.predict(test)
    assert answer.classes == ("benign", "malignant")
    assert answer.score is not None
    assert answer.score.shape == (test.n_rows, 2)
    assert np.mean(answer.prediction == test.values("diagnosis")) > 0.82
    description = witness.describe()
    assert description.features == FEATURES
    assert description.fitted["categories"]["surface"] == ["even", "rough"]


def test_it_learns_numbers(diabetes: Table) -> None:
    train, test = halves(diabetes)
    features = [c for c in diabetes.columns if c != "target"]
    answer = fit_witness(train, "target", features, "regression", seed=0).predict(test)
    assert answer.classes is None
    assert r2_score(test.numbers("target"), answer.prediction) > 0.25


def test_it_learns_many_classes_in_fewer_rounds() -> None:
    data = load_digits(as_frame=True)
    rows = Table(pa.Table.from_pandas(data.frame.sample(900, random_state=0), preserve_index=False))
    train, test = halves(rows)
    witness = fit_witness(train, "target", list(data.feature_names), "classification", seed=0)
    answer = witness.predict(test)
    assert witness.describe().parameters["max_iter"] < 60
    assert answer.prediction.dtype.kind == "i"
    assert np.mean(answer.prediction == test.numbers("target")) > 0.85


def test_the_same_rows_and_seed_give_the_same_witness(cancer: Table) -> None:
    one, other = (fit_witness(cancer, "diagnosis", FEATURES, "classification", seed=3) for _ in range(2))
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(one.predict(cancer).score, other.predict(cancer).score)
    assert fit_witness(cancer, "diagnosis", FEATURES, "classification", seed=4).fingerprint != one.fingerprint
    assert one.refit(cancer, "diagnosis").predict(cancer).prediction.tolist() == one.predict(cancer).prediction.tolist()


def test_unseen_categories_nulls_and_other_types_are_answered(cancer: Table) -> None:
    witness = fit_witness(cancer, "diagnosis", FEATURES, "classification", seed=0)
    few = cancer.take(np.arange(6))
    strange = few.with_column("size", np.array(["huge", None, "", "small", "SMALL", "ü"], dtype=object))
    strange = strange.with_column("radius", np.array(["12.5", "n/a", None, "1e400", "-1", "x"], dtype=object))
    strange = strange.with_column("area", np.array([np.inf, -np.inf, 1e308, 0.0, 5.0, 1.0]))
    strange = strange.with_column("surface", np.arange(6))
    assert set(witness.predict(strange).prediction) <= {"benign", "malignant"}
    with pytest.raises(ModelError, match=r"lacks 1 of the 5 columns it was fitted on: 'radius'"):
        witness.predict(cancer.without(["radius"]))


def test_a_category_of_many_values_is_learned_by_frequency() -> None:
    rng = np.random.default_rng(0)
    codes = rng.geometric(0.02, size=3000)
    table = Table(pa.table({"shop": [f"shop {c}" for c in codes], "sold": (codes < 20).astype(float)}))
    answer = fit_witness(table, "sold", ["shop"], "regression", seed=0).predict(table)
    assert np.corrcoef(answer.prediction, table.numbers("sold"))[0, 1] > 0.8


def test_rows_without_a_target_are_left_out_and_one_class_is_answered(cancer: Table) -> None:
    target = cancer.values("diagnosis")
    target[target == "malignant"] = None
    one = fit_witness(cancer.with_column("diagnosis", target), "diagnosis", FEATURES, "classification", seed=0)
    answer = one.predict(cancer)
    assert set(answer.prediction) == {"benign"}
    assert answer.classes == ("benign",)
    assert answer.score is not None
    assert answer.score.shape == (cancer.n_rows, 1)


def test_what_cannot_be_learned_is_said(cancer: Table) -> None:
    with pytest.raises(ModelError, match=r'no column \'diagnose\' to learn from\. Did you mean "diagnosis"\?'):
        fit_witness(cancer, "diagnose", FEATURES, "classification", seed=0)
    with pytest.raises(ModelError, match="none of the 1 features"):
        fit_witness(cancer, "diagnosis", ["diagnosis"], "classification", seed=0)
    with pytest.raises(ModelError, match="expected numbers to learn"):
        fit_witness(cancer, "diagnosis", FEATURES, "regression", seed=0)
    empty = cancer.with_column("diagnosis", np.full(cancer.n_rows, None, dtype=object))
    with pytest.raises(ModelError, match="no row with a 'diagnosis'"):
        fit_witness(empty, "diagnosis", FEATURES, "classification", seed=0)
    witness = fit_witness(cancer, "diagnosis", FEATURES, "classification", seed=0)
    with pytest.raises(ModelError, match=r'no parameter \'max_iters\'\. Did you mean "max_iter"\?'):
        witness.refit(cancer, "diagnosis", parameters={"max_iters": 5})
    assert witness.refit(cancer, "diagnosis", parameters={"max_iter": 2}).describe().parameters["max_iter"] == 2
