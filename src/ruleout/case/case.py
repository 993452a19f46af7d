"""A case: one or two sides of a machine-learning system, and the symptom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from ruleout.case.code import Code
from ruleout.case.environment import Environment
from ruleout.case.given import given_field
from ruleout.errors import FieldError
from ruleout.models.artifact import Artifact
from ruleout.tables.table import Table

__all__ = ["ABSENT", "Case", "Code", "Environment", "Run", "Side", "SideName", "TableName"]

ABSENT: Any = type("Absent", (), {"__repr__": lambda _self: "ABSENT"})()
"""Stands for a configuration key that is not there (None is a value that a key may have)."""

SideName = Literal["reference", "current"]
TableName = Literal["train", "validation", "serving"]


@dataclass(frozen=True)
class Side:
    """Everything known of the system as it was at one time. Any field may be None: what is missing is named, never a crash.

    `train`, `validation` and `serving` are tables; in a case read from files they are read when first used. A field may be given as
    one has it in memory: a data frame (pandas, Polars, Arrow) becomes a `Table`, a fitted estimator an `Artifact`, a mapping or
    `name==version` lines an `Environment`, source text `Code`, and a path is read.
    """

    train: Table | None = None
    validation: Table | None = None
    serving: Table | None = None
    model: Artifact | None = None
    config: Mapping[str, Any] | None = None
    history: Table | None = None
    metrics: Mapping[str, Any] | None = None
    environment: Environment | None = None
    runlog: tuple[Mapping[str, Any], ...] | None = None
    code: Code | None = None

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            given = given_field(entry.name, value)
            if given is not value:
                object.__setattr__(self, entry.name, given)

    def as_served(self) -> Side:
        """The side with its validation (else training) rows in place of a serving log that it has not: what a healthy log would hold."""
        return self if self.serving is not None else replace(self, serving=self.validation or self.train)

    def table(self, name: TableName) -> Table | None:
        """One of the side's tables by its name."""
        found: Table | None = getattr(self, name)
        return found


@dataclass(frozen=True)
class Run:
    """How to redo the work: command lines with `{train}`, `{config}`, `{model}`, `{data}`, `{predictions}`, `{seed}` to fill in.

    Parameters
    ----------
    train, predict, measure
        As in `case.toml`.
    timeout
        Seconds that one run may take; None is an hour.
    retries
        How many times a run that fails is tried again.
    """

    train: str | None = None
    predict: str | None = None
    measure: str | None = None
    timeout: float | None = None
    retries: int = 1


@dataclass(frozen=True)
class Case:
    """One or two sides of a system, and what is known of the trouble. Immutable: a counterfactual is another case.

    Parameters
    ----------
    current
        The system that is broken. The only thing required.
    reference
        The system when it worked.
    target, metric, task, positive, time, entity, key, ignore
        As in `case.toml`. After `read_case`, `target`, `task` and `metric` are settled: given, or assumed aloud.
    engine
        Who reads its large tables: `spark://host:port`, `tcp://host:port`, …; threads of this process where it is None.
    features
        Columns that are features: all of the tables' columns less target, key, entity, time and ignored ones.
    assumptions
        What nobody said and was taken as given, one sentence each.
    folder
        Where `[run]` commands run.
    trusted
        The caller lets the case run code.
    config_format
        How a configuration is written for a command, as the side's own file is: "json", "toml" or "yaml".
    show_runs
        The caller wants to see what the commands print while they run.
    """

    current: Side
    reference: Side | None = None
    title: str = ""
    symptom: str = ""
    changed: Literal["retraining", "deployment", "upgrade", "unknown"] = "unknown"
    task: Literal["classification", "regression"] | None = None
    target: str | None = None
    metric: str | None = None
    direction: Literal["higher", "lower"] | None = None
    min_effect: float | None = None
    positive: Any = None
    time: str | None = None
    entity: str | None = None
    key: str | None = None
    ignore: tuple[str, ...] = ()
    engine: str | None = None
    run: Run = field(default_factory=Run)
    factors: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    folder: Path | None = None
    trusted: bool = False
    config_format: Literal["json", "toml", "yaml"] = "json"
    show_runs: bool = False

    def __post_init__(self) -> None:
        for name in ("current", "reference"):
            value: Any = getattr(self, name)
            if not isinstance(value, Side) and not (value is None and name == "reference"):
                raise FieldError(f"Case({name}=…): {type(value).__name__} given, expected a Side; write Side(train=…, model=…).")
        coerced: dict[str, Any] = {"ignore": (self.ignore,) if isinstance(self.ignore, str) else tuple(self.ignore)}
        if self.folder is not None:
            coerced["folder"] = Path(self.folder)
        for name, value in coerced.items():
            object.__setattr__(self, name, value)

    def side(self, name: SideName) -> Side | None:
        """One of the two sides."""
        return self.reference if name == "reference" else self.current

    def features(self, table: Table) -> tuple[str, ...]:
        """The columns of `table` that are features."""
        out = {self.target, self.key, self.entity, self.time, *self.ignore}
        if table.name == "serving":
            out |= {"prediction", "score"}
        return tuple(c for c in table.columns if c not in out)

    def with_side(self, name: SideName, side: Side) -> Case:
        """The case with one side replaced."""
        return replace(self, reference=side) if name == "reference" else replace(self, current=side)

    def with_table(self, side: SideName, name: TableName, table: Table) -> Case:
        """The case with one table replaced. New training rows leave the side without an artifact: it must be fitted again."""
        was = self.side(side) or Side()
        changes: dict[str, Any] = {name: table.named(name)}
        now = replace(was, **changes)
        if name == "train":
            now = replace(now, model=None)
        return self.with_side(side, now)

    def with_config(self, side: SideName, changes: Mapping[str, Any]) -> Case:
        """The case with keys of one side's configuration set; a value of `ABSENT` takes the key away. The artifact goes, as above."""
        was = self.side(side) or Side()
        config = dict(was.config or {})
        for key, value in changes.items():
            if value is ABSENT:
                config.pop(key, None)
            else:
                config[key] = value
        return self.with_side(side, replace(was, config=config, model=None))
