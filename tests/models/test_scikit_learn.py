from __future__ import annotations

import datetime
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OrdinalEncoder, RobustScaler, StandardScaler, TargetEncoder
from sklearn.svm import SVC

from ruleout.errors import ModelError
from ruleout.models.artifact import Artifact
from ruleout.models.frame import frame_of, honest
from ruleout.models.model import Model
from ruleout.tables.table import Table

NUMBERS = ["radius", "texture", "smoothness"]


def model_of(estimator: Any) -> Model:
    return Artifact(estimator=estimator).open()


def test_a_pipeline_tells_what_it_learned_by_column(pipeline: Pipeline, cancer: Table) -> None:
    description = model_of(pipeline).describe()
    assert description.engine == "scikit-learn"
    assert description.estimator == "LogisticRegression"
    assert description.steps == ("ColumnTransformer", "LogisticRegression")
    assert description.features == tuple(c for c in cancer.columns if c != "diagnosis")
    assert description.classes == ("benign", "malignant")
    assert description.parameters["model__C"] == 1.0
    assert description.parameters["prepare__numbers__impute__missing_values"] == "nan"
    (scaler,) = description.fitted["scalers"]
    assert scaler["columns"] == ["radius", "texture", "area", "smoothness"]
    assert scaler["samples"] == 569
    assert scaler["mean"][0] == pytest.approx(np.mean(cancer.numbers("radius")))
    assert scaler["scale"][1] == pytest.approx(np.std(cancer.numbers("texture")))
    assert description.fitted["categories"] == {"size": ["large", "middle", "small"], "surface": ["even", "rough"]}
    assert description.fitted["imputers"]["area"] == pytest.approx(np.nanmedian(cancer.numbers("area")))
    assert description.fitted["used"] == ["radius", "texture", "area", "smoothness", "size", "surface"]
    assert description.finite
    assert description.empty == ""


def test_scalers_of_every_kind_undo_by_centre_and_scale(cancer: Table) -> None:
    frame = cancer.to_pandas()[NUMBERS]
    for scaler in (StandardScaler(), StandardScaler(with_mean=False), MinMaxScaler((-1, 1)), RobustScaler()):
        fitted = make_pipeline(scaler, LogisticRegression()).fit(frame, cancer.values("diagnosis").astype(str))
        (told,) = model_of(fitted).describe().fitted["scalers"]
        by_hand = (frame.to_numpy() - np.array(told["centre"])) / np.array(told["scale"])
        np.testing.assert_allclose(fitted[0].transform(frame), by_hand)
        assert told["kind"] == type(scaler).__name__


def test_dropped_and_deselected_columns_are_not_used(cancer: Table) -> None:
    frame, target = cancer.to_pandas(), cancer.values("diagnosis").astype(str)
    choose = ColumnTransformer(
        [("keep", "passthrough", ["radius", "texture"]), ("drop", "drop", ["area"]), ("scale", StandardScaler(), slice(4, 6))]
    )
    fitted = Pipeline([("choose", choose), ("best", SelectKBest(k=2)), ("model", LogisticRegression())]).fit(
        frame[list(cancer.columns[:6])], target
    )
    used = model_of(fitted).describe().fitted["used"]
    support = fitted["best"].get_support()
    assert used == [c for c, kept in zip(["radius", "texture", *cancer.columns[4:6]], support, strict=True) if kept]
    assert len(used) == 2


def test_wrappers_are_looked_into(cancer: Table) -> None:
    frame, target = cancer.to_pandas(), cancer.values("diagnosis").astype(str)
    prepare = ColumnTransformer(
        [("code", OrdinalEncoder(), ["size"]), ("mean", TargetEncoder(), ["surface"]), ("scale", StandardScaler(), ["radius"])]
    )
    search = GridSearchCV(Pipeline([("prepare", prepare), ("model", LogisticRegression())]), {"model__C": [0.1, 1.0]}, cv=2).fit(
        frame[["size", "surface", "radius"]], target
    )
    description = model_of(search).describe()
    assert description.steps == ("GridSearchCV", "ColumnTransformer", "LogisticRegression")
    assert description.features == ("size", "surface", "radius")
    assert description.fitted["scalers"][0]["columns"] == ["radius"]
    assert description.fitted["categories"]["size"] == ["large", "middle", "small"]
    assert len(description.fitted["encodings"]["surface"]) == 2
    vote = VotingClassifier([("a", make_pipeline(StandardScaler(), LogisticRegression())), ("b", DummyClassifier())]).fit(
        frame[NUMBERS], target
    )
    assert model_of(vote).describe().fitted["scalers"][0]["columns"] == NUMBERS
    numbers = TransformedTargetRegressor(make_pipeline(MinMaxScaler(), Ridge())).fit(frame[NUMBERS], frame["perimeter"])
    assert model_of(numbers).describe().steps == ("TransformedTargetRegressor", "MinMaxScaler", "Ridge")


def test_a_table_in_another_order_and_with_more_columns_is_answered_the_same(pipeline: Pipeline, cancer: Table) -> None:
    model = model_of(pipeline)
    shuffled = cancer.select(cancer.columns[::-1]).with_column("more", np.arange(cancer.n_rows))
    np.testing.assert_array_equal(model.predict(shuffled).score, model.predict(cancer).score)
    expected = pipeline.predict(cancer.to_pandas())
    assert model.predict(cancer).prediction.tolist() == list(expected)


def test_missing_columns_are_named_with_the_nearest(pipeline: Pipeline, cancer: Table) -> None:
    with pytest.raises(ModelError, match=r"lacks 1 of the 8 columns it was fitted on: 'radius'\. Did you mean \"radius_mm\"\?"):
        model_of(pipeline).predict(cancer.rename({"radius": "radius_mm"}))
    with pytest.raises(ModelError, match="has no rows to predict"):
        model_of(pipeline).predict(cancer.take(np.array([], dtype=int)))
    with pytest.raises(ModelError, match=r"predicting reference/train\.parquet failed: ValueError"):
        model_of(pipeline).predict(cancer.with_column("radius", np.full(cancer.n_rows, "wide", dtype=object)))


@pytest.mark.parametrize(
    ("estimator", "width"),
    [
        (RandomForestClassifier(5, random_state=0, n_jobs=2), 2),
        (HistGradientBoostingClassifier(max_iter=5, random_state=0), 2),
        (LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=2), 2),
        (RidgeClassifier(), 1),
        (SVC(), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseEstimator) else "",
)
def test_every_kind_of_classifier_answers_as_itself_and_refits_to_itself(estimator: Any, width: int, cancer: Table) -> None:
    frame = cancer.to_pandas()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(frame[NUMBERS], frame["diagnosis"])
        expected = list(estimator.predict(frame[NUMBERS]))
    model = model_of(estimator)
    answer = model.predict(cancer)
    assert answer.prediction.tolist() == expected
    assert answer.classes == ("benign", "malignant")
    assert answer.score is not None
    assert answer.score.shape == ((cancer.n_rows, 2) if width == 2 else (cancer.n_rows,))
    again = model.refit(cancer, "diagnosis")
    np.testing.assert_array_equal(again.predict(cancer).score, answer.score)
    assert again.describe().parameters == model.describe().parameters


def test_decision_values_of_pairs_of_classes_are_no_scores(cancer: Table) -> None:
    frame = cancer.to_pandas()
    for shape, expected in (("ovr", (569, 3)), ("ovo", None)):
        answer = model_of(SVC(decision_function_shape=shape).fit(frame[NUMBERS], frame["size"])).predict(cancer)
        assert (None if answer.score is None else answer.score.shape) == expected
        assert answer.classes == ("large", "middle", "small")


def test_native_categories_are_given_as_they_were_learned(cancer: Table) -> None:
    frame = cancer.to_pandas()
    inputs = frame[["radius", "size"]].astype({"size": "category"})
    estimator = LGBMClassifier(n_estimators=5, verbose=-1).fit(inputs, frame["diagnosis"])
    model = model_of(estimator)
    assert model.predict(cancer).prediction.tolist() == list(estimator.predict(inputs))
    np.testing.assert_array_equal(model.refit(cancer, "diagnosis").predict(cancer).score, model.predict(cancer).score)


def test_integer_boolean_and_float_classes_keep_their_type(cancer: Table) -> None:
    sick = cancer.values("diagnosis") == "malignant"
    for values, kind in ((sick.astype(int), "i"), (sick, "b"), (sick.astype(float), "f")):
        table = cancer.with_column("diagnosis", values)
        estimator = LogisticRegression().fit(cancer.to_pandas()[NUMBERS], values)
        answer = model_of(estimator).predict(table)
        assert answer.prediction.dtype.kind == kind
        assert answer.classes == (False, True)
        again = model_of(estimator).refit(table, "diagnosis").predict(table)
        assert again.prediction.dtype.kind == kind
        np.testing.assert_array_equal(again.score, answer.score)


def test_numbers_are_answered_as_floats_without_classes(diabetes: Table) -> None:
    frame = diabetes.to_pandas()
    answer = model_of(LinearRegression().fit(frame[["bmi", "bp"]], frame["target"])).predict(diabetes)
    assert answer.prediction.dtype == np.float64
    assert answer.score is None
    assert answer.classes is None


def test_a_refit_leaves_rows_without_a_target_out_and_counts_warnings(cancer: Table) -> None:
    frame = cancer.to_pandas()
    estimator = MLPClassifier([4], max_iter=400, random_state=0, tol=1.0, n_iter_no_change=1).fit(frame[NUMBERS], frame["diagnosis"])
    target = cancer.values("diagnosis")
    target[:200] = None
    model = model_of(estimator)
    with_nulls = model.refit(cancer.with_column("diagnosis", target), "diagnosis", parameters={"max_iter": 1})
    without = model.refit(cancer.filter(np.arange(cancer.n_rows) >= 200), "diagnosis", parameters={"max_iter": 1})
    np.testing.assert_array_equal(with_nulls.predict(cancer).score, without.predict(cancer).score)
    (note,) = with_nulls.describe().fitted["warnings"]
    assert note.startswith("ConvergenceWarning (1x): ")
    assert "warnings" not in model.describe().fitted
    with pytest.raises(ModelError, match="has no row with a 'diagnosis'"):
        model.refit(cancer.with_column("diagnosis", np.full(cancer.n_rows, None, dtype=object)), "diagnosis")
    with pytest.raises(ModelError, match=r"no column 'diagnoses' to learn from\. Did you mean \"diagnosis\"\?"):
        model.refit(cancer, "diagnoses")


def test_a_seed_is_set_wherever_there_is_one_and_the_original_stays(cancer: Table) -> None:
    frame = cancer.to_pandas()
    estimator = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(frame[NUMBERS], frame["diagnosis"])
    model = model_of(estimator)
    assert model.refit(cancer, "diagnosis", seed=7).describe().parameters["randomforestclassifier__random_state"] == 7
    assert estimator[-1].random_state == 0
    assert (
        model.refit(cancer, "diagnosis", parameters={"randomforestclassifier__max_depth": 1})
        .describe()
        .parameters["randomforestclassifier__max_depth"]
        == 1
    )
    assert estimator[-1].max_depth is None


def test_a_failing_fit_is_told_with_its_reason(pipeline: Pipeline, cancer: Table) -> None:
    with pytest.raises(ModelError, match=r"fitting it again on .* \(569 rows\) failed: ValueError: .*area"):
        model_of(pipeline).refit(cancer.without(["area"]), "diagnosis")
    with pytest.raises(ModelError, match=r"failed: InvalidParameterError: The 'C' parameter"):
        model_of(pipeline).refit(cancer, "diagnosis", parameters={"model__C": -1.0})
    with pytest.raises(ModelError, match="holds none of the 8 columns"):
        model_of(pipeline).refit(cancer.select(["diagnosis"]), "diagnosis")


def test_a_prefit_wrapper_can_be_fitted_again(cancer: Table) -> None:
    frame = cancer.to_pandas()
    inner = LogisticRegression().fit(frame[NUMBERS], frame["diagnosis"])
    model = model_of(FrozenEstimator(inner))
    assert model.refit(cancer, "diagnosis").predict(cancer).prediction.tolist() == list(inner.predict(frame[NUMBERS]))


def test_what_was_never_fitted_or_holds_nothing_is_empty(cancer: Table) -> None:
    frame = cancer.to_pandas()
    unfitted = model_of(Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())]))
    assert unfitted.describe().empty == "it was never fitted: Pipeline holds its settings only"
    assert unfitted.describe().fitted["used"] == []
    with pytest.raises(ModelError, match="NotFittedError"):
        unfitted.predict(cancer)
    bare = LogisticRegression().fit(frame[NUMBERS], frame["diagnosis"])
    bare.coef_ = np.empty((1, 0))
    assert model_of(bare).describe().empty == "LogisticRegression has no coefficient"
    forest = RandomForestClassifier(2, random_state=0).fit(frame[NUMBERS], frame["diagnosis"])
    forest.estimators_ = []
    assert model_of(forest).describe().empty == "RandomForestClassifier has no tree"
    flat = LGBMClassifier(n_estimators=3, verbose=-1).fit(frame[NUMBERS], frame["diagnosis"])
    assert model_of(flat).describe().empty == ""


def test_weights_that_are_not_finite_are_told(cancer: Table) -> None:
    frame = cancer.to_pandas()
    for damaged in (LogisticRegression(), MLPClassifier([3], max_iter=1, random_state=0)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = make_pipeline(StandardScaler(), damaged).fit(frame[NUMBERS], frame["diagnosis"])
        assert model_of(fitted).describe().finite
        (damaged.coef_ if hasattr(damaged, "coef_") else damaged.coefs_[0])[0, 0] = np.inf
        assert not model_of(fitted).describe().finite


def test_a_model_without_column_names_takes_as_many_columns(cancer: Table) -> None:
    frame = cancer.to_pandas()
    model = model_of(make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[NUMBERS].to_numpy(), frame["diagnosis"]))
    assert model.describe().features is None
    assert model.describe().fitted["scalers"][0]["columns"] == ["x0", "x1", "x2"]
    assert model.predict(cancer.select(NUMBERS)).prediction.shape == (569,)
    with pytest.raises(ModelError, match=r"fitted on 3 columns without names and reference/train\.parquet has 9"):
        model.predict(cancer)
    again = model.refit(cancer.select([*NUMBERS, "diagnosis"]), "diagnosis")
    np.testing.assert_array_equal(again.predict(cancer).score, model.predict(cancer.select(NUMBERS)).score)


def test_dates_that_were_learned_as_text_are_given_as_text() -> None:
    days = [datetime.date(2024, 1, 1 + i % 3) for i in range(30)]
    frame = pd.DataFrame({"day": [str(d) for d in days], "y": [d.day for d in days]})
    estimator = Pipeline([("code", OrdinalEncoder()), ("model", LinearRegression())]).fit(frame[["day"]], frame["y"])
    answer = model_of(estimator).predict(Table(pa.table({"day": days})))
    np.testing.assert_allclose(answer.prediction, frame["y"])


def test_notes_of_pandas_that_are_out_of_date_are_not_believed(cancer: Table) -> None:
    frame = cancer.to_pandas().assign(count=pd.array([1, None] * 284 + [3], dtype="Int64")).set_index("compactness", drop=False)
    table = Table(pa.Table.from_pandas(frame))
    assert str(frame_of(table)["count"].dtype) == "Int64"
    assert list(frame_of(table).index[:2]) == [0, 1]
    replaced = table.with_column("surface", np.arange(569))
    assert replaced.to_pandas()["surface"].dtype.kind != "i"
    assert frame_of(replaced)["surface"].dtype.kind == "i"
    assert list(honest(replaced.arrow).to_pandas().columns) == list(replaced.columns)


class Clipped(TransformerMixin, BaseEstimator):
    """A transformer of a user's own that cannot name its outputs."""

    def fit(self, X: Any, y: Any = None) -> Clipped:
        self.high_ = np.asarray(X).max()
        return self

    def transform(self, X: Any) -> np.ndarray:
        return np.asarray(X).clip(max=self.high_)


class Rude(RegressorMixin, BaseEstimator):
    """An estimator whose parameters cannot be asked for."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        raise RuntimeError("no parameters")

    def fit(self, X: Any, y: Any) -> Rude:
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.full((len(X), 1), self.mean_)


def test_transformers_and_estimators_of_others_are_lived_with(cancer: Table) -> None:
    frame = cancer.to_pandas()
    fitted = Pipeline([("fill", SimpleImputer()), ("clip", Clipped()), ("scale", StandardScaler()), ("model", Rude())]).fit(
        frame[NUMBERS], frame["perimeter"]
    )
    description = model_of(fitted).describe()
    assert description.fitted["used"] == NUMBERS
    assert description.fitted["scalers"][0]["columns"] == NUMBERS
    model = model_of(Rude().fit(frame[NUMBERS], frame["perimeter"]))
    assert model.describe().parameters == {}
    assert model.predict(cancer.select(NUMBERS)).prediction.shape == (569,)
    again = model.refit(cancer.select([*NUMBERS, "perimeter"]), "perimeter")
    assert again.predict(cancer).prediction[0] == pytest.approx(np.mean(cancer.numbers("perimeter")))
