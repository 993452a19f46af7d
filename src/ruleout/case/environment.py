"""Environments: which versions ran, from whatever file recorded them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruleout.case.text import parse_json, parse_toml, parse_yaml, read_text
from ruleout.errors import FieldError

__all__ = ["Environment", "environment_from", "parse_requirements", "read_environment"]


@dataclass(frozen=True)
class Environment:
    """Versions of what ran: packages by normalised name, and whatever else was recorded (python, platform, device)."""

    packages: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_environment(path: Path, said: str) -> Environment:
    """The environment in a requirements file, `pip freeze`, a lock file, a conda file or JSON.

    Package names are normalised (PEP 503), exact pins lose their `==`; what is not pinned exactly keeps its specifier.

    Raises
    ------
    FieldError
        The file cannot be read, or names no package.
    """
    text = read_text(path, said)
    suffix = path.suffix.lower()
    if suffix == ".json" or path.name == "Pipfile.lock":
        found = environment_from(parse_json(text, said), said)
    elif suffix == ".toml" or (suffix == ".lock" and "[[package" in text):
        found = _locked(parse_toml(text, said), said)
    elif suffix in {".yml", ".yaml"}:
        found = _conda(parse_yaml(text, said), said)
    else:
        found = parse_requirements(text, said)
    if not found.packages and not found.settings:
        raise FieldError(f"{said}: names no package and no version, expected lines like scikit-learn==1.9.1; write it with `pip freeze`.")
    return found


def environment_from(value: Any, said: str) -> Environment:
    """The environment in a value as JSON gives it.

    Parameters
    ----------
    value
        `{"python": …, "packages": {…}, "device": …}`, a list of `{"name", "version"}` (pip or conda, `--json`), a Pipfile.lock,
        or package versions by name.
    said
        Where it was given, as errors begin.
    """
    if isinstance(value, list):
        return _environment(_listed(value, said), {})
    if not isinstance(value, Mapping):
        raise FieldError(
            f'{said}: {value!r:.60} given, expected {{"python": "3.12.4", "packages": {{"numpy": "2.4.0"}}}}; write it like that.'
        )
    if "_meta" in value:
        pinned = {**_mapping(value.get("develop", {}), said), **_mapping(value.get("default", {}), said)}
        meta = value["_meta"] if isinstance(value["_meta"], Mapping) else {}
        requires = meta.get("requires", {}) if isinstance(meta.get("requires", {}), Mapping) else {}
        python = requires.get("python_full_version") or requires.get("python_version")
        versions = {name: (entry.get("version", "") if isinstance(entry, Mapping) else entry) for name, entry in pinned.items()}
        return _environment(versions, {"python": python} if python else {})
    if "packages" in value:
        packages = value["packages"]
        named = _listed(packages, said) if isinstance(packages, list) else _mapping(packages, said)
        return _environment(named, {str(k): v for k, v in value.items() if k != "packages"})
    versioned = {
        k: v for k, v in value.items() if isinstance(v, str) and re.match(r"^[=<>~!]*\d", v) and k not in {"python", "cuda", "driver"}
    }
    return _environment(versioned, {str(k): v for k, v in value.items() if k not in versioned})


def parse_requirements(text: str, said: str) -> Environment:
    """The environment in the lines of a requirements file or of `pip freeze`.

    Comments, options, hashes and markers are passed over; of a package that stands twice the first line counts.

    Raises
    ------
    FieldError
        A line is none of these; its number is given.
    """
    versions: dict[str, str] = {}
    pending, started = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        started = started if pending else number
        pending += raw
        if pending.rstrip().endswith("\\"):
            pending = pending.rstrip()[:-1] + " "
            continue
        line, pending = re.sub(r"(^|\s)#.*$", "", pending).strip(), ""
        found = _requirement(line)
        if found is None:
            raise FieldError(f"{said} line {started}: {line[:60]!r} is no requirement, expected name==version; mend or remove that line.")
        for name, version in found:
            versions.setdefault(name, version)
    return _environment(versions, {})


def _requirement(line: str) -> list[tuple[str, str]] | None:
    """The package of one line with its version; [] where the line is an option or empty, None where it is neither."""
    line = re.split(r"\s--(?:hash|config-settings|global-option)\b", line)[0].strip()
    editable = re.match(r"^(?:-e|--editable)[\s=]+(\S+)", line)
    if editable:
        name = re.search(r"[#&]egg=([A-Za-z0-9._-]+)", editable[1])
        return [(name[1] if name else Path(editable[1].split("#")[0]).name, editable[1].split("#")[0])]
    if not line or line.startswith("-"):
        return []
    direct = re.match(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*@\s*(\S+)", line)
    if direct:
        return [(direct[1], _from_address(direct[2]))]
    if re.match(r"^(?:[a-z+]+://|\.{0,2}/)\S+$", line) or line.endswith(".whl"):
        wheel = re.search(r"([A-Za-z0-9._]+)-(\d[^-]*)-[^/]*\.whl", line)
        return [(wheel[1], wheel[2])] if wheel else []
    plain = re.match(r"^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*\(?((?:[=<>~!]=?=?[^;)]*)?)\)?\s*(?:;.*)?$", line)
    return [(plain[1], plain[2])] if plain else None


def _from_address(address: str) -> str:
    wheel = re.search(r"/[A-Za-z0-9._]+-(\d[^-/]*)-[^/]*\.whl", address)
    return wheel[1] if wheel else address


def _locked(value: Mapping[str, Any], said: str) -> Environment:
    """uv.lock, poetry.lock and pylock.toml: lists of packages."""
    entries = value.get("package", value.get("packages"))
    if not isinstance(entries, list):
        raise FieldError(f"{said}: no [[package]] in it, expected a lock file of uv, Poetry or PEP 751; name one, or use `pip freeze`.")
    locked = [
        e
        for e in entries
        if not (isinstance(e, Mapping) and isinstance(e.get("source"), Mapping) and {"virtual", "editable"} & set(e["source"]))
    ]
    python = value.get("requires-python") or (_mapping(value.get("metadata", {}), said).get("python-versions"))
    return _environment(_listed(locked, said), {"python": python} if python else {})


def _conda(value: Any, said: str) -> Environment:
    """A conda `environment.yml`: `name=version=build`, and a nested list for pip."""
    dependencies = value.get("dependencies") if isinstance(value, Mapping) else None
    if not isinstance(dependencies, list):
        raise FieldError(f"{said}: no list of dependencies in it, expected a conda environment.yml; write it with `conda env export`.")
    versions: dict[str, str] = {}
    for entry in dependencies:
        if isinstance(entry, Mapping):
            for lines in entry.values():
                versions.update(parse_requirements("\n".join(map(str, lines or ())), said).packages)
            continue
        name, _, rest = re.sub(r"^\S+::", "", str(entry)).replace(" ", "").partition("=")
        name_only = re.match(r"^[A-Za-z0-9._-]+", name)
        if name_only:
            versions[name_only[0]] = name[name_only.end() :] + (
                "=" + rest if name_only.end() < len(name) else rest.lstrip("=").split("=")[0]
            )
    return _environment(versions, {})


def _listed(entries: list[Any], said: str) -> dict[str, str]:
    versions: dict[str, str] = {}
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, str):
            versions.update(parse_requirements(entry, f"{said} entry {number}").packages)
        elif isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
            versions.setdefault(entry["name"], str(entry.get("version", "")))
        else:
            wanted = 'expected {"name": "numpy", "version": "2.4.0"}'
            raise FieldError(f"{said} entry {number}: {entry!r:.60} given, {wanted}; mend or remove it.")
    return versions


def _mapping(value: Any, said: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise FieldError(
            f'{said}: packages = {value!r:.60} given, expected versions by name like {{"numpy": "2.4.0"}}; write it like that.'
        )
    return value


def _environment(versions: Mapping[str, Any], settings: Mapping[str, Any]) -> Environment:
    packages = {re.sub(r"[-_.]+", "-", str(name)).lower(): _version(version) for name, version in versions.items()}
    python = packages.pop("python", None)
    return Environment(dict(sorted(packages.items())), {**({"python": python} if python else {}), **settings})


def _version(version: Any) -> str:
    text = str(version if version is not None else "").strip()
    exact = re.match(r"^={2,3}\s*([^,*]+)$", text)
    return exact[1].strip() if exact else text
