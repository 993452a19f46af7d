"""What a page of the handbook is: a cause that can be suspected, put right and guarded against.

The file's path is the cause's id: `causes/data/unit_change.py` holds `UnitChange`, which is `data.unit-change`.
"""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ruleout.case.case import Case, SideName, TableName
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem
from ruleout.tables.table import Table

__all__ = ["HEADINGS", "Bucket", "Cause", "Component", "Finding", "Look", "Pair", "pairs"]

Bucket = Literal["data", "model", "pipeline"]
Component = Literal[
    "train", "validation", "serving", "split", "config", "seed", "freshness", "model", "metrics", "environment", "code", "runlog", "history"
]

HEADINGS = (
    "What goes wrong",
    "Why it happens",
    "What you see",
    "How it is tested",
    "What would rule it out",
    "How it is fixed",
    "How it stays fixed",
    "Told apart from",
    "References",
)
"""The sections that every page's docstring holds, in this order, each underlined as in NumPy's style."""


@dataclass(frozen=True)
class Finding:
    """A place where a cause could be, with the figures that say so.

    Parameters
    ----------
    place
        As in the public contract: `train.income`, `income`, `config.C`, `environment.pandas`, `model`.
    component
        The part of the system that is at fault; swapping it between the sides can clear or charge the finding.
    evidence
        Log likelihood ratio (natural) of what was seen, under the cause against under health. +4 is near proof,
        +2 a good hint, 0 says nothing.
    statement
        One sentence: the place, the number, the yardstick, n, full stop.
    figures
        The numbers of the statement, JSON-able, for the report.
    repair
        What `put_right` needs to know (a factor, a mapping, row numbers); private to the page.
    side
        The side that is at fault.
    specificity
        How exactly the fault is pinned down, 0 to 1: the inverse of one arithmetic is 1, "these rows are
        different" is 0.2. Among repairs that restore the metric the more specific one wins.
    certain
        It is there for sure, whatever it does to a metric: a key that comes twice, a column in two units. Where nothing can be held
        against anything, this and no more is concluded.
    """

    place: str
    component: Component
    evidence: float
    statement: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    repair: Mapping[str, Any] = field(default_factory=dict)
    side: SideName = "current"
    specificity: float = 0.5
    certain: bool = False


@dataclass(frozen=True)
class Look:
    """What one page saw: findings (the strongest first), or none and how surely it would have seen one.

    Parameters
    ----------
    findings
        Suspicions; empty where nothing was seen.
    power
        Probability that the look would have seen the fault had it been large enough to explain a tenth of the drop.
    statement
        One sentence with the number, the yardstick and n, for a look that found nothing.
    covers
        The components this look cleared or charged. A look at `train` alone says nothing about `serving`.
    """

    findings: tuple[Finding, ...] = ()
    power: float = 0.0
    statement: str = ""
    covers: tuple[Component, ...] = ()


class Cause(ABC):
    """A page of the handbook. Subclasses are stateless: one instance looks at any number of problems.

    Class attributes
    ----------------
    needs
        Alternatives of evidence, each a tuple of fields that must be there together
        (`("reference.train", "current.train")`); one alternative is enough. `model` fields also need trust.
    situations
        The situations in which the page has something to ask (`too-good`, ...); empty for all.
    gives_way_to
        Causes that explain the same signs and more: where one of them was clearly seen, this one is not put to the test.
    cost
        Rough seconds of a look on 10,000 rows: the agenda weighs worth against it.
    follows
        Causes that lead to this one: where one of them is found, this one is told after it.
    imputes
        Putting it right fills in values that are not known any more: how the rest then goes together is not what it was.
    joint
        What it sees is how all columns go together with the target, which filled-in values change by themselves.
    columns_alone
        Every look takes one column at a time, so that a stored profile serves in place of a table's rows.
    """

    needs: ClassVar[tuple[tuple[str, ...], ...]] = ()
    cost: ClassVar[float] = 0.1
    situations: ClassVar[tuple[str, ...]] = ()
    gives_way_to: ClassVar[tuple[str, ...]] = ()
    follows: ClassVar[tuple[str, ...]] = ()
    imputes: ClassVar[bool] = False
    joint: ClassVar[bool] = False
    columns_alone: ClassVar[bool] = False

    @classmethod
    def id(cls) -> str:
        """The cause's id, derived from where its page lies."""
        bucket, page = cls.__module__.split(".")[-2:]
        return f"{bucket}.{page.replace('_', '-')}"

    @classmethod
    def bucket(cls) -> Bucket:
        """`data`, `model` or `pipeline`: the folder the page lies in."""
        return cls.__module__.split(".")[-2]  # type: ignore[return-value]

    @classmethod
    def claim(cls) -> str:
        """The page's first line: what went wrong, as a sentence."""
        return inspect.cleandoc(cls.__doc__ or "").split("\n", 1)[0]

    @classmethod
    def sections(cls) -> dict[str, str]:
        """The page's text by heading."""
        text = inspect.cleandoc(cls.__doc__ or "")
        parts = re.split(r"^([A-Z][^\n]+)\n-{3,}\n", text, flags=re.MULTILINE)
        return {heading: body.strip() for heading, body in zip(parts[1::2], parts[2::2], strict=True)}

    @classmethod
    def missing(cls, case: Case) -> tuple[str, ...]:
        """The evidence that this page lacks in `case`: () where one of its alternatives is complete, else the shortest lack."""
        lacks = [tuple(name for name in needed if not _has(case, name)) for needed in cls.needs]
        return min(lacks, key=len) if lacks else ()

    @abstractmethod
    def suspect(self, problem: Problem) -> Look:
        """Look for the cause; cheap, from profiles, predictions and the sides' files."""

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The case with this one thing put right and all else as it is; None where it cannot be put right from the evidence."""
        return None

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """The case whose *reference* side has this one thing as the broken side has it; None where that makes no sense."""
        return None

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """An executable check, red on the broken side and green on the healthy one."""
        return None

    def fix(self, finding: Finding) -> str:
        """What to change, in a sentence about this very place; by default the page's own words."""
        return self.sections().get("How it is fixed", "").replace("\n", " ").strip()

    def prevention(self, finding: Finding) -> str:
        """What keeps it from coming back; by default the page's own words."""
        return self.sections().get("How it stays fixed", "").replace("\n", " ").strip()


@dataclass(frozen=True)
class Pair:
    """A table under suspicion and the healthy one to hold it against.

    `name` is the component ("train"), `side` the side under suspicion. `place(column)` says a column as the contract does:
    bare where every table of the side has it the same, with the table in front where one table alone has the fault.
    """

    name: TableName
    suspect: Table
    yardstick: Table
    side: SideName = "current"

    def place(self, column: str) -> str:
        """A column of the table under suspicion, with the table's name in front."""
        return f"{self.name}.{column}"


def pairs(case: Case) -> Iterator[Pair]:
    """Yield every table under suspicion with its yardstick: like with like across the sides, serving against validation or training.

    Without a reference the current side's validation table is held against its training table and the other way round.
    """
    reference, current = case.reference, case.current
    if reference:
        if current.train and reference.train:
            yield Pair("train", current.train, reference.train)
        if current.validation and reference.validation:
            yield Pair("validation", current.validation, reference.validation)
    if current.serving:
        same_rows = reference.serving if reference else None
        yardstick = same_rows or (reference and (reference.validation or reference.train)) or current.validation or current.train
        if yardstick:
            yield Pair("serving", current.serving, yardstick)
    if not reference and current.train and current.validation:
        yield Pair("validation", current.validation, current.train)
        yield Pair("train", current.train, current.validation)


def _has(case: Case, name: str) -> bool:
    side_name, field_name = name.split(".")
    if side_name == "case":
        return bool(getattr(case, field_name))
    side = case.side(side_name)  # type: ignore[arg-type]
    value = getattr(side, field_name) if side else None
    if field_name == "model":
        by_command = case.trusted and case.run.predict is not None
        return value is not None and not value.locked and (by_command or not value.lacking)
    return value is not None
