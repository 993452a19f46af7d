"""Training runs that are broken in one way, each a small network that was really trained: its history and configuration as a case."""

from __future__ import annotations

import json
import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ruleout.case.case import Case, Side
from ruleout.faults.fault import Broken, Fault, Inapplicable, Plan, Severity, Situation, Truth
from ruleout.faults.network import Recipe, as_config, train_network
from ruleout.faults.system import Fitted, SideName, System

__all__ = ["Course", "Ran", "Records", "RunFault", "Shown", "drawn", "of_a_rare_class", "rise", "trained", "usual_recipe"]

SIDES: tuple[SideName, SideName] = ("reference", "current")

_USUAL = ("epoch", "step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "val_balanced_accuracy", "lr", "grad_norm")
_LOSSES = ("epoch", "step", "train_loss", "val_loss")
_COLUMNS: Mapping[str, tuple[str, ...] | None] = {"all": None, "usual": _USUAL, "losses": _LOSSES}
_NAMES: tuple[Mapping[str, str], ...] = (
    {},
    {},
    {"train_loss": "loss", "train_accuracy": "accuracy"},
    {"train_loss": "train/loss", "val_loss": "eval/loss", "train_accuracy": "train/acc", "val_accuracy": "eval/acc", "lr": "learning_rate"},
    {"train_loss": "Training Loss", "val_loss": "Validation Loss", "epoch": "Epoch"},
)
"""What teams call the columns."""


Records = list[dict[str, Any]]
"""A history: a record an epoch or a step."""


@dataclass(frozen=True)
class Shown:
    """What the team keeps of a run: columns, their names, the configuration, the run that worked, and the kind of file."""

    columns: str = "all"
    names: Mapping[str, str] = field(default_factory=dict)
    config: bool = True
    reference: bool = True
    suffix: str = ".csv"


@dataclass(frozen=True)
class Course:
    """One way in which a run goes wrong.

    Parameters
    ----------
    before, after
        How the network was trained while it worked, and how it was trained now.
    needs
        What must be shown for anything to be said: `reference`, `config`, `all` columns, `usual` columns.
    """

    before: Recipe
    after: Recipe
    places: tuple[str, ...]
    accept: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ran(Broken):
    """A run that was broken, with the one that worked; histories are records an epoch or a step."""

    situation: Situation = "training"
    course: Course | None = None
    histories: tuple[Records, Records] = field(default=([], []), repr=False)
    shown: Shown = field(default_factory=Shown)

    def case(self) -> Case:
        """The case in memory: curves, and the configurations where they are kept."""
        before, after = self._sides()
        return Case(current=after, reference=before, title=self._title(), symptom=self._symptom(), changed="retraining", task=self._task())

    def _sides(self) -> tuple[Side | None, Side]:
        assert self.course is not None
        sides = [
            Side(history=self._renamed(records), config=as_config(recipe) if self.shown.config else None)  # type: ignore[arg-type]  # read
            for records, recipe in zip(self.histories, (self.course.before, self.course.after), strict=True)
        ]
        return sides[0] if self.shown.reference else None, sides[1]

    def _renamed(self, records: Records) -> Records:
        kept, names = _COLUMNS[self.shown.columns], self.shown.names
        return [{names.get(k, k): v for k, v in record.items() if kept is None or k in kept} for record in records]

    def _title(self) -> str:
        return f"A network: {self.system.dataset.title}"

    def _task(self) -> Any:
        return self.system.dataset.task

    def _symptom(self) -> str:
        return str(self.fields.get("symptom", "the curve does not look like last week's"))

    def write(self, folder: Path) -> Path:
        """Write the case as a folder, the truth not in it; returns its `case.toml`."""
        import tomli_w

        assert self.course is not None
        document: dict[str, Any] = {
            "case": {"title": self._title(), "symptom": self._symptom(), "changed": "retraining", "task": self._task()}
        }
        runs = list(zip(("reference", "current"), self.histories, (self.course.before, self.course.after), strict=True))
        for name, records, recipe in runs if self.shown.reference else runs[1:]:
            place = folder / name
            place.mkdir(parents=True, exist_ok=True)
            _write_history(place / f"history{self.shown.suffix}", self._renamed(records))
            document[name] = {"history": f"{name}/history{self.shown.suffix}"}
            if self.shown.config:
                (place / "config.json").write_text(json.dumps(as_config(recipe), indent=2) + "\n", encoding="utf-8")
                document[name]["config"] = f"{name}/config.json"
        path = folder / "case.toml"
        path.write_text(tomli_w.dumps(document), encoding="utf-8")
        return path


def _write_history(path: Path, records: Records) -> None:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)


class RunFault(Fault):
    """A fault of a training run: there are curves, and nothing that could be fitted again."""

    situation: ClassVar[Situation] = "training"

    @abstractmethod
    def course(self, recipe: Recipe, rng: np.random.Generator, severity: Severity, variant: str) -> Course:
        """Draw one way in which a run of `recipe` goes wrong; raises `Inapplicable` where this variant cannot be."""

    def end(self, records: Records) -> float:
        """What a run ends with, less being better: the validation loss."""
        return _end(records)

    def holds(self, before: Records, after: Records) -> bool:
        """Whether what came of it is what the contract says of the cause; the loss itself is judged anyway."""
        del before, after
        return True

    def alone(self, after: Records) -> bool:
        """Whether anybody could tell from this run without the one that worked beside it."""
        del after
        return True

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """A run is broken while it trains: there is nothing to plan in the system itself."""
        raise Inapplicable(f"{self.id()} is a fault of a run, not of {system.name}'s tables")

    def inject(
        self, system: System, rng: np.random.Generator, severity: Severity = "medium", *, variant: str | None = None, tries: int = 8
    ) -> Ran:
        """Train a network on the system's data set, once as it should be and once wrongly; as for `Fault.inject`.

        Half of the cases show the run that worked, most the configuration, and columns and their names are as teams have them.
        """
        first = int(rng.integers(len(self.variants)))
        best: Ran | None = None
        reasons = []
        for attempt in range(tries):
            chosen = variant or self.variants[(first + attempt) % len(self.variants)]
            try:
                course = self.course(usual_recipe(system.dataset.name, rng), rng, severity, chosen)
            except Inapplicable as error:
                reasons.append(str(error))
                continue
            made = self._ran(system, course, rng, chosen, severity)
            if made.validated:
                return made
            best = best or made
        if best is None:
            raise Inapplicable(f"{self.id()} on {system.name}: {reasons[0]}")
        return best

    def _ran(self, system: System, course: Course, rng: np.random.Generator, variant: str, severity: Severity) -> Ran:
        histories = train_network(course.before), train_network(course.after)
        was, now = (self.end(h) for h in histories)
        # 134 pairs of healthy runs that differ in their seed alone: 95 % end within a quarter of each other
        needed = 0.25 * abs(was)
        broke = not math.isfinite(now)
        moved = (not broke and now - was < needed) if self.healthy() else broke or now - was >= needed
        moved = moved and self.holds(*histories)
        shown = _shown(course, rng)
        if not shown.reference and not self.alone(histories[1]):
            shown = replace(shown, reference=True)
        measured = {"reference": -was, "current": -now if not broke else -1e9, "repaired": -was, "standard_error": 0.05 * abs(was)}
        truth = Truth(
            causes=() if self.healthy() else (self.id(),),
            places=() if self.healthy() else (course.places,),
            parameters={
                "fault": self.name(),
                "variant": variant,
                "severity": severity,
                "columns": shown.columns,
                "reference": shown.reference,
            },
            measured=measured,
            verdict="no-problem" if self.healthy() else "cause-found",
            accept=course.accept,
            structure="none" if self.healthy() else "single",
        )
        why = f"val_loss {was:.4g} to {now:.4g}, needed {needed:.3g}"
        first, second = (Fitted(system.half(s), None, -end, 0.05 * abs(was), {}) for s, end in zip(SIDES, (was, now), strict=True))
        return Ran(system, first, second, truth, bool(moved), why, severity, "training", course=course, histories=histories, shown=shown)


def rise(records: Records) -> float:
    """How far the validation loss ends above its lowest, as a share of it."""
    held = np.array([record["val_loss"] for record in records], dtype=float)
    last = held[-min(3, max(1, len(held) // 3)) :]
    return float(np.median(last) / held.min() - 1.0) if np.isfinite(held).all() and held.min() > 0 else math.inf


def trained(records: Records) -> float:
    """The training loss at the end: the median of the last three records."""
    return float(np.median([record["train_loss"] for record in records[-3:]]))


def _end(records: Records) -> float:
    """The validation loss at the end: the median of the last three records."""
    last = np.array([record["val_loss"] for record in records[-3:]], dtype=float)
    return float(np.median(last)) if np.isfinite(last).all() else math.inf


def _shown(course: Course, rng: np.random.Generator) -> Shown:
    kinds = ["all"] if "all" in course.needs else ["all", "usual"] if "usual" in course.needs else ["all", "usual", "losses"]
    return Shown(
        columns=str(rng.choice(kinds)),
        names=_NAMES[int(rng.integers(len(_NAMES)))],
        config="config" in course.needs or bool(rng.random() < 0.8),
        reference="reference" in course.needs or bool(rng.random() < 0.5),
        suffix=str(rng.choice([".csv", ".jsonl"])),
    )


def usual_recipe(data: str, rng: np.random.Generator) -> Recipe:
    """A network that trains well on a data set; settings as people choose them."""
    from ruleout.faults.datasets import load_dataset

    regression = load_dataset(data).task == "regression"
    rate = float(rng.choice([0.004, 0.01])) if regression else float(rng.choice([0.01, 0.03, 0.05]))
    return Recipe(
        data=data,
        learning_rate=rate,
        hidden=(int(rng.choice([32, 48])),) * int(rng.choice([1, 1, 2])),
        epochs=int(rng.choice([15, 20, 30])),
        n_train=int(rng.choice([900, 1500])),
        seed=int(rng.integers(1000)),
    )


def of_a_rare_class(recipe: Recipe, share: float) -> Recipe:
    """The recipe for telling a class that so few rows have, the classes weighed alike."""
    from ruleout.faults.datasets import load_dataset

    if load_dataset(recipe.data).task == "regression":
        raise Inapplicable("no classes")
    return replace(recipe, rare=share, weighed="balanced", learning_rate=0.01, weight_decay=0.02, n_train=1500, hidden=(16,))


def drawn(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between two, even on the scale of its logarithm, with three digits as people write it."""
    return float(f"{math.exp(float(rng.uniform(math.log(low), math.log(high)))):.3g}")
