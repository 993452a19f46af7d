"""The runs of a black box, by which side each factor's value was taken from."""

from __future__ import annotations

from dataclasses import dataclass

from ruleout.problem.black_box import box_of
from ruleout.problem.problem import Problem

__all__ = ["Mix", "mixes"]


@dataclass(frozen=True)
class Mix:
    """The runs with one choice of values: `current` names the factors at their current value, `metrics` has a number a run."""

    current: tuple[str, ...]
    all_factors: int
    metrics: tuple[float, ...]
    failed: int = 0


def mixes(problem: Problem) -> tuple[Mix, ...]:
    """Every mix that was run: the reference first, then by how many factors are at their current value."""
    box = box_of(problem)
    if box is None:
        return ()
    metrics: dict[tuple[int, ...], list[float]] = {}
    failed: dict[tuple[int, ...], int] = {}
    for made in box.bench.made:
        metrics.setdefault(made.setting, [])
        if made.metric is None:
            failed[made.setting] = failed.get(made.setting, 0) + 1
        else:
            metrics[made.setting].append(made.metric)
    return tuple(
        Mix(
            tuple(name for name, at in zip(box.names, setting, strict=True) if at),
            len(setting),
            tuple(metrics[setting]),
            failed.get(setting, 0),
        )
        for setting in sorted(metrics, key=lambda s: (sum(s), tuple(-at for at in s)))
    )
