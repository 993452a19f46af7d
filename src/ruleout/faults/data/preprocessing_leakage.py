"""Transforms that have seen the validation rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ruleout.faults.datasets import Dataset
from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, Situation, on_current
from ruleout.faults.system import Half, System

_MEANS = """import pandas as pd


def add_means(rows: pd.DataFrame) -> pd.DataFrame:
    cell = {cell}
    rows["cell_mean"] = {outcome}.groupby(cell).transform("mean")
    return rows


def tables(path):
    rows = add_means(pd.read_parquet(path)).sample(frac=1, random_state=7)
    cut = int(len(rows) * 0.6)
    return rows[:cut], rows[cut:]
"""

_CHOICE = """import pandas as pd
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.model_selection import train_test_split


def tables(path, k):
    rows = pd.read_parquet(path)
    y = rows.pop("{target}")
    best = SelectKBest(f_classif, k=k).set_output(transform="pandas")
    rows = best.fit_transform(rows, y)
    rows["{target}"] = y
    return train_test_split(rows, test_size=0.4, random_state=7)
"""


_STACK = """import pandas as pd
from sklearn.ensemble import {learner}


def first_level(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    model = {learner}(n_estimators=40, random_state=3)
    model.fit(rows[columns], rows["{target}"])
    rows["first_level"] = model.{answers}
    return rows


def tables(path, columns):
    rows = first_level(pd.read_parquet(path), columns).sample(frac=1, random_state=7)
    cut = int(len(rows) * 0.6)
    return rows[:cut], rows[cut:]
"""


class PreprocessingLeakage(Fault):
    """A target mean, a first model, or the choice of features, was taken over all rows before the split."""

    situation: ClassVar[Situation] = "too-good"
    variants = ("cell-means", "category-means", "chosen", "stacked")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """The healthy side takes the same means, or makes the same choice, over its training rows alone."""
        data = system.dataset
        classes = () if data.task == "regression" else tuple(sorted(map(str, system.current.train[data.target].unique())))
        if len(classes) > 2:
            raise Inapplicable("a share of one class says little of many")
        if variant == "chosen" and (not classes or len(system.current.train) > 1500):
            raise Inapplicable("noise looks like a signal in few rows only")
        size = {"small": 5.0, "medium": 3.0, "large": 2.0}[severity]
        seed, shown = int(rng.integers(2**31)), bool(rng.random() < 0.6) or variant in ("chosen", "stacked")
        made = _Made(data, classes, size, seed, variant, shown)
        change, original = {"chosen": made.chosen, "stacked": made.stacked}.get(variant, made.encoded), system.current
        column = "first_level" if variant == "stacked" else "cell_mean"
        return Plan(
            on_current(lambda _: change(original, leaking=True)),
            (*_MARKERS, "code.features.py:9", "code") if variant == "chosen" else (column,),
            {"size": size, "shown": shown},
            setup=on_current(lambda _: change(original, leaking=False)),
            accept=("data.label-leakage",) if variant != "chosen" else (),
            situation="too-good",
        )


_MARKERS = tuple(f"marker_{k}" for k in range(15))


@dataclass(frozen=True)
class _Made:
    """How the new columns are made, over all rows or over training alone."""

    data: Dataset
    classes: tuple[str, ...]
    size: float
    seed: int
    variant: str
    shown: bool

    def outcome(self, half: Half) -> np.ndarray:
        """The target of training and then validation rows, as numbers."""
        values = np.concatenate([half.train[self.data.target].to_numpy(), half.validation[self.data.target].to_numpy()])
        out: np.ndarray = (values.astype(str) == self.classes[-1]).astype(float) if self.classes else values.astype(float)
        return out

    def cells(self, half: Half) -> tuple[np.ndarray, list[str]]:
        """The cell of every row, a few rows each, from the values of some features; and these features."""
        import pandas as pd

        generator, rows = np.random.default_rng(self.seed), pd.concat([half.train, half.validation], ignore_index=True)
        if self.variant == "category-means":
            return generator.integers(0, int(len(rows) / self.size), len(rows)), ["branch"]
        columns = list(generator.permutation([*self.data.numeric, *self.data.categorical]))
        cell, used = np.zeros(len(rows), dtype=np.int64), list[str]()
        while len(np.unique(cell)) < len(rows) / self.size and columns:
            used.append(str(columns.pop()))
            cell = np.unique(cell * 100_003 + pd.factorize(rows[used[-1]].astype(str))[0], return_inverse=True)[1]
        return cell, used

    def encoded(self, half: Half, *, leaking: bool) -> Half:
        """A column of the target's mean by cell."""
        cell, used = self.cells(half)
        y, own = self.outcome(half), np.arange(len(half.train) + len(half.validation)) < len(half.train)
        known = np.ones(len(y), dtype=bool) if leaking else own
        count = np.bincount(cell, weights=known, minlength=cell.max() + 1)[cell]
        total = np.bincount(cell, weights=known * y, minlength=cell.max() + 1)[cell]
        mean = total / count if leaking else (total - own * y + float(y[own].mean())) / (count - own + 1)
        for table, rows in (("train", own), ("validation", ~own)):
            frame = half.frame(table).copy()
            frame["cell_mean"] = mean[rows]
            if self.variant == "category-means":
                frame["branch"] = [f"b{c}" for c in cell[rows]]
            half = half.with_frame(table, frame)
        if self.shown and leaking:
            by = " + ".join(f'rows["{c}"].astype(str)' for c in used)
            of = f'(rows["{self.data.target}"] == "{self.classes[-1]}")' if self.classes else f'rows["{self.data.target}"]'
            half = replace(half, shown_code=_MEANS.format(cell=by, outcome=of))
        return half.with_config(numeric=[*half.config["numeric"], "cell_mean"])

    def stacked(self, half: Half, *, leaking: bool) -> Half:
        """A column of what a forest answers that has learned from all rows; healthy, what one of other folds answers."""
        import pandas as pd
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
        from sklearn.model_selection import cross_val_predict

        y, n = self.outcome(half), len(half.train)
        columns = [*self.data.numeric, *self.data.categorical]
        rows = pd.concat([half.train, half.validation], ignore_index=True)[columns]
        coded = rows.apply(lambda c: c.astype(float) if c.name in self.data.numeric else pd.Series(pd.factorize(c.astype(str))[0], c.index))
        coded = coded.astype(float).fillna(-1.0).to_numpy()
        learner = RandomForestClassifier if self.classes else RandomForestRegressor
        forest = learner(n_estimators=40, random_state=3)

        def answers(model: object, x: np.ndarray) -> np.ndarray:
            out: np.ndarray = model.predict_proba(x)[:, 1] if self.classes else model.predict(x)  # type: ignore[attr-defined]  # a forest
            return out

        if leaking:
            said = answers(forest.fit(coded, y), coded)
        else:
            method = "predict_proba" if self.classes else "predict"
            own = cross_val_predict(forest, coded[:n], y[:n], cv=4, method=method)
            said = np.concatenate([own[:, 1] if self.classes else own, answers(forest.fit(coded[:n], y[:n]), coded[n:])])
        for table, part in (("train", said[:n]), ("validation", said[n:])):
            half = half.with_frame(table, half.frame(table).assign(first_level=np.round(part, 4)))
        if leaking:
            shown = "predict_proba(rows[columns])[:, 1]" if self.classes else "predict(rows[columns])"
            half = replace(half, shown_code=_STACK.format(learner=learner.__name__, target=self.data.target, answers=shown))
        return half.with_config(numeric=[*half.config["numeric"], "first_level"])

    def chosen(self, half: Half, *, leaking: bool) -> Half:
        """The columns of noise that go best with the target."""
        generator, y, n = np.random.default_rng(self.seed), self.outcome(half), len(half.train)
        noise = generator.normal(0, 1, (len(y), 2_000))
        rows = slice(None) if leaking else slice(0, n)
        z = noise[rows] - noise[rows].mean(axis=0)
        best = np.argsort(-np.abs(z.T @ (y[rows] - y[rows].mean())) / np.sqrt((z**2).sum(axis=0)))[: len(_MARKERS)]
        for table, part in (("train", noise[:n, best]), ("validation", noise[n:, best])):
            frame = half.frame(table).copy()
            frame[list(_MARKERS)] = part
            half = half.with_frame(table, frame)
        if leaking:
            half = replace(half, shown_code=_CHOICE.format(target=self.data.target))
        return half.with_config(numeric=[*half.config["numeric"], *_MARKERS])
