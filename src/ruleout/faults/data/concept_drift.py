"""A relation that changed in the world."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruleout.faults.fault import Fault, Plan, Severity, on_current
from ruleout.faults.segment import Segment, draw_segment
from ruleout.faults.system import Half, System


class ConceptDrift(Fault):
    """The relation between inputs and target changed in the world; the inputs look the same, in both tables."""

    variants = ("loosened", "mid-window", "moved")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """In a segment the target follows the inputs no longer, or otherwise; training may be mostly from before the change."""
        fraction = {"small": 0.35, "medium": 0.55, "large": 0.75}[severity]
        segment = draw_segment(system, rng, fraction)
        target, seed = system.dataset.target, int(rng.integers(2**31))
        before = float(rng.uniform(0.5, 0.8)) if variant == "mid-window" else 0.0

        def change(half: Half) -> Half:
            for k, table in enumerate(("train", "validation")):
                frame = half.frame(table).copy()
                generator = np.random.default_rng([seed, k])
                inside = segment.inside(frame)
                if table == "train":
                    inside &= np.arange(len(frame)) >= before * len(frame)
                frame[target] = _new_world(frame[target], inside, variant, generator)
                half = half.with_frame(table, frame)
            return half

        places = _places(segment, target)
        return Plan(on_current(change), places, {"segment": segment.text, "before": before})


def new_world(system: System, segment: Segment, half: Half, seed: int) -> Half:
    """The half in a world whose relation between inputs and target has turned round in a segment, in both tables."""
    for k, table in enumerate(("train", "validation")):
        frame = half.frame(table).copy()
        generator = np.random.default_rng([seed, k])
        frame[system.dataset.target] = _new_world(frame[system.dataset.target], segment.inside(frame), "moved", generator)
        half = half.with_frame(table, frame)
    return half


def _places(segment: Segment, target: str) -> tuple[str, ...]:
    return (target, segment.column)


def _new_world(labels: Any, inside: np.ndarray, variant: str, rng: np.random.Generator) -> Any:
    """Labels of a world where, inside, the target is loose from the inputs, or its values have changed their roles."""
    rows = np.flatnonzero(inside)
    values = labels.to_numpy(copy=True)
    if variant == "loosened":
        values = np.array(values, dtype=object if labels.dtype.kind == "O" else float)
        values[rows] = values[rng.permutation(rows)]
    elif labels.dtype.kind in "iuf":
        values = np.array(values, dtype=float)
        # turned about its median and squeezed to the range that was there
        values[rows] = np.clip(2 * np.median(values) - values[rows], values.min(), values.max())
    else:
        values = np.array(values, dtype=object)
        classes = sorted(set(values))
        following = {c: classes[(k + 1) % len(classes)] for k, c in enumerate(classes)}
        values[rows] = [following[v] for v in values[rows]]
    out = labels.copy()
    out[:] = values
    return out
