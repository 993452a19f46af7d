"""What is shown beside a conclusion is what the tables, answers and curves hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import ruleout
from ruleout.case.case import Case, Side
from ruleout.exhibits import exhibits
from ruleout.exhibits.answers import _binned
from ruleout.exhibits.curves import panels
from ruleout.exhibits.differences import differences
from ruleout.exhibits.pairs import by_target, pairs
from ruleout.problem.laboratory import Laboratory
from ruleout.problem.problem import Problem


def rows(n: int = 1500, seed: int = 0, factor: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"x": rng.normal(5, 1, n) * factor, "z": rng.normal(size=n), "id": np.arange(n) + 10_000 * seed})
    table["day"] = pd.Timestamp("2026-03-01") + pd.to_timedelta(np.sort(rng.integers(0, 30, n)) + 30 * (seed % 2), unit="D")
    table["label"] = np.where(table["x"] / factor + table["z"] > 5, "yes", "no")
    return table


def problem(case: Case) -> Problem:
    return Problem(case, Laboratory(case), "degradation", "It is worse.")


def found(**sides: Side) -> ruleout.Conclusion:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, wrong = rows(), rows(seed=3, factor=100.0)
    models = [make_pipeline(StandardScaler(), LogisticRegression()).fit(t[["x", "z"]], t["label"]) for t in (train, wrong)]
    case = Case(
        reference=Side(train=train, validation=rows(900, 2), model=models[0]),
        current=Side(train=wrong, validation=rows(900, 4), model=models[1]),
        target="label",
        positive="yes",
        time="day",
        key="id",
        changed="retraining",
    )
    return ruleout.investigate(case, cache=False)


def test_an_investigation_shows_the_column_at_fault_in_rows_time_and_answers() -> None:
    conclusion = found()
    assert [cause.where for cause in conclusion.causes] == [("train.x",)], conclusion.summary
    shown = exhibits(conclusion)
    assert not shown.left_out
    first = shown.distributions[0]
    assert (first.place, first.why, first.names) == ("train.x", "cause", ("reference train", "current train"))
    assert "train.id" not in {drawn.place for drawn in shown.distributions}, "that keys go on is no news"
    assert all(drawn.move.moved for drawn in shown.distributions if drawn.why == "moved")

    relation = shown.relations[0]
    assert (relation.place, relation.positive) == ("train.x", "yes")
    for at, values, factor in zip(relation.at, relation.values, (1, 100), strict=True):
        assert len(at) == len(values) == 10
        assert at[0] < 5 * factor < at[-1]
        assert values[0] < 0.1, "where x is small there are few of the class"
        assert values[-1] > 0.9

    along = shown.over_time[0]
    assert along.place == "train.x"
    assert along.dated
    early = [np.nanmedian(values) for values in along.values]
    assert early[0] == pytest.approx(5, abs=0.3)
    assert early[1] == pytest.approx(500, abs=30)

    assert [entry.side for entry in shown.answers] == ["reference", "current"]
    for entry in shown.answers:
        assert entry.confusion is not None
        assert entry.classes == ("no", "yes")
        assert entry.confusion.sum() == entry.n == 900
        assert entry.positive == "yes"
        assert entry.n_each.sum() <= 900
    healthy, broken = (np.trace(entry.confusion) / entry.n for entry in shown.answers if entry.confusion is not None)
    metric = conclusion.examination.problem
    assert healthy == pytest.approx(metric.reference)
    assert broken == pytest.approx(metric.current)


def test_nothing_is_asked_or_opened_for_an_exhibit(monkeypatch: pytest.MonkeyPatch) -> None:
    conclusion = found()
    laboratory = conclusion.examination.problem.laboratory

    def asked(*_: object) -> None:
        raise AssertionError("a model was asked for a drawing")

    monkeypatch.setattr(laboratory, "predict", asked)
    monkeypatch.setattr(laboratory, "_open", asked)
    assert len(exhibits(conclusion).answers) == 2


def test_a_table_that_is_gone_leaves_its_drawing_out(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    for side, seed in (("reference", 0), ("current", 1)):
        (folder / side).mkdir()
        rows(400, seed).to_parquet(folder / side / "train.parquet")
        rows(400, seed + 2).to_parquet(folder / side / "validation.parquet")
    conclusion = ruleout.investigate(ruleout.read_case(folder, target="label"), cache=False)
    case = ruleout.read_case(folder, target="label")
    anew = replace(conclusion.examination.problem, case=case)
    for file in folder.rglob("*.parquet"):
        file.write_bytes(b"not a table any more")
    shown = exhibits(replace(conclusion, examination=replace(conclusion.examination, problem=anew)))
    assert shown.left_out
    assert all("parquet" in sentence for sentence in shown.left_out)


def test_serving_stands_beside_validation_where_no_earlier_log_is_given() -> None:
    case = Case(reference=Side(validation=rows(300)), current=Side(serving=rows(300, 1)), target="label")
    (pair,) = pairs(problem(case))
    assert pair.names == ("reference validation", "current serving")
    case = Case(current=Side(train=rows(300), validation=rows(200, 1)), target="label")
    assert [p.names for p in pairs(problem(case))] == [("train", "validation")]
    (alone,) = pairs(problem(Case(current=Side(train=rows(300)), target="label")))
    assert alone.alone
    assert alone.current.n_rows == 0


def test_a_leak_is_drawn_by_the_target() -> None:
    case = Case(current=Side(train=rows(300)), target="label", task="classification")
    pair = by_target(problem(case), "train", case.current.train)  # type: ignore[arg-type]
    assert pair is not None
    assert set(pair.names) == {"label = yes", "label = no"}
    assert pair.reference.n_rows + pair.current.n_rows == 300
    numbers = Case(current=Side(train=rows(300)), target="x", task="regression")
    halves = by_target(problem(numbers), "train", numbers.current.train)  # type: ignore[arg-type]
    assert halves is not None
    assert abs(halves.reference.n_rows - halves.current.n_rows) <= 1


def test_calibration_is_the_mean_score_and_the_share_that_came_true() -> None:
    said = np.repeat([0.05, 0.55, 0.95], [20, 20, 5])
    true = np.concatenate([np.zeros(18), np.ones(2), np.ones(10), np.zeros(10), np.ones(5)])
    answered, came_true, n = _binned(said, true, np.linspace(0, 1, 11))
    assert answered.tolist() == pytest.approx([0.05, 0.55])
    assert came_true.tolist() == pytest.approx([0.1, 0.5])
    assert n.tolist() == [20, 20], "a bin of five rows says nothing"


def test_curves_that_belong_together_share_a_panel() -> None:
    epochs = np.arange(1, 1001)
    history = {
        "epoch": epochs,
        "train_loss": 1 / epochs,
        "val_loss": [None if at % 2 else 1 / at for at in epochs.tolist()],
        "val_accuracy": 1 - 1 / epochs,
        "grad_norm": np.where(epochs > 500, np.inf, 2.0),
    }
    shown = panels(Case(current=Side(history=history)))
    assert [panel.title for panel in shown] == ["val_loss and train_loss", "val_accuracy", "grad_norm"]
    losses = shown[0].lines
    assert [line.name for line in losses] == ["val_loss", "train_loss"]
    assert all(line.lost is None for line in losses), "epochs that were not evaluated are not lost"
    assert all(len(line.x) <= 302 for line in losses)
    assert losses[1].y.min() == pytest.approx(1 / 1000)
    assert shown[2].lines[0].lost == 501
    assert all(panel.axis == "epoch" for panel in shown)
    assert all(panel.x == (1.0, 1000.0) for panel in shown)


def test_what_differs_besides_rows_is_named_with_both_values() -> None:
    case = Case(
        reference=Side(
            train=rows(300), config={"C": 1.0, "same": 1, "gone": "x" * 200, "db_password": "hunter2"}, environment={"numpy": "2.0"}
        ),
        current=Side(train=rows(200, 1), config={"C": 0.1, "same": 1, "db_password": "hunter3"}, environment={"numpy": "2.1"}),
        target="label",
    )
    said = {found.place: (found.reference, found.current) for found in differences(problem(case))}
    assert said["train"] == ("300 rows, 5 columns", "200 rows, 5 columns")
    assert said["config.C"] == ("1.0", "0.1")
    assert said["environment.numpy"] == ("2.0", "2.1")
    assert said["config.gone"][1] == ""
    assert len(said["config.gone"][0]) == 80
    assert "config.same" not in said
    assert said["config.db_password"] == ("(not shown)", "(not shown)"), "a page is passed on"


def test_rows_that_were_mixed_up_show_in_the_target_along_the_column() -> None:
    healthy, mixed = rows(2000), rows(2000, 1)
    mixed["x"] = np.roll(mixed["x"], 7)
    case = Case(reference=Side(train=healthy), current=Side(train=mixed), target="label", task="classification")
    pair = pairs(problem(case))[0]
    from ruleout.exhibits.relations import _by_level, _tenths

    spreads = []
    for table in (pair.reference, pair.current):
        said = np.array([label == "yes" for label in table.values("label").tolist()], dtype=float)
        _, values = _tenths(table.numbers("x"), said)
        spreads.append(values.max() - values.min())
    assert spreads[0] > 0.8
    assert spreads[1] < 0.2
    _, values = _by_level(np.array(["a"] * 30 + ["b"] * 5), np.ones(35), ("a", "b"))
    assert values[0] == 1
    assert np.isnan(values[1]), "five rows say nothing"


def test_a_score_is_about_the_class_that_is_answered_where_it_is_high() -> None:
    from ruleout.exhibits.answers import _probabilities
    from ruleout.models.model import Prediction

    score = np.linspace(0, 1, 50)
    asked = problem(Case(current=Side(train=rows(60)), target="label", task="classification"))
    for high in ("yes", "no"):
        answer = np.where(score > 0.5, high, "no" if high == "yes" else "yes").astype(object)
        found, positive = _probabilities(asked, Prediction(answer, score, ("no", "yes")))
        assert positive == "yes"
        assert found is not None
        assert found[answer == "yes"].min() > found[answer == "no"].max()
    assert _probabilities(asked, Prediction(answer, 10 * score, ("no", "yes")))[0] is None, "a margin is no probability"


def test_a_stretch_of_many_days_is_whole_days() -> None:
    from ruleout.exhibits.over_time import DAY, N_BINS, _edges

    edges = _edges(10 * DAY + 100, 21 * DAY + 7, True)
    assert set(np.diff(edges)) == {DAY}
    assert edges[0] == 10 * DAY
    assert edges[-2] <= 21 * DAY + 7 <= edges[-1]
    year = _edges(0.0, 365 * DAY, True)
    assert (np.diff(year) % DAY == 0).all()
    assert 20 <= len(year) <= 32
    assert len(_edges(0.0, 2 * DAY, True)) == N_BINS + 1
    assert _edges(0.0, 100.0, False).tolist() == np.linspace(0, 100, N_BINS + 1).tolist()
