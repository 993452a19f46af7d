"""Absent rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.night import Night, NightFault, Spoilt, Style, reported, run_night, tell
from ruleout.faults.segment import draw_segment
from ruleout.faults.system import Half, System


class MissingPartition(Fault):
    """A class, a segment or a stretch of time is absent from a table."""

    variants = ("class", "segment", "range", "time", "validation")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One to three classes, some levels of a category, one side of a number, or the last days."""
        target, part = system.dataset.target, {"small": 0.3, "medium": 0.5, "large": 0.7}[severity]
        table, time = "validation" if variant == "validation" else "train", system.dataset.time
        if variant == "class":
            classes = np.array(sorted(system.reference.train[target].unique()), dtype=object)
            if system.dataset.task == "regression" or len(classes) < 3:
                raise Inapplicable("fewer than three classes")
            lost = list(rng.choice(classes, min({"small": 1, "medium": 2, "large": 3}[severity], len(classes) - 2), replace=False))
            return _plan(table, target, f"{target} in {', '.join(lost)}", lambda f: f[target].isin(lost).to_numpy())
        if variant == "time":
            if time is None:
                raise Inapplicable("no time column")
            cut = system.current.train[time].quantile(1 - part)
            return _plan(table, time, f"{time} after {cut}", lambda f: (f[time] > cut).to_numpy())
        if variant == "segment" and not system.dataset.categorical:
            raise Inapplicable("no categories")
        kind = {"segment": "categorical", "range": "numeric"}.get(variant, "any")
        segment = draw_segment(system, rng, part, kind, among=1 if severity == "large" else 3)
        return _plan(table, segment.column, segment.text, segment.inside)


def _plan(table: str, column: str, text: str, inside: Any) -> Plan:
    def change(half: Half) -> Half:
        frame = half.frame(table)
        kept = frame[~inside(frame)]
        if len(kept) < 50 or len(kept) == len(frame):
            raise Inapplicable(f"too few rows are left without {text}")
        return half.with_frame(table, kept.reset_index(drop=True))

    return Plan(on_current(change), (f"{table}.{column}",), {"table": table, "absent": text})


class MissingPartitionSilent(NightFault):
    """A night's rows are not all there, from some stage on, and every job is green."""

    variants = ("late", "vanished", "nothing", "one-class", "few")

    def draw(
        self, system: System, rng: np.random.Generator, severity: Severity, variant: str, style: Style, day: int
    ) -> tuple[System, Night, Spoilt]:
        """A segment or a stretch never arrived, a join lost nearly all rows, nothing came at all, or one class is left to judge by."""
        if variant == "late":
            kind = self._kinds[int(rng.integers(len(self._kinds)))]
            plan = MissingPartition().plan(system, rng, severity, kind)
            ready = plan.setup(system)
            night = run_night(ready, ready.current, style, day)
            after = run_night(ready, plan.apply(ready).current, style, day)
            stage = "extract" if rng.random() < 0.5 else "join"
            after = _lost(after, night, system.metric, day, stage)
            places = (*plan.places, f"runlog.{style.stage(stage)}", "train")
            return ready, night, Spoilt(after, (self.id(),), (places,), plan.parameters, accept=plan.accept)
        night = run_night(system, system.current, style, day)
        if variant == "one-class":
            return system, night, _one_class(self.id(), system, night, rng, day)
        stage = str(rng.choice(["extract", "clean", "join", "features"]))
        here = f"runlog.{style.stage(stage)}"
        target = system.dataset.target
        if variant == "nothing":
            return system, night, _nothing(self.id(), system, night, rng, day, stage)
        low, high = (0.004, 0.02) if variant == "vanished" else (0.03, 0.08)
        n = max(12, round(len(night.half.train) * float(rng.uniform(low, high))))
        rows = np.sort(rng.permutation(len(night.half.train))[:n])
        kept = night.half.train.iloc[rows].reset_index(drop=True)
        if system.dataset.task == "classification" and kept[target].nunique() < 2:
            raise Inapplicable("one class only is left")
        after = _lost(run_night(system, night.half.with_frame("train", kept), style, day), night, system.metric, day, stage)
        places = (here, "train", f"train.{target}", "model")
        return system, night, Spoilt(after, (self.id(),), (places,), {"n_rows": n, "stage": stage}, accept=("model.overfitting",))

    _kinds: ClassVar[tuple[str, ...]] = ("class", "segment", "range", "time")


def _lost(after: Night, night: Night, metric: str, day: int, stage: str) -> Night:
    """The night with a log whose rows go missing at a stage."""
    before = len(night.half.train) + len(night.half.validation)
    return replace(after, log=tell(night.style, day, after.half, metric, after.metrics.get(metric), lost_at=stage, before=before))


def _one_class(cause: str, system: System, night: Night, rng: np.random.Generator, day: int) -> Spoilt:
    """The rows of all classes but one are absent from validation: what needs two cannot be computed, and nobody is told."""
    if system.metric not in ("roc_auc", "f1"):
        raise Inapplicable("the metric needs no two classes")
    target, held = system.dataset.target, night.half.validation
    left = str(next(v for v in held[target].unique() if v != system.dataset.positive))
    half = night.half.with_frame("validation", held[held[target] == left].reset_index(drop=True))
    after, further = reported(replace(night, half=half), system.metric, str(rng.choice(["null", "nan"])), rng)
    after = replace(after, log=tell(night.style, day, half, system.metric, None, lost_at="extract"))
    places = (f"validation.{target}", "validation", f"runlog.{night.style.stage('extract')}")
    return Spoilt(after, (cause, "pipeline.silent-metrics"), (places, further), {"class": left}, accept=("pipeline.silent-metrics",))


def _nothing(cause: str, system: System, night: Night, rng: np.random.Generator, day: int, stage: str) -> Spoilt:
    """No row came through a stage: there is nothing to learn from, the artifact holds nothing, and the report may be null."""
    import pickle

    from sklearn.base import clone

    half = night.half.with_frame("train", night.half.train.head(0))
    if rng.random() < 0.5:
        half = half.with_frame("validation", night.half.validation.head(0))
    log = tell(night.style, day, half, system.metric, None, lost_at=stage, before=len(night.half.train) + len(night.half.validation))
    raw = b"" if rng.random() < 0.5 else pickle.dumps(clone(night.model) if rng.random() < 0.5 else None)
    after, further = reported(replace(night, half=half, artifact=raw, log=log), system.metric, str(rng.choice(["null", "nan"])), rng)
    places = (f"runlog.{night.style.stage(stage)}", "train", f"train.{system.dataset.target}", "validation")
    causes = (cause, "pipeline.empty-artifact", "pipeline.silent-metrics")
    return Spoilt(after, causes, (places, ("model",), further), {"stage": stage, "n_bytes": len(raw)}, usable=False)
