"""Stored: what an installed environment is, and the folder in which each is kept under the hash of what it was made from."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruleout.environments.requirements import Requirements
from ruleout.errors import InstallError

__all__ = ["WITNESS", "Installation", "default_place", "held", "keep", "locked", "python_in", "taken_stock"]

WITNESS = "RULEOUT_WITNESS"
"""Names a file that the interpreter of an installed environment makes when it starts: so it is known that it ran."""

WITNESS_LINE = f"import os; p = os.environ.get('{WITNESS}'); p and open(p, 'a').close()\n"


@dataclass(frozen=True)
class Installation:
    """An environment that is installed.

    Parameters
    ----------
    folder
        Where it lies.
    key
        Hash of what it was made from.
    python
        Its interpreter.
    version
        Version of its interpreter.
    packages
        What is in it, dependencies that nobody listed included, by name.
    seconds
        What installing it took.
    stored
        It was there already: nothing had to be installed.
    notes
        How it is not quite what was recorded, a sentence each.
    """

    folder: Path
    key: str
    python: Path
    version: str
    packages: Mapping[str, str]
    seconds: float
    stored: bool = False
    notes: tuple[str, ...] = ()


def default_place() -> Path:
    """Where environments are kept: `$XDG_CACHE_HOME/ruleout/environments`, by default below `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ruleout" / "environments"


def python_in(folder: Path) -> Path:
    """Where the interpreter of an environment lies in its folder."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


INVENTORY = """
import json, sys, sysconfig
from importlib import metadata
site = sysconfig.get_paths()["purelib"]
found = {d.metadata["Name"]: d.version for d in metadata.distributions(path=[site])}
print(json.dumps({"version": sys.version.split()[0], "packages": found, "site": site}))
"""


def taken_stock(python: Path) -> tuple[str, dict[str, str]]:
    """Ask an installed interpreter for its version and packages, and leave the witness in it."""
    try:
        done = subprocess.run([str(python), "-I", "-c", INVENTORY], capture_output=True, timeout=120, check=True)
        said = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise InstallError(f"the interpreter that was installed does not start ({type(error).__name__})") from error
    (Path(said["site"]) / "ruleout_witness.pth").write_text(WITNESS_LINE, encoding="utf-8")
    packages = {str(k).lower().replace("_", "-").replace(".", "-"): str(v) for k, v in said["packages"].items() if k}
    return str(said["version"]), packages


def held(folder: Path, key: str) -> Installation | None:
    """The installation that a folder holds; None where it was never finished."""
    try:
        said = json.loads((folder / "installed.json").read_text("utf-8"))
        python = python_in(folder)
        if not python.exists():
            return None
        return Installation(folder, key, python, said["version"], said["packages"], said["seconds"], True, tuple(said["notes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(found: Installation, wanted: Requirements) -> None:
    """Note in its folder that an environment is finished, and what is in it."""
    told = {
        "version": found.version,
        "packages": dict(found.packages),
        "seconds": round(found.seconds, 3),
        "notes": list(found.notes),
        "lines": list(wanted.lines),
    }
    unfinished = found.folder / "installed.json.part"
    unfinished.write_text(json.dumps(told, indent=1), encoding="utf-8")
    unfinished.replace(found.folder / "installed.json")


@contextlib.contextmanager
def locked(place: Path, key: str) -> Iterator[None]:
    """Hold one environment for this process alone, where the system can: two investigations may want the same one."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        file = (place / f"{key}.lock").open("w")
    except OSError as error:
        raise InstallError(f"{place}: environments cannot be kept there ({error.strerror}); set XDG_CACHE_HOME") from error
    with file:
        try:
            import fcntl
        except ImportError:  # Windows has no such locks; two investigations at once may then install the same twice.
            yield
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
