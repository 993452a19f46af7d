"""Runs a case's `[run]` commands: placeholders filled in, in the case's folder, within a time, and with a result to show.

The caller has made sure that the case is trusted: a command runs whatever the case says.
"""

from __future__ import annotations

import json
import re
import shlex
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ruleout.errors import CommandError, TableError, nearest
from ruleout.models.frame import honest
from ruleout.models.model import Prediction
from ruleout.models.running import run_line
from ruleout.tables.table import Table

__all__ = ["PLACEHOLDERS", "fill", "new_room", "placeholders", "run_measure", "run_predict", "run_train", "table_suffix"]

ConfigFormat = Literal["json", "toml", "yaml"]

PLACEHOLDERS = ("train", "config", "model", "data", "predictions", "seed")
PATTERN = re.compile(r"(?<!\{)\{([A-Za-z_]\w*)\}(?!\})")


def placeholders(command: str) -> tuple[str, ...]:
    """Return the names in braces in a command line, each once, in their order; doubled braces are literal."""
    return tuple(dict.fromkeys(PATTERN.findall(command)))


def fill(command: str, values: Mapping[str, str], *, field: str) -> str:
    """Return a command line with its placeholders filled in, each value quoted for the shell.

    Parameters
    ----------
    command
        As in `case.toml`.
    values
        What can be filled in.
    field
        Its key in `[run]`, for errors.

    Raises
    ------
    CommandError
        It has a placeholder that cannot be filled in.
    """
    for name in placeholders(command):
        if name in values:
            continue
        where = f'case.toml [run] {field} = "{command}"'
        if name in PLACEHOLDERS:
            raise CommandError(
                f"{where}: there is nothing to put in {{{name}}} here; {field} can name {', '.join(f'{{{v}}}' for v in values)}."
            )
        raise CommandError(
            f"{where}: {{{name}}} is no placeholder, expected {', '.join(f'{{{v}}}' for v in values)}.{nearest(name, PLACEHOLDERS)}"
        )
    filled = PATTERN.sub(lambda match: shlex.quote(values[match[1]]), command)
    return filled.replace("{{", "{").replace("}}", "}")


def run_train(
    command: str,
    *,
    folder: Path,
    table: Table,
    config: Mapping[str, Any] | None,
    seed: int | None = None,
    timeout: float | None = None,
    config_format: ConfigFormat = "json",
    suffix: str = ".joblib",
    scratch: Path | None = None,
    surroundings: Mapping[str, str] | None = None,
    live: str = "",
) -> Path:
    """Run `[run] train` on a table and a configuration, and return the model file that it wrote.

    Parameters
    ----------
    command
        With `{train}`, `{config}`, `{model}`, `{seed}` to fill in; one that does not name `{seed}` runs without.
    folder
        The case's folder, where it runs.
    table
        Training rows, written in the format of the file they came from: CSV where that was CSV, else Parquet.
    config
        Configuration, written as `config_format`; None where the side has none.
    seed
        None where no seed matters: then 0 is filled in.
    timeout
        Seconds after which it is ended, with all that it started.
    suffix
        What the model file's name ends with.
    scratch
        Where the files go; by default a temporary folder that lasts as long as this process.
    surroundings
        Environment variables that are set for it besides; a PATH among them takes the place of this process's.
    live
        What each line is marked with that is shown on standard error while it runs; "" shows none.

    Raises
    ------
    CommandError
        A placeholder cannot be filled in, or the command fails, takes too long, or leaves no model.
    """
    room = new_room(scratch)
    model = room / f"model{suffix}"
    values = {"train": str(_write_table(table, room, "train")), "model": str(model), "seed": str(seed or 0)}
    if config is not None:
        values["config"] = str(_write_config(config, room, config_format))
    where = f'case.toml [run] train = "{command}"'
    run_line(
        fill(command, values, field="train"), folder=folder, room=room, timeout=timeout, where=where, surroundings=surroundings, live=live
    )
    _exists(model, where, "{model}")
    return model


def run_predict(
    command: str,
    *,
    folder: Path,
    model: Path,
    table: Table,
    config: Mapping[str, Any] | None = None,
    seed: int | None = None,
    timeout: float | None = None,
    config_format: ConfigFormat = "json",
    scratch: Path | None = None,
    surroundings: Mapping[str, str] | None = None,
    live: str = "",
) -> Prediction:
    """Run `[run] predict` on a table and return the answers that it wrote.

    Parameters
    ----------
    command
        With `{model}`, `{data}`, `{predictions}` (and `{config}`, `{seed}`) to fill in.
    model
        The fitted artifact.
    table
        Rows to be answered, in their order.
    folder, config, seed, timeout, config_format, scratch, surroundings, live
        As in `run_train`.

    Raises
    ------
    CommandError
        As in `run_train`, or the answers have no `prediction` column or another number of rows.
    """
    room = new_room(scratch)
    data = _write_table(table, room, "data")
    out = room / f"predictions{data.suffix}"
    values = {"model": str(model.resolve()), "data": str(data), "predictions": str(out), "seed": str(seed or 0)}
    if config is not None:
        values["config"] = str(_write_config(config, room, config_format))
    where = f'case.toml [run] predict = "{command}"'
    run_line(
        fill(command, values, field="predict"), folder=folder, room=room, timeout=timeout, where=where, surroundings=surroundings, live=live
    )
    _exists(out, where, "{predictions}")
    return _read_predictions(out, where, table)


def run_measure(
    command: str,
    *,
    folder: Path,
    values: Mapping[str, str],
    seed: int,
    timeout: float | None = None,
    scratch: Path | None = None,
    live: str = "",
) -> float:
    """Run `[run] measure` with each factor's value, and return the metric that the last line of its output gives.

    Parameters
    ----------
    command
        With `{name}` for each factor and `{seed}` to fill in.
    folder
        The case's folder, where it runs.
    values
        Each factor's value by its name; the command also finds them in its environment, as `FACTOR_NAME`.
    seed
        In the environment as `FACTOR_SEED`.
    timeout, scratch, live
        As in `run_train`.

    Raises
    ------
    CommandError
        The command fails, takes too long, or its last line is not `{"metric": number}`.
    """
    room = new_room(scratch)
    given = {**values, "seed": str(seed)}
    where = f'case.toml [run] measure = "{command}"'
    surroundings = {f"FACTOR_{name.upper()}": value for name, value in given.items()}
    run_line(
        fill(command, given, field="measure"), folder=folder, room=room, timeout=timeout, where=where, surroundings=surroundings, live=live
    )
    printed = (room / "stdout.txt").read_text("utf-8", "replace").strip().splitlines()
    last = printed[-1].strip() if printed else ""
    try:
        metric = json.loads(last)["metric"]
    except (ValueError, TypeError, KeyError):
        said = f"its last line is {last[:200]!r}" if last else "it printed nothing"
        raise CommandError(f'{where}: {said}, expected JSON with the metric; print {{"metric": 0.873}} last.') from None
    if isinstance(metric, bool) or not isinstance(metric, int | float) or not np.isfinite(metric):
        raise CommandError(f"{where}: the metric it printed is {metric!r}, expected a number.")
    return float(metric)


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="ruleout-run-", ignore_cleanup_errors=True)


def new_room(scratch: Path | None = None) -> Path:
    """Return a new empty folder for one run; it lasts as long as this process where `scratch` does not say where."""
    parent = scratch.resolve() if scratch is not None else Path(_scratch().name)
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="run-", dir=parent))


def table_suffix(table: Table) -> str:
    """How the file ends that a command reads a table from: as the one it came from where that was CSV, else as Parquet."""
    return ".csv" if re.search(r"\.(csv|tsv|txt)(\.\w+)?$", table.origin.lower()) else ".parquet"


def _write_table(table: Table, room: Path, name: str) -> Path:
    arrow = table.arrow
    path = room / f"{name}{table_suffix(table)}"
    if path.suffix == ".csv":
        arrow.to_pandas(ignore_metadata=True).to_csv(path, index=False)
        return path
    import pyarrow.parquet as pq

    pq.write_table(honest(arrow), path)
    return path


def _write_config(config: Mapping[str, Any], room: Path, format_: ConfigFormat) -> Path:
    path = room / f"config.{format_}"
    if format_ == "toml":
        import tomli_w

        text = tomli_w.dumps(_without_none(dict(config)))
    elif format_ == "yaml":
        import yaml

        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    else:
        text = json.dumps(dict(config), indent=2, default=str)
    path.write_text(text, encoding="utf-8")
    return path


def _without_none(value: Any) -> Any:
    """Return a configuration without the nulls that TOML cannot say: a key that is not there."""
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return [_without_none(v) for v in value if v is not None] if isinstance(value, list) else value


def _exists(path: Path, where: str, placeholder: str) -> None:
    if not path.exists():
        raise CommandError(f"{where}: it ended well and wrote nothing to {placeholder}; does the command write where {placeholder} says?")
    if (path.is_file() and path.stat().st_size == 0) or (path.is_dir() and not any(path.iterdir())):
        raise CommandError(f"{where}: it ended well and what it wrote to {placeholder} is empty.")


def _read_predictions(path: Path, where: str, table: Table) -> Prediction:
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            parquet = file.read(4) == b"PAR1"
        answers = Table(pq.read_table(path) if parquet else pa_csv.read_csv(path), name="predictions", origin="{predictions}")
    except (pa.ArrowException, OSError) as error:
        raise CommandError(
            f"{where}: what it wrote to {{predictions}} is neither Parquet nor CSV: {str(error).splitlines()[0]}."
        ) from error
    if "prediction" not in answers:
        found = ", ".join(answers.columns[:8])
        raise CommandError(f"{where}: {{predictions}} has no column 'prediction' (it has {found}).{nearest('prediction', answers.columns)}")
    if answers.n_rows != table.n_rows:
        raise CommandError(f"{where}: {{predictions}} has {answers.n_rows:,} rows, expected {table.n_rows:,} as in {table.origin}.")
    numeric = answers.kind("prediction") == "numeric"
    whole = numeric and pa.types.is_integer(answers.arrow.column("prediction").type) and not answers.arrow.column("prediction").null_count
    prediction = answers.numbers("prediction") if numeric else answers.values("prediction")
    try:
        score: np.ndarray | None = answers.numbers("score") if "score" in answers else None
    except TableError as error:
        raise CommandError(f"{where}: {error}") from error
    return Prediction(prediction.astype(np.int64) if whole else prediction, score)
