"""A demonstration: flights of 2013, a model that was retrained on newer weeks, and one thing that went wrong."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruleout.errors import RuleoutError
from ruleout.faults import Inapplicable, fault, write_case
from ruleout.faults.datasets import load_dataset
from ruleout.faults.fault import Broken
from ruleout.faults.system import System, assemble

__all__ = ["break_flights", "flights_over_time", "make_demo"]

_WINDOWS = (
    ("2013-09-16", "2013-10-14", "2013-10-28"),
    ("2013-10-07", "2013-11-04", "2013-11-18"),
)
"""Training begins, validation begins, validation ends: of the reference and of the current side. Both windows are equally hard."""

_TRIES = (("boosted", False), ("linear", False), ("linear", True), ("forest", False), ("mlp", False), ("boosted", True))
"""Estimators in the order in which they are tried, and whether the delay at departure comes in bands, as a category."""


def flights_over_time(estimator: str = "boosted", seed: int = 0, n_rows: int = 4000, *, banded: bool = False) -> System:
    """Two retrainings three weeks apart: each learns from four weeks of flights and is validated on the two that follow.

    Parameters
    ----------
    banded
        The delay at departure is a category (`none`, `short`, ...) instead of minutes.
    """
    import pandas as pd

    data = load_dataset("flights")
    frame = data.frame
    frames: list[Any] = []
    for begins, turns, ends in _WINDOWS:
        for first, last, n in ((begins, turns, n_rows), (turns, ends, n_rows // 2)):
            window = frame[(frame["departs_at"] >= pd.Timestamp(first)) & (frame["departs_at"] < pd.Timestamp(last))]
            taken = pd.concat(frames)["flight_id"] if frames else []
            window = window[~window["flight_id"].isin(taken)]
            frames.append(
                window.sample(min(n, len(window)), random_state=seed + len(frames)).sort_values("departs_at").reset_index(drop=True)
            )
    begins, _, ends = _WINDOWS[1]
    pool = frame[(frame["departs_at"] >= pd.Timestamp(begins)) & (frame["departs_at"] < pd.Timestamp(ends))]
    pool = pool[~pool["flight_id"].isin(pd.concat(frames)["flight_id"])].sample(frac=1, random_state=seed)
    frames.append(pool.reset_index(drop=True))
    if banded:
        frames = [part.assign(delay=_bands(part["dep_delay"])).drop(columns="dep_delay") for part in frames]
        numeric = tuple(c for c in data.numeric if c != "dep_delay")
        data = replace(data, numeric=numeric, categorical=(*data.categorical, "delay"))
    return assemble(data, estimator, "accuracy", seed, frames)


def _bands(minutes: Any) -> Any:
    """Minutes of delay as people put them into words."""
    import pandas as pd

    words = ["early", "none", "short", "medium", "long", "very long"]
    edges = [-float("inf"), -5, 5, 15, 30, 60, float("inf")]
    return pd.cut(minutes, edges, labels=words).astype("str")


def break_flights(cause: str = "data.unit-change", seed: int = 0) -> Broken:
    """The flights system broken by one fault; another estimator is taken where the fault does not fit the usual one.

    Raises
    ------
    UnknownCause
        There is no fault of that id.
    RuleoutError
        The fault moves nothing on these data.
    """
    import numpy as np

    chosen = fault(cause)
    for estimator, banded in _TRIES:
        rng = np.random.default_rng([zlib.crc32(cause.encode()), seed])
        try:
            broken = chosen.inject(flights_over_time(estimator, seed, banded=banded), rng, "large", tries=4)
        except Inapplicable:
            continue
        if broken.validated:
            return broken
    raise RuleoutError(f"demo: {cause} moves no metric on the flights with seed {seed}; take another seed or another cause.")


def make_demo(folder: Path | str, cause: str = "data.unit-change", seed: int = 0) -> Path:
    """Write the broken flights system as a case folder with a `train.py`; returns its `case.toml`."""
    return write_case(break_flights(cause, seed), folder)
