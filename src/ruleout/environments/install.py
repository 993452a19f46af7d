"""Install: an environment is built in a folder of its own, once, by uv where there is one, else by venv and pip."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ruleout.environments.requirements import Requirements
from ruleout.errors import InstallError

__all__ = ["Installation", "Installer", "default_place"]

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
        with _locked(self.place, key):
            held = _held(folder, key)
            if held is not None:
                return held
            shutil.rmtree(folder, ignore_errors=True)
            started = time.monotonic()
            try:
                notes = self._build(folder, wanted, exact=exact)
                python = _python_in(folder)
                version, packages = _inventory(python)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            found = Installation(folder, key, python, version, packages, time.monotonic() - started, notes=notes)
            _keep(found, wanted)
            return found

    def _build(self, folder: Path, wanted: Requirements, *, exact: bool) -> tuple[str, ...]:
        notes = [*self._make(folder, wanted.python)]
        python = _python_in(folder)
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

    def _make(self, folder: Path, version: str | None) -> Iterator[str]:
        """Make the empty environment; of an interpreter whose very patch release is not to be had, another of the same minor release."""
        wanted = [version, ".".join(version.split(".")[:2])] if version else [None]
        problem = ""
        for python in dict.fromkeys(wanted):
            problem = self._empty(folder, python)
            if not problem:
                if python != version:
                    yield f"Python {version} is not to be had, so {python} stands in for it"
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
        return self._run([program, "-m", "venv", *(["--without-pip"] if _has_pip() else []), str(folder)])

    def _add(self, python: Path, listed: Path, options: Sequence[str]) -> str:
        """Install what a file lists; returns what went wrong, "" where nothing did."""
        where = ["--no-index", "--find-links", str(self.wheels)] if self.wheels is not None else []
        where += [] if "build" in options or "no-deps" in options else ["--no-build" if self.uv else "--only-binary=:all:"]
        where += ["--no-deps"] if "no-deps" in options else []
        if self.uv:
            return self._run([self.uv, "pip", "install", "--quiet", "--python", str(python), *where, "-r", str(listed)])
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
        ours = [sys.executable, "-m", "pip", "--python", str(python)] if _has_pip() else [str(python), "-m", "pip"]
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


def default_place() -> Path:
    """Where environments are kept: `$XDG_CACHE_HOME/ruleout/environments`, by default below `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ruleout" / "environments"


def found_uv() -> str | None:
    """Return uv's program: on PATH, or beside this interpreter; None where there is none."""
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def _has_pip() -> bool:
    return find_spec("pip") is not None


def _interpreter(version: str) -> str | None:
    if sys.version.startswith(f"{version}.") or sys.version.split()[0] == version:
        return sys.executable
    return shutil.which(f"python{version}")


def _python_in(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _retried(problem: str, options: Sequence[str]) -> bool:
    """Whether another way of installing may get past a problem."""
    text = problem.lower()
    if "build" in options:
        return "no usable wheels" in text or "building from source is disabled" in text or "no-build" in text
    return "unsatisfiable" in text or "resolutionimpossible" in text or "conflict" in text


INVENTORY = """
import json, sys, sysconfig
from importlib import metadata
site = sysconfig.get_paths()["purelib"]
found = {d.metadata["Name"]: d.version for d in metadata.distributions(path=[site])}
print(json.dumps({"version": sys.version.split()[0], "packages": found, "site": site}))
"""


def _inventory(python: Path) -> tuple[str, dict[str, str]]:
    """Ask an installed interpreter for its version and packages, and leave the witness in it."""
    try:
        done = subprocess.run([str(python), "-I", "-c", INVENTORY], capture_output=True, timeout=120, check=True)
        said = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise InstallError(f"the interpreter that was installed does not start ({type(error).__name__})") from error
    (Path(said["site"]) / "ruleout_witness.pth").write_text(WITNESS_LINE, encoding="utf-8")
    packages = {str(k).lower().replace("_", "-").replace(".", "-"): str(v) for k, v in said["packages"].items() if k}
    return str(said["version"]), packages


def _held(folder: Path, key: str) -> Installation | None:
    """The installation that a folder holds; None where it was never finished."""
    try:
        said = json.loads((folder / "installed.json").read_text("utf-8"))
        python = _python_in(folder)
        if not python.exists():
            return None
        return Installation(folder, key, python, said["version"], said["packages"], said["seconds"], True, tuple(said["notes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(found: Installation, wanted: Requirements) -> None:
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
def _locked(place: Path, key: str) -> Iterator[None]:
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


FRAME = " \u00d7\u2570\u2500\u25b6\u2502:"
"""What uv draws around its sentences."""


def _short(problem: str, limit: int = 400) -> str:
    """What an installer said in one line, without its colours and its way of laying out."""
    lines = [line.strip(FRAME) for line in problem.splitlines() if not line.lower().startswith("warning")]
    text = " ".join(line for line in lines if line and not line.lower().startswith("hint")).removeprefix("error: ")
    return (text if len(text) <= limit else text[: limit - 1] + "…").rstrip(".")
