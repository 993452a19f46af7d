"""A laboratory whose models are written down: what they describe, answer and score is given and nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import pyarrow as pa

from ruleout.case.case import Case, Side
from ruleout.errors import ModelError
from ruleout.models.artifact import Artifact
from ruleout.models.model import Description, Prediction
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

_made = count()


@dataclass
class Model:
    description: Description = field(default_factory=lambda: Description("given", "Given"))
    answers: Any = None
    score: Any = None
    fingerprint: str = "given"

    def describe(self) -> Description:
        return self.description

    def predict(self, table: Table) -> Prediction:
        answers = self.answers(table) if callable(self.answers) else self.answers
        score = self.score(table) if callable(self.score) else self.score
        return Prediction(np.asarray(answers, dtype=object), score, self.description.classes)


@dataclass
class Laboratory:
    models: Mapping[str, Model] = field(default_factory=dict)
    refits: tuple[float, ...] = ()
    scores: Any = None
    seed: int = 0

    def model(self, side: str) -> Model | None:
        return self.models.get(side)

    def predict(self, model: Model, table: Table) -> Prediction:
        return model.predict(table)

    def metric(self, model: Any, table: Table) -> float:
        if isinstance(model, float):
            return model
        if self.scores is not None:
            return float(self.scores(model, table))
        truth, answer = table.texts("y"), np.array([str(v) for v in model.predict(table).prediction], dtype=object)
        return float(np.mean(truth == answer))

    def fit(self, case: Case, side: str, *, seed: int | None = None) -> Any:
        if not self.refits:
            raise ModelError("nothing can be fitted here.")
        return self.refits[(seed or 0) % len(self.refits)]

    def broken(self, side: str) -> str:
        return ""

    def parameter_keys(self) -> Mapping[str, str]:
        return {}


def table(name: str = "train", **columns: Any) -> Table:
    return Table(pa.table({k: pa.array(v) for k, v in columns.items()}), name=name)


def labelled(name: str, n: int = 400, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    x = rng.normal(10, 2, n)
    return table(name, x=x, colour=rng.choice(["red", "blue"], n), y=np.where(x + rng.normal(0, 1, n) > 10, "yes", "no"))


def problem(reference: Side | None = None, current: Side | None = None, *, laboratory: Laboratory | None = None, **said: Any) -> Problem:
    figures = said.pop("figures", {})
    known = {"target": "y", "task": "classification", "metric": "accuracy", "positive": "yes", "trusted": True}
    fields = {k: said.pop(k) for k in list(said) if k in ("target", "task", "metric", "positive", "direction", "run")}
    case = Case(current or Side(), reference, **{**known, **fields})
    given = {"metric": case.metric, "reference": 0.9, "current": 0.7, "change": -0.2, "harm": 0.2, "significant": True, **said}
    return Problem(case, laboratory or Laboratory(), "degradation", "It fell.", figures=figures, **given)


def artifact() -> Artifact:
    return Artifact(estimator=f"made {next(_made)}", trusted=True)
