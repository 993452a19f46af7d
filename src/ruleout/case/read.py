"""Reading a case: a case.toml, a folder, or two folders named on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from ruleout.case.case import Case, Run, Side
from ruleout.case.fields import CASE_FIELDS, as_toml, check_fields, unknown_field
from ruleout.case.folder import FILE_NAMES, check_folder, files_of
from ruleout.case.given import read_field, tables
from ruleout.case.loose import lone_file
from ruleout.case.run import read_run
from ruleout.case.settle import settle
from ruleout.case.text import parse_toml, read_text
from ruleout.errors import CaseError, FieldError, MissingExtra, TableError, nearest
from ruleout.tables.addresses import Location, is_address, located, shown_address

__all__ = ["read_case"]

SECTIONS = ("case", "reference", "current", "run", "factors")
SIDE_FIELDS = tuple(entry.name for entry in fields(Side))


@dataclass
class _Given:
    """What the file or folder says, before anything is opened."""

    folder: Path | None = None
    name: str = ""
    case: dict[str, Any] = field(default_factory=dict)
    reference: Any = None
    current: Any = None
    run: Run = field(default_factory=Run)
    factors: dict[str, tuple[str, str]] = field(default_factory=dict)
    assumptions: list[str] = field(default_factory=list)


def read_case(
    path: str | Path | None = None,
    *,
    reference: str | Path | None = None,
    current: str | Path | None = None,
    target: str | None = None,
    metric: str | None = None,
    task: str | None = None,
    positive: Any = None,
    time: str | None = None,
    entity: str | None = None,
    key: str | None = None,
    ignore: Sequence[str] = (),
    changed: str | None = None,
    symptom: str | None = None,
    engine: str | None = None,
    trust: bool = False,
    show_runs: bool = False,
) -> Case:
    """The case that lies at a path, settled: every file is checked, and big tables are opened and not yet read.

    Parameters
    ----------
    path
        A `case.toml`, a folder that holds one, a folder that holds `reference/` and `current/`, or a single file of evidence (a table,
        a model, a history, ...), which is all of the current side then; None where the sides are given.
    reference, current
        Folders whose files are found by their names; they win over what the file says, as every other keyword does.
    target, metric, task, positive, time, entity, key, ignore, changed, symptom
        As in `case.toml`.
    engine
        Who reads the large tables, as in `case.toml`; what the file says of it needs `trust`, what is given here does not.
    trust
        The case may run code: load pickled artifacts, run `[run]` commands, call a `module:function` metric, take answers from the engine
        that it names. No file can say so.
    show_runs
        Show what `[run]` commands print, on standard error, while they run.

    Raises
    ------
    CaseError, FieldError, TableError
        Something cannot be read; the sentence says which file and field, what was given, what was expected and what to do.
    """
    given = _read_path(Path(path).expanduser()) if path is not None else _Given()
    places = dict.fromkeys(given.case, f"{given.name} [case] ")
    keywords = {
        "target": target,
        "metric": metric,
        "task": task,
        "positive": positive,
        "time": time,
        "entity": entity,
        "key": key,
        "ignore": ignore or None,
        "changed": changed,
        "symptom": symptom,
        "engine": engine,
    }
    if target is not None and target != given.case.get("target"):
        # What the file says of its own target does not hold for another.
        for name in ("task", "positive"):
            given.case.pop(name, None)
    for name, value in keywords.items():
        if value is not None:
            given.case[name] = value
            places.pop(name, None)
    check_fields(given.case, places)
    if not trust and "engine" in places and given.case["engine"] != "threads":
        # Whoever answers in its place could answer with code.
        given.assumptions.append(
            f"{given.name} names the engine {given.case.pop('engine')}, which is asked only with --trust, or by --engine: "
            "the tables are read on this machine."
        )
    sides = {
        name: _read_side(name, Path(folder).expanduser() if folder is not None else None, given, trust)
        for name, folder in (("reference", reference), ("current", current))
    }
    if sides["current"] is None and not given.factors:
        where = given.name or "no case given"
        raise CaseError(
            f"{where}: no current side, expected the evidence of the system that is broken; add [current], or give --current DIR."
        )
    values = {**given.case, "ignore": tuple(given.case.get("ignore", ()))}
    case = Case(
        current=sides["current"] or Side(),
        reference=sides["reference"],
        run=given.run,
        factors=given.factors,
        folder=given.folder,
        trusted=trust,
        show_runs=show_runs,
        config_format=_config_format(given),
        assumptions=tuple(given.assumptions),
        **values,
    )
    return settle(case, places=places)


def _read_path(path: Path) -> _Given:
    path = path.absolute()
    if path.is_dir():
        if (path / "case.toml").is_file():
            return _read_toml(path / "case.toml")
        reference, current = ("reference" if (path / "reference").is_dir() else None), ("current" if (path / "current").is_dir() else None)
        if reference or current:
            return _Given(folder=path, name=path.name, reference=reference, current=current)
        raise CaseError(
            f"{path.name}: the folder holds neither case.toml nor reference/ and current/; `ruleout new` writes a case.toml, "
            "or give --reference DIR and --current DIR."
        )
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise CaseError(f"{path}: no such file or folder.{nearest(path.name, beside)} Give a case.toml or the folder that holds it.")
    if path.suffix.lower() != ".toml":
        if lone_file(path) is None:
            raise CaseError(
                f"{path.name}: {path.suffix or 'a file without suffix'} given, expected a case.toml, a folder or one file of evidence "
                "such as a table; name one of these."
            )
        return _Given(folder=path.parent, name=path.name, current=path)
    return _read_toml(path)


def _read_toml(path: Path) -> _Given:
    content = parse_toml(read_text(path, path.name), path.name, CaseError)
    for name, value in content.items():
        if name in CASE_FIELDS or (name in SIDE_FIELDS and not isinstance(value, Mapping)):
            section = "[case]" if name in CASE_FIELDS else "[current]"
            raise FieldError(f"{path.name} {name}: stands outside every section, expected under {section}; write {section} above it.")
        if name not in SECTIONS:
            raise unknown_field(name, path.name, SECTIONS)
    case = dict(_section(content, "case", path.name))
    # A side's folder written below [case] belongs to [case] by TOML's rules; what is meant is plain.
    sides = {name: content.get(name, case.pop(name, None)) for name in ("reference", "current")}
    for name in case:
        if name not in CASE_FIELDS:
            raise unknown_field(name, f"{path.name} [case]", CASE_FIELDS)
    factors = _factors(content.get("factors"), path.name)
    run = read_run(_section(content, "run", path.name), factors, path.name)
    return _Given(path.parent, path.name, case, sides["reference"], sides["current"], run, factors)


def _section(content: Mapping[str, Any], name: str, file: str) -> Mapping[str, Any]:
    value = content.get(name, {})
    if not isinstance(value, Mapping):
        raise FieldError(f"{file} {name} = {as_toml(value)}: expected a section of fields; write [{name}] and the fields below it.")
    return value


def _read_side(name: str, folder: Path | None, given: _Given, trust: bool) -> Side | None:
    value = given.current if name == "current" else given.reference
    if folder is not None:
        if folder.is_file():
            return _read_lone(folder.absolute(), str(folder), given, trust)
        return _read_folder(name, folder.absolute(), str(folder), given, trust)
    if value is None:
        return None
    base = given.folder or Path.cwd()
    if isinstance(value, Path):
        return _read_lone(value, value.name, given, trust)
    if isinstance(value, str) and value.strip():
        said = f"{given.name} {name} = {as_toml(value)}" if value != name else f"{given.name}/{name}"
        return _read_folder(name, (base / value).absolute(), said, given, trust)
    if not isinstance(value, Mapping):
        wanted = f"expected a section [{name}] of fields or a folder"
        raise FieldError(f'{given.name} {name} = {as_toml(value)}: {wanted}; write {name} = "{name}/" or [{name}].')
    section = f"{given.name} [{name}]"
    for entry in value:
        if entry not in SIDE_FIELDS:
            raise unknown_field(entry, section, SIDE_FIELDS)
    if not value:
        raise CaseError(f"{section}: the section is empty, expected at least one of {', '.join(SIDE_FIELDS)}; name a file, or take it out.")
    found: dict[str, Any] = {}
    for entry, file in value.items():
        said = f"{section} {entry} = {as_toml(shown_address(file) if is_address(file) else file)}"
        if not isinstance(file, str) or not file.strip():
            raise FieldError(f'{said}: expected the path of a file in quotes; write {entry} = "{name}/{_example(entry)}".')
        found[entry] = _read_one(entry, _place(entry, file, base, said), said, base, trust)
    return Side(**found)


def _read_folder(name: str, folder: Path, said: str, given: _Given, trust: bool) -> Side:
    files = files_of(check_folder(folder, said))
    if not files:
        files = _loose_files(folder, given)
    if not files:
        held = ", ".join(sorted(p.name for p in folder.iterdir())[:6]) or "nothing"
        known = "train.parquet, validation.csv, model.joblib, config.json, metrics.json, requirements.txt, history.csv or runlog.jsonl"
        raise CaseError(
            f"{said}: the folder holds {held}, expected files such as {known}; rename them, or name them in case.toml under [{name}]."
        )
    for candidates in files.values():
        if len(candidates) > 1:
            names = " and ".join(path.name for path in candidates[:2])
            given.assumptions.append(f"{folder.name}/ holds {names}: {candidates[0].name} is read.")
    found: dict[str, Any] = {}
    for entry, candidates in files.items():
        path = candidates[0]
        found[entry] = _read_one(entry, path, f"{folder.name}/{path.relative_to(folder).as_posix()}", given.folder or folder.parent, trust)
    return Side(**found)


def _read_lone(path: Path, said: str, given: _Given, trust: bool) -> Side:
    """The side that one file makes up, with the field that it was taken for said aloud."""
    name = lone_file(path)
    if name is None:
        raise CaseError(f"{said}: is a file of no kind that is known by its name, expected a folder or a table, a model, ...; rename it.")
    given.assumptions.append(f"{path.name} is taken as the {name} {'table' if name in ('train', 'validation', 'serving') else 'file'}.")
    return Side(**{name: _read_one(name, path, path.name, path.parent, trust)})


def _loose_files(folder: Path, given: _Given) -> dict[str, list[Path]]:
    """Where no file is called as it should be: what the names say, and a table that is the only one is one to train on."""
    found: dict[str, list[Path]] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        name = lone_file(path)
        if name is not None:
            found.setdefault(name, []).append(path)
    if any(len(paths) > 1 for paths in found.values()):
        return {}
    given.assumptions += [f"{folder.name}/{paths[0].name} is taken as the {name}." for name, paths in found.items()]
    return found


def _place(entry: str, file: str, base: Path, said: str) -> Location:
    """Where a field's file lies; tables may lie elsewhere than on this machine."""
    try:
        place = located(file, base)
    except TableError as error:
        raise FieldError(f"{said}: {str(error).removeprefix(f'{file}: ')}") from error
    if isinstance(place, str) and entry not in tables:
        raise FieldError(f"{said}: an address given, expected the path of a file on this machine; only tables are read from elsewhere.")
    return place


def _read_one(entry: str, path: Location, said: str, base: Path, trust: bool) -> Any:
    """One field; the sentence of an error says the path as the user wrote it, not where the case lies."""
    try:
        return read_field(entry, path, said, trust=trust)
    except (CaseError, TableError, MissingExtra) as error:
        short = str(error).replace(f"{base}/", "")
        if short == str(error):
            raise
        raise type(error)(short) from error


def _example(entry: str) -> str:
    return FILE_NAMES[entry][0]


def _config_format(given: _Given) -> Literal["json", "toml", "yaml"]:
    """How the sides' own configurations are written; what a command is given is written in the same way."""
    for value in (given.current, given.reference):
        name = value.get("config") if isinstance(value, Mapping) else None
        suffix = Path(str(name)).suffix.lower() if name else ""
        if name is None and isinstance(value, str) and given.folder is not None and (given.folder / value).is_dir():
            found = files_of(given.folder / value).get("config")
            suffix = found[0].suffix.lower() if found else ""
        if suffix == ".toml":
            return "toml"
        if suffix in (".yaml", ".yml"):
            return "yaml"
    return "json"


def _factors(value: Any, file: str) -> dict[str, tuple[str, str]]:
    if value is None:
        return {}
    wanted = 'write name = ["reference value", "current value"]'
    if not isinstance(value, Mapping) or not value:
        raise FieldError(f"{file} factors = {as_toml(value)}: expected a section of factors with two values each; {wanted}.")
    found: dict[str, tuple[str, str]] = {}
    for name, values in value.items():
        said = f"{file} [factors] {name} = {as_toml(values)}"
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or name == "seed":
            raise FieldError(f"{said}: {name!r} cannot be a factor's name, expected letters, digits and _ (not seed); rename it.")
        if not isinstance(values, list) or len(values) != 2:
            raise FieldError(f"{said}: expected two values, the reference's and the current one's; {wanted}.")
        if any(isinstance(v, list | dict) for v in values):
            raise FieldError(f"{said}: expected text or numbers as values; {wanted}.")
        found[name] = (_text(values[0]), _text(values[1]))
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
