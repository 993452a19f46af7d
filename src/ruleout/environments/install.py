"""Install: an environment is built in a folder of its own, once, by uv where there is one, else by venv and pip."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from ruleout.environments.requirements import Requirements
from ruleout.environments.stored import Installation, default_place, held, keep, locked, python_in, taken_stock
from ruleout.errors import InstallError

__all__ = ["Installer", "found_uv"]

LIMIT_SECONDS = 900.0
"""How long one step of an installation may take."""

INDEXES = (
    *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONSTRAINT", "UV_CONSTRAINT"),
)
"""Settings of the user's that say where packages come from: another place may hold another package of the same version."""

AS_PIP = {
    "UV_DEFAULT_INDEX": "PIP_INDEX_URL",
    "UV_INDEX": "PIP_EXTRA_INDEX_URL",
    "UV_FIND_LINKS": "PIP_FIND_LINKS",
    "UV_NO_INDEX": "PIP_NO_INDEX",
}
"""uv does not read pip's settings: where it has none of its own, it is given those."""


class Installer:
    """Installs environments below one folder, each under the hash of what it is made from.

    Parameters
    ----------
    place
        The folder; by default the user's cache.
    wheels
        A folder of wheels that alone is installed from; then nothing is asked of any index. None for the user's own settings.
    uv
        uv's program; None to use venv and pip.
    """

    def __init__(self, place: Path | None = None, *, wheels: Path | None = None, uv: str | bool | None = True) -> None:
        self.place = place if place is not None else default_place()
        self.wheels = wheels.absolute() if wheels is not None else None
        self.uv = found_uv() if uv is True else (uv or None)
        self._surroundings = self._settings()

    def key(self, wanted: Requirements) -> str:
        """A hash of what an installation is made from: requirements, interpreter, and where its packages come from."""
        said = [*wanted.lines, f"python {wanted.python or ''}", sys.platform, os.uname().machine if hasattr(os, "uname") else ""]
        said += [sys.version.split()[0] if wanted.python is None else "", "uv" if self.uv else "pip"]
        said += [f"{name}={self._surroundings.get(name, '')}" for name in INDEXES]
        for folder in self._folders():
            said += sorted(f"{p.name} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in folder.glob("*.whl"))
        return hashlib.sha256("\0".join([*said, str(self.wheels or "")]).encode()).hexdigest()[:24]

    def install(self, wanted: Requirements, *, exact: bool = False) -> Installation:
        """Return the environment, installed now or before.

        Parameters
        ----------
        wanted
            What is to be in it.
        exact
            It is known to have existed as it is: where its packages' own requirements contradict each other, it is installed as listed.

        Raises
        ------
        InstallError
            It cannot be installed: no such version, no such interpreter, no network, packages that exclude each other.
        """
        key = self.key(wanted)
        folder = self.place / key
        with locked(self.place, key):
            before = held(folder, key)
            if before is not None:
                return before
            shutil.rmtree(folder, ignore_errors=True)
            started = time.monotonic()
            try:
                notes = self._build(folder, wanted, exact=exact)
                python = python_in(folder)
                version, packages = taken_stock(python)
                if wanted.python and not f"{version}.".startswith(f"{wanted.python}."):
                    notes = (*notes, f"Python {wanted.python} is not to be had, so {version} stands in for it")
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            found = Installation(folder, key, python, version, packages, time.monotonic() - started, notes=notes)
            keep(found, wanted)
            return found

    def _build(self, folder: Path, wanted: Requirements, *, exact: bool) -> tuple[str, ...]:
        notes: list[str] = []
        self._make(folder, wanted.python)
        python = python_in(folder)
        if not wanted.lines:
            return tuple(notes)
        listed = folder / "wanted.txt"
        listed.write_text("\n".join(wanted.lines) + "\n", encoding="utf-8")
        ways: list[tuple[tuple[str, ...], str]] = [((), ""), (("build",), "some packages were built from source")]
        if exact:
            ways.append((("no-deps",), "its packages' own requirements contradict each other, so they were installed as listed"))
        said = ""
        for number, (options, note) in enumerate(ways):
            problem = self._add(python, listed, options)
            if not problem:
                notes += [note] if note else []
                return tuple(notes)
            said = said or problem
            if not any(_retried(problem, later) for later, _ in ways[number + 1 :]):
                break
        raise InstallError(f"{_short(said)}")

    def _make(self, folder: Path, version: str | None) -> None:
        """Make the empty environment; of an interpreter whose very patch release is not to be had, another of the same minor release."""
        wanted = [version, ".".join(version.split(".")[:2])] if version else [None]
        problem = ""
        for python in dict.fromkeys(wanted):
            problem = self._empty(folder, python)
            if not problem:
                return
        raise InstallError(_short(problem))

    def _empty(self, folder: Path, python: str | None) -> str:
        if self.uv:
            offline = ["--no-python-downloads"] if self.wheels is not None else []
            named = ["--python", python or sys.executable]
            return self._run([self.uv, "venv", "--quiet", "--no-project", *offline, *named, str(folder)])
        program = sys.executable if python is None else _interpreter(python)
        if program is None:
            return f"no python{python} is found on PATH and uv, which could fetch it, is not installed"
        # pip itself need not be in it: ours installs into it, where there is one.
        return self._run([program, "-m", "venv", *(["--without-pip"] if _pip_reaches(python) else []), str(folder)])

    def _add(self, python: Path, listed: Path, options: Sequence[str]) -> str:
        """Install what a file lists; returns what went wrong, "" where nothing did."""
        where = ["--no-index", "--find-links", str(self.wheels)] if self.wheels is not None else []
        where += [] if "build" in options or "no-deps" in options else ["--no-build" if self.uv else "--only-binary=:all:"]
        where += ["--no-deps"] if "no-deps" in options else []
        if self.uv:
            return self._run([self.uv, "pip", "install", "--quiet", "--python", str(python), *where, "-r", str(listed)])
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
        own = any(folder.is_dir() for folder in python.parent.parent.glob("[Ll]ib/**/site-packages/pip"))
        ours = [str(python), "-m", "pip"] if own else [sys.executable, "-m", "pip", "--python", str(python)]
        return self._run([*ours, "install", *quiet, *where, "-r", str(listed)])

    def _run(self, command: list[str]) -> str:
        try:
            done = subprocess.run(
                command,
                env=self._surroundings,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"installing took longer than {LIMIT_SECONDS:g} seconds and was ended"
        except OSError as error:
            return f"{Path(command[0]).name} cannot be started: {error.strerror}"
        if not done.returncode:
            return ""
        return done.stderr.decode("utf-8", "replace").strip() or f"{Path(command[0]).name} failed with exit code {done.returncode}"

    def _settings(self) -> dict[str, str]:
        """The user's surroundings, less what would draw another environment in; pip's settings are given to uv where it has none."""
        found = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX")}
        if self.wheels is not None:
            found = {k: v for k, v in found.items() if k not in INDEXES}
        elif self.uv:
            for ours, theirs in AS_PIP.items():
                if ours not in found and theirs in found:
                    found[ours] = found[theirs]
        return found

    def _folders(self) -> Iterator[Path]:
        """The folders of wheels that packages may come from."""
        named = [str(self.wheels)] if self.wheels is not None else []
        for variable in ("UV_FIND_LINKS", "PIP_FIND_LINKS"):
            named += self._surroundings.get(variable, "").replace(",", " ").split()
        yield from (folder for folder in (Path(n.removeprefix("file://")) for n in dict.fromkeys(named)) if folder.is_dir())


def found_uv() -> str | None:
    """Return uv's program: on PATH, or beside this interpreter; None where there is none."""
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def _pip_reaches(version: str | None) -> bool:
    """Whether the pip beside this interpreter installs for another one: not if that is older than it supports."""
    return find_spec("pip") is not None and (version is None or sys.version.startswith(".".join(version.split(".")[:2]) + "."))


def _interpreter(version: str) -> str | None:
    if sys.version.startswith(f"{version}.") or sys.version.split()[0] == version:
        return sys.executable
    return shutil.which(f"python{version}")


def _retried(problem: str, options: Sequence[str]) -> bool:
    """Whether another way of installing may get past a problem."""
    text = problem.lower()
    if "build" in options:
        return "no usable wheels" in text or "building from source is disabled" in text or "no-build" in text
    return "unsatisfiable" in text or "resolutionimpossible" in text or "conflict" in text


FRAME = " \u00d7\u2570\u2500\u25b6\u2502:"
"""What uv draws around its sentences."""


def _short(problem: str, limit: int = 400) -> str:
    """What an installer said in one line, without its colours and its way of laying out."""
    lines = [line.strip(FRAME) for line in problem.splitlines() if not line.lower().startswith("warning")]
    text = " ".join(line for line in lines if line and not line.lower().startswith("hint")).removeprefix("error: ")
    return (text if len(text) <= limit else text[: limit - 1] + "…").rstrip(".")
