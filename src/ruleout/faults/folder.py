"""A broken system as a case: in memory, or as the folder that a team would hand over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ruleout.case.case import Case, Code, Environment, Side
from ruleout.faults.black_box import BlackBoxRun
from ruleout.faults.fault import Broken, settled
from ruleout.faults.night import Nightly
from ruleout.faults.runs import Ran
from ruleout.faults.service import Served
from ruleout.faults.system import Fitted
from ruleout.models.artifact import Artifact
from ruleout.tables.table import Table

__all__ = ["as_case", "write_case"]

_RUN = "python train.py --train {train} --config {config} --model {model}"


def as_case(broken: Broken) -> Case:
    """The broken system as a case in memory, with what `read_case` would have settled settled."""
    if isinstance(broken, Served | Nightly | Ran | BlackBoxRun):
        return broken.case()
    data = broken.system.dataset
    return Case(
        current=_side(broken.current),
        reference=None if broken.situation == "too-good" else _side(broken.reference),
        title=data.title,
        symptom=symptom(broken),
        changed="unknown" if broken.situation == "too-good" else "retraining",
        task=data.task,
        target=data.target,
        metric=broken.system.metric,
        positive=data.positive,
        time=_time(broken),
        entity=broken.fields.get("entity"),
        key=data.key if data.key in broken.current.half.train.columns else None,
        trusted=True,
    )


def write_case(broken: Broken, folder: Path | str) -> Path:
    """Write the broken system as a case folder with a `train.py` that runs on its own; the truth is not in it.

    Returns
    -------
    Path
        The folder's `case.toml`.
    """
    import joblib
    import tomli_w

    folder = Path(folder)
    if isinstance(broken, Served | Nightly | Ran | BlackBoxRun):
        return broken.write(folder)
    data = broken.system.dataset
    document: dict[str, Any] = {
        "case": {
            "title": data.title,
            "symptom": symptom(broken),
            "changed": "unknown" if broken.situation == "too-good" else "retraining",
            "task": data.task,
            "target": data.target,
            "metric": broken.system.metric,
        }
    }
    key = data.key if data.key in broken.current.half.train.columns else None
    optional = {"positive": data.positive, "time": _time(broken), "entity": broken.fields.get("entity"), "key": key}
    document["case"] |= {name: value for name, value in optional.items() if value}
    sides = (("reference", broken.reference), ("current", broken.current))
    for name, fitted in sides[1:] if broken.situation == "too-good" else sides:
        half = fitted.half
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        half.train.to_parquet(place / "train.parquet", index=False)
        half.validation.to_parquet(place / "validation.parquet", index=False)
        joblib.dump(fitted.model, place / "model.joblib", compress=3)
        _write_json(place / "config.json", dict(half.config))
        _write_json(place / "metrics.json", dict(fitted.reported))
        lines = [f"{package}=={version}\n" for package, version in sorted(half.environment.items())]
        (place / "requirements.txt").write_text("".join(lines), encoding="utf-8")
        files = ["train.parquet", "validation.parquet", "model.joblib", "config.json", "metrics.json", "requirements.txt"]
        document[name] = {file.split(".")[0].replace("requirements", "environment"): f"{name}/{file}" for file in files}
        if half.shown_code is not None:
            (place / "train.py").write_text(half.shown_code, encoding="utf-8")
            document[name]["code"] = f"{name}/train.py"
    (folder / "train.py").write_text(broken.current.half.code, encoding="utf-8")
    document["run"] = {"train": _RUN}
    path = folder / "case.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    return path


def symptom(broken: Broken) -> str:
    """What a colleague would say, from the numbers that the pipeline reported."""
    metric = broken.system.metric
    if broken.situation == "too-good":
        return str(broken.fields.get("symptom", f"{metric} on the validation rows is better than anybody expected"))
    was, is_ = broken.reference.reported.get(metric), broken.current.reported.get(metric)
    if was is None or is_ is None:
        return f"something is wrong with {metric} after retraining"
    word = "fell from" if is_ < was else "went from"
    return f"validation {metric} {word} {was:.3f} to {is_:.3f} after retraining"


def _time(broken: Broken) -> str | None:
    if broken.system.dataset.time and broken.system.dataset.time in broken.current.half.train.columns:
        return broken.system.dataset.time
    return "recorded_at" if "recorded_at" in broken.current.half.train.columns else None


def _side(fitted: Fitted) -> Side:
    import pyarrow as pa

    half = fitted.half
    tables = {name: Table(pa.Table.from_pandas(half.frame(name), preserve_index=False), name=name) for name in ("train", "validation")}
    return Side(
        train=tables["train"],
        validation=tables["validation"],
        model=Artifact(estimator=fitted.model, trusted=True),
        config=settled(half.config),
        metrics=dict(fitted.reported),
        environment=Environment(packages=dict(half.environment)),
        code=None if half.shown_code is None else Code(files={"train.py": half.shown_code}),
    )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(settled(value), indent=2) + "\n", encoding="utf-8")
