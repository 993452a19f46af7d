"""Installations: both sides' environments, and mixes of them, installed for one case, with what runs in each."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ruleout.case.case import Case, Side, SideName
from ruleout.case.environment import Environment
from ruleout.environments.install import Installer
from ruleout.environments.model import InstalledModel, Place, new_file
from ruleout.environments.process import Inhabitant
from ruleout.environments.requirements import differing, mixed, requirements_of
from ruleout.environments.stored import WITNESS, Installation
from ruleout.errors import CommandError, InstallError, ModelError, RuleoutError, TrustRequired
from ruleout.models.artifact import Artifact
from ruleout.models.command import run_predict, run_train
from ruleout.models.model import Prediction
from ruleout.tables.table import Table

__all__ = ["Installations"]

ALIVE = 3
"""Environments whose processes live at the same time; the longest unused one is ended."""

TRIED_ROWS = 20
SIDES: tuple[SideName, SideName] = ("reference", "current")
COMMAND_SECONDS = 600.0


class Installations:
    """Installs what a case recorded, and runs artifacts and commands in it.

    Parameters
    ----------
    case
        Trusted, with an environment on both sides.
    installer
        Builds the environments; by default with the user's settings.
    told
        Called with a sentence before anything that takes time.

    Raises
    ------
    TrustRequired
        The user has not said that the case may run code.
    """

    def __init__(self, case: Case, *, installer: Installer | None = None, told: Callable[[str], None] | None = None) -> None:
        if not case.trusted:
            raise TrustRequired("--build-environments runs the case's artifacts and commands in what it installs, which needs --trust.")
        self.case = case
        self.installer = installer or Installer()
        self.told = told or (lambda _: None)
        self.made: list[Installation] = []
        self._places: dict[str, Place] = {}
        self._refused: dict[str, InstallError] = {}
        self._alive: list[Inhabitant] = []

    # Both sides as they are --------------------------------------------------------------------------------------------

    def of(self, side: SideName) -> Environment:
        """The environment that a side records; raises `InstallError` where it records none."""
        held = (self.case.side(side) or Side()).environment
        if held is None:
            raise InstallError(f"{side}.environment: it is not known, so it cannot be installed; write it with `pip freeze`.")
        return held

    @property
    def differing(self) -> tuple[str, ...]:
        """The packages that the two sides record otherwise."""
        return differing(self.of("reference"), self.of("current"))

    def prepare(self) -> tuple[str, ...]:
        """Install both sides and try whether their artifacts answer there; returns what is to be known of it, a sentence each.

        Raises
        ------
        InstallError
            One of the two cannot be installed, or its artifact does not run in it: then nothing can be told by installing.
        """
        if not self.differing:
            raise InstallError("both sides record the same versions, so there is nothing to tell apart by installing them.")
        said = []
        for side in SIDES:
            place = self.place(self.of(side))
            self._try(side)
            found = place.installation
            how = "was installed before" if found.stored else f"was installed in {found.seconds:.1f} s"
            said.append(f"The {side} side runs in its own environment: Python {found.version}, {len(found.packages)} packages; it {how}.")
            left_out = requirements_of(self.of(side)).left_out
            notes = [*found.notes, *([f"{', '.join(left_out[:4])} lies in a folder and was left out"] if left_out else [])]
            said += [f"{side}.environment: {note}." for note in notes]
        return (*said, *self._unlisted())

    def _unlisted(self) -> tuple[str, ...]:
        """What came besides what is recorded, where it differs: it goes with whatever package brought it."""
        first, second = (self.place(self.of(side)).installation.packages for side in SIDES)
        listed = {*self.of("reference").packages, *self.of("current").packages}
        names = [n for n in sorted({**first, **second}) if n not in listed and first.get(n) != second.get(n)]
        if not names:
            return ()
        told = ", ".join(f"{n} ({first.get(n, 'absent')} and {second.get(n, 'absent')})" for n in names[:4])
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        return (f"Packages that nobody listed came in two versions: {told}{more}; they count as part of the package that needs them.",)

    def _try(self, side: SideName) -> None:
        held = self.case.side(side) or Side()
        table = held.validation or held.serving or held.train
        if held.model is None or table is None or (self.case.run.predict is None and not _named(held.model)):
            return
        try:
            self.model(held.model, self.of(side)).predict(table.sample(TRIED_ROWS, 0))
        except RuleoutError as error:
            raise InstallError(f"{side}.environment: it is installed, but the artifact does not answer in it: {error}") from error

    # What runs in an environment ---------------------------------------------------------------------------------------

    def place(self, environment: Environment) -> Place:
        """An environment, installed now or before.

        Raises
        ------
        InstallError
            It cannot be installed; asked again, it says so at once.
        """
        wanted = requirements_of(environment)
        key = self.installer.key(wanted)
        if key in self._refused:
            raise self._refused[key]
        if key not in self._places:
            recorded = next((side for side in SIDES if environment == self.of(side)), None)
            self.told(f"installing {f'the {recorded} environment' if recorded else 'a mix'} ({len(wanted.lines)} packages)")
            try:
                found = self.installer.install(wanted, exact=recorded is not None)
            except InstallError as error:
                where = f"{recorded}.environment" if recorded else "environment"
                self._refused[key] = InstallError(f"{where}: it cannot be installed: {error}.")
                raise self._refused[key] from error
            self.made.append(found)
            self._places[key] = Place(found, Inhabitant(found), self._search(), self._asked if self.case.run.predict else None)
        place = self._places[key]
        self._keep_alive(place.inhabitant)
        return place

    def mixed(self, upgraded: Sequence[str]) -> Environment:
        """The reference's environment with some packages as in the current one."""
        return mixed(self.of("reference"), self.of("current"), upgraded)

    def model(self, artifact: Artifact, environment: Environment, *, features: Sequence[str] | None = None) -> InstalledModel:
        """An artifact as an environment opens it; an estimator in memory is first written to a file."""
        path = artifact.path
        if path is None:
            import joblib

            path = new_file(".joblib")
            try:
                joblib.dump(artifact.estimator, path)
            except Exception as error:  # A stranger's class may refuse to be pickled in any way.
                raise ModelError(f"model: it cannot be taken into another environment: {type(error).__name__}: {error}.") from error
        return InstalledModel(self.place(environment), path, fingerprint=artifact.fingerprint, features=features, name=path.name)

    def train(self, environment: Environment, table: Table, config: dict[str, Any], seed: int | None, fingerprint: str) -> InstalledModel:
        """What `[run] train` makes of rows and configuration in an environment.

        Raises
        ------
        CommandError
            It fails, or does not run in the environment at all.
        """
        place = self.place(environment)
        command = str(self.case.run.train)
        seen = new_file(".seen")
        path = run_train(
            command,
            folder=self.case.folder or Path.cwd(),
            table=table,
            config=config,
            seed=seed,
            timeout=COMMAND_SECONDS,
            surroundings=_surroundings(place.installation, seen),
        )
        _ran(seen, f'case.toml [run] train = "{command}"')
        return InstalledModel(place, path, fingerprint=fingerprint, name="[run] train")

    def trained(self, environment: Environment, path: Path, fingerprint: str) -> InstalledModel:
        """What `train` made of the same in an earlier investigation."""
        return InstalledModel(self.place(environment), path, fingerprint=fingerprint, name="[run] train")

    def _asked(self, installation: Installation, path: Path, table: Table) -> Prediction:
        command, seen = str(self.case.run.predict), new_file(".seen")
        answer = run_predict(
            command,
            folder=self.case.folder or Path.cwd(),
            model=path,
            table=table,
            timeout=COMMAND_SECONDS,
            surroundings=_surroundings(installation, seen),
        )
        _ran(seen, f'case.toml [run] predict = "{command}"')
        return answer

    def _search(self) -> tuple[str, ...]:
        """Folders whose modules an artifact may need: its own, the one above, and the case's."""
        paths = [side.model.path for side in (self.case.reference, self.case.current) if side and side.model and side.model.path]
        folders = [folder for path in paths for folder in (path.resolve().parent, path.resolve().parent.parent)]
        return tuple(dict.fromkeys(str(f) for f in [*folders, *([self.case.folder.resolve()] if self.case.folder else [])]))

    # What it took ------------------------------------------------------------------------------------------------------

    @property
    def n_installed(self) -> int:
        """How many environments had to be installed."""
        return sum(1 for found in self.made if not found.stored)

    @property
    def seconds(self) -> float:
        """What installing took."""
        return sum(found.seconds for found in self.made if not found.stored)

    def close(self) -> None:
        """End every process; what is installed stays."""
        while self._alive:
            self._alive.pop().close()

    def _keep_alive(self, inhabitant: Inhabitant) -> None:
        if inhabitant in self._alive:
            self._alive.remove(inhabitant)
        self._alive.append(inhabitant)
        while len(self._alive) > ALIVE:
            self._alive.pop(0).close()


def _named(artifact: Artifact) -> bool:
    """Whether an artifact says which columns it takes: only then can it be tried before its columns have been found out."""
    try:
        return artifact.open().describe().features is not None
    except ModelError:
        return True


def _surroundings(installation: Installation, seen: Path) -> dict[str, str]:
    """What a command must find so that `python` is the environment's own."""
    path = os.pathsep.join([str(installation.python.parent), os.environ.get("PATH", "")])
    return {"PATH": path, "VIRTUAL_ENV": str(installation.folder), WITNESS: str(seen)}


def _ran(seen: Path, where: str) -> None:
    if not seen.exists():
        raise CommandError(
            f"{where}: it ran, but not with the Python of the environment that was installed for it; "
            "start it with `python` and no path, so that the first one on PATH is taken."
        )
