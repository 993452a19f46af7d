"""A pipeline that runs every night on its own: what it leaves behind, and the ways in which it fails without a word."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ruleout.case.case import Case
from ruleout.case.read import read_case
from ruleout.faults.fault import Broken, Fault, Inapplicable, Plan, Severity, Situation, Truth, settled
from ruleout.faults.system import Fitted, Half, System, fit_half

__all__ = ["Night", "NightFault", "Nightly", "PlannedNight", "Spoilt", "Style", "draw_style", "reported", "run_night", "tell"]

ROLES = ("extract", "clean", "join", "features", "train", "evaluate", "publish")
"""What the stages of a night do, in their order; teams call them by other names."""

_NAMES: tuple[tuple[str, ...], ...] = (
    ("extract", "clean", "join", "build_features", "train", "evaluate", "publish"),
    ("ingest", "validate", "enrich", "split", "fit", "score", "upload"),
    ("load_raw", "dedupe", "merge_lookup", "featurize", "train_model", "eval", "register"),
    ("01_read", "02_filter", "03_join_reference_data", "04_features", "05_fit", "06_metrics", "07_export"),
)
_WORDS: tuple[tuple[str, ...], ...] = (
    ("read partition", "dropped cancelled and test rows", "joined lookup", "split", "fitted", "{metric}={value}", "{file} written"),
    ("ok", "ok", "ok", "ok", "ok", "{metric} {value}", "ok"),
    ("source read", "bad rows removed", "lookup merged on key", "features built", "model trained", "report written", "artifact uploaded"),
)


@dataclass(frozen=True)
class Style:
    """How a team writes its log: the stages' names and messages, how much cleaning drops, how fast a stage is."""

    names: tuple[str, ...]
    words: tuple[str, ...]
    dropped: float
    per_row: float
    file: str

    def stage(self, role: str) -> str:
        """What this team calls a stage."""
        return self.names[ROLES.index(role)]


@dataclass(frozen=True)
class Night:
    """What one night left behind: its tables and settings, the artifact's bytes, the metrics as reported, and the log.

    Parameters
    ----------
    half
        The tables as they stood when the night was over.
    model
        What training gave, whatever became of it.
    artifact
        The bytes of the published file.
    metrics
        As reported; any value may be None or NaN.
    log
        One record a stage.
    """

    half: Half
    model: Any = field(repr=False)
    metric: float
    standard_error: float
    artifact: bytes = field(repr=False)
    metrics: Mapping[str, Any]
    log: tuple[Mapping[str, Any], ...]
    style: Style = field(repr=False)

    def with_stage(self, role: str, **changes: Any) -> Night:
        """The night with one record of its log changed; one that changes to nothing (`gone=True`) is taken out."""
        name, log = self.style.stage(role), []
        for record in self.log:
            if record["stage"] == name:
                if changes.get("gone"):
                    continue
                record = {**record, **changes}
            log.append(record)
        return replace(self, log=tuple(log))


@dataclass(frozen=True)
class Spoilt:
    """A night that went wrong, and the truth of it: causes and their places, the main one first."""

    night: Night
    causes: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]
    parameters: Mapping[str, Any]
    accept: tuple[str, ...] = ()
    usable: bool = True
    """Whether the artifact that was published can be asked at all."""


@dataclass(frozen=True)
class Nightly(Broken):
    """Two nights of one pipeline, the later one broken.

    Parameters
    ----------
    shown
        What the team keeps beside tables, artifact, metrics, log and environment: `config`, `run`.
    sound
        Whether the second night's output can be judged by a number at all.
    """

    situation: Situation = "silent"
    nights: tuple[Night, Night] | None = field(default=None, repr=False)
    shown: frozenset[str] = frozenset()
    sound: bool = True

    @property
    def in_files(self) -> bool:
        """An artifact that holds nothing is a file."""
        return True

    def case(self) -> Case:
        """The case, its files in a folder that goes with this object."""
        folder = Path(tempfile.mkdtemp(prefix="ruleout-night-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return read_case(self.write(folder), trust=True)

    def write(self, folder: Path) -> Path:
        """Write the case as a folder, the truth not in it; returns its `case.toml`."""
        import tomli_w

        assert self.nights is not None
        data = self.system.dataset
        known: dict[str, Any] = {
            "title": f"{data.title}, every night",
            "symptom": self.fields.get("symptom", "the model got worse over night, no error anywhere"),
            "changed": "unknown",
            "task": data.task,
            "target": data.target,
            "metric": self.system.metric,
        }
        time = data.time or ("recorded_at" if "recorded_at" in self.nights[1].half.train.columns else None)
        optional = {"positive": data.positive, "time": time, "key": data.key}
        document: dict[str, Any] = {"case": known | {k: v for k, v in optional.items() if v}}
        for side, night in zip(("reference", "current"), self.nights, strict=True):
            document[side] = _write_night(folder / side, side, night, with_config="config" in self.shown)
        if "run" in self.shown and "config" in self.shown:
            (folder / "train.py").write_text(self.nights[1].half.code, encoding="utf-8")
            document["run"] = {"train": "python train.py --train {train} --config {config} --model {model}"}
        path = folder / "case.toml"
        path.write_text(tomli_w.dumps(document), encoding="utf-8")
        return path


def _write_night(place: Path, side: str, night: Night, *, with_config: bool) -> dict[str, str]:
    place.mkdir(parents=True, exist_ok=True)
    half = night.half
    half.train.to_parquet(place / "train.parquet", index=False)
    half.validation.to_parquet(place / "validation.parquet", index=False)
    (place / night.style.file).write_bytes(night.artifact)
    (place / "metrics.json").write_text(json.dumps(settled(night.metrics)) + "\n", encoding="utf-8")
    (place / "runlog.jsonl").write_text("".join(json.dumps(settled(record)) + "\n" for record in night.log), encoding="utf-8")
    lines = [f"{package}=={version}\n" for package, version in sorted(half.environment.items())]
    (place / "requirements.txt").write_text("".join(lines), encoding="utf-8")
    names = {"train": "train.parquet", "validation": "validation.parquet", "model": night.style.file, "metrics": "metrics.json"}
    names |= {"runlog": "runlog.jsonl", "environment": "requirements.txt"}
    if with_config:
        (place / "config.json").write_text(json.dumps(settled(dict(half.config)), indent=2) + "\n", encoding="utf-8")
        names["config"] = "config.json"
    return {name: f"{side}/{file}" for name, file in names.items()}


def draw_style(rng: np.random.Generator) -> Style:
    """How this team writes its log."""
    names, words = _NAMES[int(rng.integers(len(_NAMES)))], _WORDS[int(rng.integers(len(_WORDS)))]
    return Style(names, words, float(rng.uniform(0.0, 0.08)), float(rng.uniform(2e-3, 2e-2)), "model.joblib")


def run_night(system: System, half: Half, style: Style, day: int) -> Night:
    """Train, measure and write down one night as it should be.

    Raises
    ------
    Inapplicable
        Nothing can be trained on these rows.
    """
    try:
        fitted = fit_half(system, half)
    except ValueError as error:
        raise Inapplicable(f"nothing can be trained on these rows: {error}") from error
    metrics = dict(fitted.reported)
    log = tell(style, day, half, system.metric, metrics.get(system.metric))
    return Night(half, fitted.model, fitted.metric, fitted.standard_error, _dumped(fitted.model), metrics, log, style)


def _dumped(model: Any) -> bytes:
    import io

    import joblib

    held = io.BytesIO()
    joblib.dump(model, held, compress=3)
    return held.getvalue()


def tell(
    style: Style, day: int, half: Half, metric: str, value: float | None, *, lost_at: str | None = None, before: int | None = None
) -> tuple[Mapping[str, Any], ...]:
    """The log of a night that left these tables.

    Parameters
    ----------
    lost_at
        The stage at which rows went missing; `before` says how many there were up to it.
    """
    import pandas as pd

    n_train, n_held = len(half.train), len(half.validation)
    kept = n_train + n_held
    rows, flows = kept if before is None else before, dict[str, tuple[int, int]]()
    for role in ("extract", "clean", "join", "features"):
        came = round(rows / (1 - style.dropped)) if role == "extract" else flows[ROLES[ROLES.index(role) - 1]][1]
        goes = {"extract": came, "clean": rows if lost_at != "extract" else kept}.get(role, min(came, rows))
        if role == "extract" and lost_at == "extract":
            came = goes = round(kept / (1 - style.dropped))
        if lost_at == role != "extract":
            goes = kept
        if lost_at is not None and ROLES.index(role) > ROLES.index(lost_at):
            goes = min(goes, kept)
        flows[role] = (came, goes)
    flows |= {"train": (n_train, n_train), "evaluate": (n_held, n_held), "publish": (1, 1)}
    at, out = pd.Timestamp("2026-03-01 02:00:00") + pd.Timedelta(days=day), []
    shown = "nan" if value is None or not math.isfinite(value) else f"{value:.4f}"
    for role, name, words in zip(ROLES, style.names, style.words, strict=True):
        came, goes = flows[role]
        message = words.format(metric=metric, value=shown, file=style.file)
        out.append({"stage": name, "rows_in": came, "rows_out": goes, "status": "ok", "started": at.isoformat(), "message": message})
        at += pd.Timedelta(seconds=1 + round(came * style.per_row))
    return tuple(out)


def reported(night: Night, metric: str, how: str, rng: np.random.Generator) -> tuple[Night, tuple[str, ...]]:
    """The night with a report that holds no number: `null`, `nan`, `absent`, `renamed`, `empty` or `skipped`; and where that is."""
    others = {"n_rows": len(night.half.validation), "seconds": round(float(rng.uniform(3, 90)), 1)} if rng.random() < 0.5 else {}
    metrics: dict[str, Any] = {metric: None, **others}
    role = "evaluate"
    if how == "nan":
        metrics[metric] = math.nan
    elif how == "absent":
        metrics = others or {"n_rows": len(night.half.validation)}
    elif how == "renamed":
        metrics = {f"{metric}_score" if rng.random() < 0.5 else metric.upper().replace("_", "-"): night.metrics.get(metric), **others}
    elif how == "empty":
        metrics = {}
    night = replace(night, metrics=metrics)
    if how == "skipped":
        night = (
            night.with_stage(role, gone=True)
            if rng.random() < 0.5
            else night.with_stage(role, rows_out=0, message="skipped: no new baseline")
        )
    elif how in ("null", "nan"):
        night = night.with_stage(role, message=f"{metric}={'nan' if how == 'nan' else 'None'}")
    return night, (f"metrics.{metric}", "metrics", f"runlog.{night.style.stage(role)}")


class NightFault(Fault):
    """A fault of a pipeline that runs on its own and says nothing."""

    situation: ClassVar[Situation] = "silent"

    def spoil(self, system: System, night: Night, rng: np.random.Generator, severity: Severity, variant: str) -> Spoilt:
        """Let a night that went well go wrong; raises `Inapplicable` where this variant cannot be."""
        raise Inapplicable(f"{self.id()} does nothing to a night that is over")

    def draw(
        self, system: System, rng: np.random.Generator, severity: Severity, variant: str, style: Style, day: int
    ) -> tuple[System, Night, Spoilt]:
        """The system, its second night as it should have been, and as it was."""
        night = run_night(system, system.current, style, day)
        return system, night, self.spoil(system, night, rng, severity, variant)

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """What a night leaves behind goes wrong, not the system itself."""
        raise Inapplicable(f"{self.id()} is a fault of a night's run, not of {system.name}'s training")

    def inject(
        self, system: System, rng: np.random.Generator, severity: Severity = "medium", *, variant: str | None = None, tries: int = 8
    ) -> Nightly:
        """Run two nights and let the second go wrong; as for `Fault.inject`."""
        style, day = draw_style(rng), int(rng.integers(1, 27))
        first = int(rng.integers(len(self.variants)))
        shown = frozenset(name for name in ("config", "run") if rng.random() < 0.4)
        best: Nightly | None = None
        reasons = []
        before: tuple[Half, Night] | None = None
        for attempt in range(tries):
            chosen = variant or self.variants[(first + attempt) % len(self.variants)]
            try:
                ready, night, spoilt = self.draw(system, rng, severity, chosen, style, day + 1)
                if before is None or before[0] is not ready.reference:
                    before = ready.reference, run_night(ready, ready.reference, style, day)
                made = self._nightly(ready, (before[1], night), spoilt, rng, severity, chosen, shown)
            except Inapplicable as error:
                reasons.append(str(error))
                continue
            if made.validated:
                return made
            if best is None or made.truth.measured["current"] < best.truth.measured["current"]:
                best = made
        if best is None:
            raise Inapplicable(f"{self.id()} on {system.name}: {reasons[0]}")
        return best

    def _nightly(
        self,
        system: System,
        nights: tuple[Night, Night],
        spoilt: Spoilt,
        rng: np.random.Generator,
        severity: Severity,
        variant: str,
        shown: frozenset[str],
    ) -> Nightly:
        before, night = nights
        after, error = spoilt.night, float(np.hypot(before.standard_error, night.standard_error))
        value = after.metrics.get(system.metric)
        finite = isinstance(value, int | float) and math.isfinite(value)
        sound = finite and spoilt.usable and len(after.half.train) > 0
        worth = float(value) if finite and value is not None else after.metric
        needed = max(self.floor_errors * error, self.floor)
        if self.healthy():
            moved = sound and before.metric - worth < 2.5 * error
        else:
            moved = not sound or (before.metric - worth >= needed and night.metric - worth >= needed)
        measured = {"reference": before.metric, "current": worth, "repaired": night.metric, "standard_error": error}
        truth = Truth(
            causes=() if self.healthy() else spoilt.causes,
            places=() if self.healthy() else spoilt.places,
            parameters={"fault": self.name(), "variant": variant, "severity": severity, **spoilt.parameters},
            measured={k: v for k, v in measured.items() if math.isfinite(v)},
            verdict="no-problem" if self.healthy() else "cause-found",
            accept=spoilt.accept,
            structure="none" if self.healthy() else "single",
        )
        told = f"{worth:.4f}" if sound else str(value)
        why = f"{system.metric} {before.metric:.4f} to {told}, repaired {night.metric:.4f}, floor {needed:.4f}"
        sides = [Fitted(n.half, n.model, n.metric, n.standard_error, {k: v for k, v in n.metrics.items() if v}) for n in (before, after)]
        symptom = _symptom(system.metric, sound=sound, worse=moved and not self.healthy(), rng=rng)
        return Nightly(
            system,
            sides[0],
            sides[1],
            truth,
            bool(moved),
            why,
            severity,
            "silent",
            {"symptom": symptom},
            nights=(before, after),
            shown=shown,
            sound=sound,
        )


def _symptom(metric: str, *, sound: bool, worse: bool, rng: np.random.Generator) -> str:
    said: Sequence[str] = ("nobody has complained, this is the weekly look", "all jobs are green; is all well?")
    if not sound:
        said = ("the dashboard has a gap since last night", "all jobs are green, yet nothing new came out", f"no {metric} since yesterday")
    elif worse:
        said = ("the model got worse over night, no error anywhere", f"{metric} is lower since yesterday; all jobs are green")
    return said[int(rng.integers(len(said)))]


class PlannedNight(NightFault):
    """A fault of the tables or packages as a nightly pipeline shows it: with a log of the rows, without a word.

    Class attributes
    ----------------
    planned
        The fault that breaks the system.
    """

    planned: ClassVar[type[Fault]]

    def draw(
        self, system: System, rng: np.random.Generator, severity: Severity, variant: str, style: Style, day: int
    ) -> tuple[System, Night, Spoilt]:
        """The plan carried out between two nights; the later log tells of the rows that are there."""
        plan = self.planned().plan(system, rng, severity, variant)
        if plan.side == "reference" or plan.situation != "retraining":
            raise Inapplicable("this variant is none of a night's")
        ready = plan.setup(system)
        night = run_night(ready, ready.current, style, day)
        after = run_night(ready, plan.apply(ready).current, style, day)
        after, further = self.told(night, after, rng)
        return ready, night, Spoilt(after, (self.id(),), ((*plan.places, *further),), plan.parameters, accept=plan.accept)

    def told(self, night: Night, after: Night, rng: np.random.Generator) -> tuple[Night, tuple[str, ...]]:
        """The night with what its log says of the fault, and the places in the log that are right."""
        del night, rng
        return after, ()
