"""What the bench runs: which fault in which system, and the case that comes of it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ruleout.errors import UnknownCause, nearest
from ruleout.faults import ESTIMATORS, SITUATIONS, Broken, Inapplicable, Situation, catalog, fault, healthy_system
from ruleout.faults.datasets import DATASETS
from ruleout.faults.pairs import inject_masked, inject_pair

__all__ = ["PAIRS", "Evidence", "Item", "build", "plan_items", "systems_named"]

PAIRS: tuple[tuple[str, str], ...] = (
    ("data.label-errors", "model.hyperparameter"),
    ("data.unit-change", "model.regularization"),
    ("data.missing-values", "data.label-errors"),
    ("data.row-misalignment", "model.learning-rate"),
    ("data.new-categories", "model.regularization"),
    ("data.missing-partition", "pipeline.dependency"),
    ("data.unit-change", "data.missing-values"),
    ("data.schema-mismatch", "model.hyperparameter"),
    ("data.outliers", "data.label-errors"),
    ("data.duplicates", "pipeline.code"),
)
"""Faults that are put together, by their ids."""

Evidence = Literal["full", "partial", "mixed"]

_LARGE = ("flights", "rodents", "diamonds", "computers", "storms", "customers")


@dataclass(frozen=True)
class Item:
    """One case to be made: `kind` says whether it holds one fault, two, a masked one, or none.

    `systems` are tried in their order until the fault fits and the metric moves. With `partial` evidence the same case is asked
    about without one to three kinds of what it holds.
    """

    kind: Literal["single", "pair", "masked", "healthy"]
    faults: tuple[str, ...]
    systems: tuple[str, ...]
    severity: Literal["small", "medium", "large"]
    seed: int
    evidence: Literal["full", "partial"] = "full"

    @property
    def key(self) -> str:
        """What tells this item from all others, for resuming."""
        return self.draw if self.evidence == "full" else f"{self.draw}:{self.evidence}"

    @property
    def draw(self) -> str:
        """What everything random in the fault is drawn from: the same whatever of the evidence is shown."""
        return f"{self.kind}:{'+'.join(self.faults)}@{self.systems[0]}:{self.severity}:{self.seed}"


def systems_named(names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Systems (`flights/boosted`) from names of systems, data sets or estimators; by default the large data sets with every estimator."""
    everything = [f"{d}/{e}" for e in ESTIMATORS for d in DATASETS]
    # neighbours in the list differ in data set and in estimator, so that any stretch of it is a mixture
    mixed = [f"{d}/{ESTIMATORS[(i + k) % len(ESTIMATORS)]}" for k in range(len(ESTIMATORS)) for i, d in enumerate(_LARGE)]
    if not names:
        return tuple(mixed)
    ordered = mixed + [s for s in everything if s not in mixed]
    found: list[str] = []
    for name in names:
        matching = [s for s in ordered if name == s or name in s.split("/")]
        if not matching:
            raise UnknownCause(f"no system {name!r}.{nearest(name, [*everything, *DATASETS, *ESTIMATORS])}")
        found += [s for s in matching if s not in found]
    return tuple(found)


def plan_items(
    *,
    faults: Sequence[str] | None = None,
    systems: Sequence[str] | None = None,
    seeds: Sequence[int] = (0,),
    severities: Sequence[Literal["small", "medium", "large"]] = ("small", "medium", "large"),
    cross: bool = False,
    pairs: bool = True,
    healthy: bool = True,
    situations: Sequence[Situation] = SITUATIONS,
    evidence: Evidence = "mixed",
) -> list[Item]:
    """List the items: for each seed every fault once, on systems and at severities that rotate; in each situation one in five is healthy.

    Parameters
    ----------
    faults
        Names or ids (an id stands for its cause in every situation); by default all of them, and the pairs.
    evidence
        `full`, `partial`, or `mixed`: of every fourth item a part of the evidence is missing.
    cross
        Every fault on every system, instead of on one for each seed.
    """
    names = _named(faults, situations)
    chosen = systems_named(systems)
    scenes = {entry.name(): entry.situation for entry in catalog("data", "model", "pipeline", "healthy")}
    harmless = {scene: [f.name() for f in catalog("healthy") if f.situation == scene] for scene in SITUATIONS}
    items: list[Item] = []
    n_sick, n_healthy = dict.fromkeys(SITUATIONS, 0), dict.fromkeys(SITUATIONS, 0)

    def shown() -> Literal["full", "partial"]:
        return "partial" if evidence == "partial" or (evidence == "mixed" and len(items) % 4 == 2) else "full"

    def add(item: Item) -> None:
        items.append(replace(item, evidence=shown()))
        scene = scenes[item.faults[0]]
        n_sick[scene] += 1
        if healthy and n_sick[scene] % 4 == 0 and harmless[scene]:
            n = n_healthy[scene]
            k = n + 7 * item.seed
            control = harmless[scene][n % len(harmless[scene])]
            items.append(Item("healthy", (control,), _from(chosen, k), severities[k % len(severities)], item.seed, shown()))
            n_healthy[scene] += 1

    for seed in seeds:
        for i, name in enumerate(names):
            for j in range(len(chosen)) if cross else [i * 5 + seed * 7]:
                rotated = _from(chosen, j)
                add(
                    Item(
                        "single",
                        (name,),
                        rotated[:1] if cross else rotated,
                        severities[(i + seed + (j if cross else 0)) % len(severities)],
                        seed,
                    )
                )
        if pairs and "retraining" in situations:
            for i, pair in enumerate(p for p in PAIRS if faults is None or set(p) <= set(names)):
                add(Item("pair", pair, _from(chosen, i * 5 + seed * 7 + 3), severities[(i + seed) % len(severities)], seed))
            if faults is None:
                add(Item("masked", (PAIRS[seed % len(PAIRS)][0],), _from(chosen, seed * 7 + 1), severities[-1], seed))
    return items


def _named(faults: Sequence[str] | None, situations: Sequence[Situation]) -> list[str]:
    entries = catalog()
    if faults is None:
        return [f.name() for f in entries if f.situation in situations]
    found: list[str] = []
    for name in faults:
        same = [f.name() for f in entries if f.id() == name and f.situation in situations]
        found += [n for n in same or [fault(name).name()] if n not in found]
    return found


def build(item: Item, n_rows: int = 3000, attempts: int = 6) -> Broken | None:
    """Make the item's case; the same item gives the same case. None where no system took the fault.

    A system on which the fault does not fit, or does not move the metric, makes room for the next one, at most `attempts` times.
    """
    for k, name in enumerate(item.systems[:attempts]):
        dataset, estimator = name.split("/")
        rng = np.random.default_rng([zlib.crc32(item.draw.encode()), k])
        system = healthy_system(dataset, estimator, seed=int(rng.integers(2**31)), n_rows=n_rows)
        try:
            if item.kind == "pair":
                broken = inject_pair(system, fault(item.faults[0]), fault(item.faults[1]), rng, item.severity)
            elif item.kind == "masked":
                broken = inject_masked(system, fault(item.faults[0]), rng, item.severity)
            else:
                broken = fault(item.faults[0]).inject(system, rng, item.severity)
        except (Inapplicable, ValueError):
            # What a fault leaves may be rows that no estimator can be fitted on: that is no case either.
            continue
        if broken.validated:
            return broken
    return None


def _from(systems: tuple[str, ...], start: int) -> tuple[str, ...]:
    start %= len(systems)
    return systems[start:] + systems[:start]
