"""A healthy system: two sides of one machine-learning system on real data, as two weeks of it would be."""

from __future__ import annotations

import importlib.metadata
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from ruleout.errors import FieldError, nearest
from ruleout.faults import measure, training
from ruleout.faults.datasets import Dataset, load_dataset

__all__ = ["ESTIMATORS", "Fitted", "Half", "System", "fit_half", "healthy_system", "training_code"]

ESTIMATORS = ("linear", "boosted", "forest", "mlp")
"""Kinds of model that every data set is crossed with."""

SideName = Literal["reference", "current"]


@dataclass(frozen=True)
class Half:
    """One side before anything is fitted: frames, configuration, environment, code, and what happens after the fit.

    Parameters
    ----------
    train, validation
        Labelled frames; never changed in place.
    config
        JSON-able settings of the training program.
    environment
        Versions by package.
    code
        Text of the training program that really ran.
    shown_code
        Text that the case shows; None where no code is kept.
    tamper
        Takes the fitted pipeline and gives the artifact that was saved instead.
    report
        Takes the artifact and this half and gives the metrics that the pipeline reported, instead of the measured ones.
    """

    train: Any = field(repr=False)
    validation: Any = field(repr=False)
    config: Mapping[str, Any]
    environment: Mapping[str, str]
    code: str = field(repr=False)
    shown_code: str | None = field(default=None, repr=False)
    tamper: Callable[[Any, Half], Any] | None = None
    report: Callable[[Any, Half], dict[str, float]] | None = None

    def frame(self, table: str) -> Any:
        """`train` or `validation`."""
        return self.train if table == "train" else self.validation

    def with_frame(self, table: str, frame: Any) -> Half:
        """Return the half with one of its frames replaced."""
        return replace(self, train=frame) if table == "train" else replace(self, validation=frame)

    def with_config(self, **changes: Any) -> Half:
        """Return the half with settings changed."""
        return replace(self, config={**self.config, **changes})


@dataclass(frozen=True)
class Fitted:
    """A half that has run: its artifact, the metric on its validation rows with its standard error, and what was reported."""

    half: Half
    model: Any = field(repr=False)
    metric: float
    standard_error: float
    reported: Mapping[str, float]


@dataclass(frozen=True)
class System:
    """Two sides of a system that works.

    Parameters
    ----------
    pool
        Rows that neither side holds, for faults that need more of the same world.
    """

    dataset: Dataset
    estimator: str
    metric: str
    seed: int
    reference: Half = field(repr=False)
    current: Half = field(repr=False)
    pool: Any = field(repr=False)

    @property
    def name(self) -> str:
        """Data set and estimator: `flights/boosted`."""
        return f"{self.dataset.name}/{self.estimator}"

    def half(self, side: SideName) -> Half:
        """One of the two sides."""
        return self.reference if side == "reference" else self.current

    def with_half(self, side: SideName, half: Half) -> System:
        """The system with one side replaced."""
        return replace(self, reference=half) if side == "reference" else replace(self, current=half)

    def fit(self, side: SideName = "current") -> Fitted:
        """Train and measure one side as its pipeline would."""
        return fit_half(self, self.half(side))


def training_code() -> str:
    """The text of the training program, which runs on its own as `train.py`."""
    return inspect.getsource(training)


@lru_cache(maxsize=64)
def _compiled(code: str) -> Callable[[Mapping[str, Any], Any], Any]:
    space: dict[str, Any] = {"__name__": "train"}
    exec(compile(code, "train.py", "exec"), space)
    function: Callable[[Mapping[str, Any], Any], Any] = space["fit"]
    return function


def train(config: Mapping[str, Any], frame: Any, code: str | None = None) -> Any:
    """Fit the pipeline that a configuration describes; `code` is the training program's text, by default the healthy one."""
    return _compiled(code or training_code())(dict(config), frame)


def fit_half(system: System, half: Half) -> Fitted:
    """Train one side, let happen to the artifact what happens to it, measure and report."""
    model = train(half.config, half.train, half.code)
    if half.tamper is not None:
        model = half.tamper(model, half)
    target, metric, positive = system.dataset.target, system.metric, system.dataset.positive
    truth, answer = measure.answers(model, half.validation, target, metric, positive)
    measured = measure.value(metric, truth, answer, positive)
    reported = half.report(model, half) if half.report else {metric: round(measured, 5)}
    error = measure.standard_error(metric, truth, answer, positive)
    return Fitted(half, model, measured, error, reported)


def importance(system: System) -> dict[str, float]:
    """How much each feature matters to the reference model, the most important first: the metric's fall when it is shuffled.

    Permutation importance (Breiman, 2001) on at most 600 validation rows.
    """
    key = (
        id(system.reference.train),
        id(system.reference.validation),
        system.metric,
        str(sorted(system.reference.config.items(), key=str)),
    )
    if key not in _IMPORTANCE:
        half = system.reference
        model = train(half.config, half.train, half.code)
        rng = np.random.default_rng(system.seed)
        frame = half.validation.head(600)
        target, metric, positive = system.dataset.target, system.metric, system.dataset.positive
        whole = measure.value(metric, *measure.answers(model, frame, target, metric, positive), positive)
        falls = {}
        for column in system.dataset.features:
            shuffled = frame.copy()
            shuffled[column] = frame[column].to_numpy()[rng.permutation(len(frame))]
            falls[column] = whole - measure.value(metric, *measure.answers(model, shuffled, target, metric, positive), positive)
        # the frames are kept beside the result: an id is only unique while its object lives
        _IMPORTANCE[key] = (dict(sorted(falls.items(), key=lambda item: -item[1])), half)
        while len(_IMPORTANCE) > 32:
            _IMPORTANCE.pop(next(iter(_IMPORTANCE)))
    return dict(_IMPORTANCE[key][0])


_IMPORTANCE: dict[tuple[Any, ...], tuple[dict[str, float], Half]] = {}


def weighty(
    system: System, kind: Literal["numeric", "categorical", "any"], rng: np.random.Generator, n: int = 1, among: int = 3
) -> list[str]:
    """Choose `n` features that matter, at random among the `among` weightiest of a kind; fewer where there are fewer."""
    wanted = {"numeric": system.dataset.numeric, "categorical": system.dataset.categorical, "any": system.dataset.features}[kind]
    ranked = [c for c in importance(system) if c in wanted][: max(among, n)]
    if not ranked:
        return []
    return [ranked[i] for i in sorted(rng.choice(len(ranked), size=min(n, len(ranked)), replace=False))]


def default_config(dataset: Dataset, estimator: str, seed: int) -> dict[str, Any]:
    """A healthy configuration, with the names that people write."""
    regression = dataset.task == "regression"
    settings: dict[str, dict[str, Any]] = {
        "linear": {"algorithm": "ridge", "alpha": 1.0} if regression else {"algorithm": "logistic", "C": 1.0, "max_iter": 200},
        "boosted": {
            "algorithm": "boosting",
            "learning_rate": 0.1,
            "n_estimators": 40,
            "max_leaf_nodes": 15,
            "min_samples_leaf": 20 if len(dataset.frame) > 3000 else 5,
            "l2_regularization": 0.0,
        },
        "forest": {"algorithm": "forest", "n_estimators": 25, "max_depth": 16, "min_samples_leaf": 1, "max_features": 0.5},
        "mlp": {"algorithm": "mlp", "hidden": [24], "learning_rate": 0.005, "weight_decay": 0.0001, "batch_size": 64, "epochs": 12},
    }
    if estimator not in settings:
        raise FieldError(f"estimator {estimator!r} is not one of {', '.join(settings)}.{nearest(estimator, settings)}")
    config = settings[estimator]
    if estimator == "mlp" and len(dataset.frame) < 3000:
        config |= {"epochs": 60, "batch_size": 32}
    return {
        "run_name": f"{dataset.name}-weekly",
        "task": dataset.task,
        "target": dataset.target,
        **config,
        "seed": seed,
        "numeric": list(dataset.numeric),
        "categorical": list(dataset.categorical),
    }


def installed() -> dict[str, str]:
    """Versions of the packages that training uses."""
    return {p: importlib.metadata.version(p) for p in ("joblib", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy")}


def healthy_system(dataset: str, estimator: str, seed: int = 0, n_rows: int = 3000, metric: str | None = None) -> System:
    """Two sides of a system that works, drawn from one world: their four tables share no row.

    Parameters
    ----------
    dataset
        One of `DATASETS`.
    estimator
        One of `ESTIMATORS`.
    n_rows
        Training rows of a side; a validation table has two thirds as many. Fewer where the data set is small.
    metric
        A metric of the data set; by default drawn with the seed, the usual one most often.
    """
    data = load_dataset(dataset)
    rng = np.random.default_rng([seed, 101])
    if metric is None:
        metric = data.metrics[0] if rng.random() < 0.6 else str(rng.choice(data.metrics))
    n_train = min(n_rows, int(len(data.frame) * 0.3))
    n_validation = min(n_rows * 2 // 3, int(len(data.frame) * 0.2))
    order = rng.permutation(len(data.frame))
    ends = np.cumsum([n_train, n_validation, n_train, n_validation])
    # rows keep the order of the data set where it has a time, and none where it has not
    parts = [np.sort(p) if data.time else p for p in np.split(order, ends)]
    frames = [data.frame.iloc[p].reset_index(drop=True) for p in parts]
    return assemble(data, estimator, metric, seed, frames)


def assemble(data: Dataset, estimator: str, metric: str, seed: int, frames: list[Any]) -> System:
    """A system of five frames: reference train and validation, current train and validation, and the pool."""
    code = training_code()
    config = default_config(data, estimator, seed % 1000)
    halves = [Half(frames[i], frames[i + 1], config, installed(), code, shown_code=code) for i in (0, 2)]
    return System(data, estimator, metric, seed, halves[0], halves[1], frames[4].head(20_000))
