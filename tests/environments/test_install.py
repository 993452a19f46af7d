"""Environments are built once, by uv or by pip, and what cannot be built says so."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ruleout.environments.install import Installer, found_uv
from ruleout.environments.requirements import Requirements
from ruleout.environments.stored import WITNESS
from ruleout.errors import InstallError
from tests.environments.made_wheels import wheel

UV = found_uv()


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, cache: Path, wheels: Path) -> Installer:
    if request.param == "uv" and UV is None:
        pytest.skip("uv is not installed")
    return Installer(wheels=wheels, uv=UV if request.param == "uv" else None)


def test_it_is_installed_once_and_found_again(installer: Installer) -> None:
    wanted = Requirements(("otherkit==1.0", "thirdkit"))
    first, second = installer.install(wanted), installer.install(wanted)
    assert not first.stored and second.stored
    assert (second.folder, second.packages["thirdkit"], second.packages["otherkit"]) == (first.folder, "0.2", "1.0")
    said = subprocess.run([first.python, "-c", "import otherkit; print(otherkit.VERSION)"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "1.0"


def test_its_interpreter_leaves_a_witness(installer: Installer, tmp_path: Path) -> None:
    found, seen = installer.install(Requirements(("otherkit==2.0",))), tmp_path / "seen"
    subprocess.run([found.python, "-c", ""], env={WITNESS: str(seen)}, check=True)
    assert seen.exists()


def test_a_version_that_does_not_exist_is_said(installer: Installer, cache: Path) -> None:
    with pytest.raises(InstallError, match=r"otherkit==9"):
        installer.install(Requirements(("otherkit==9",)))
    assert not [p for p in cache.iterdir() if p.is_dir()]


def test_packages_that_exclude_each_other_are_no_mix_but_once_existed(installer: Installer, wheels: Path) -> None:
    wheel(wheels, "fussykit", "1.0", {"fussykit.py": ""}, ["otherkit<2"])
    wanted = Requirements(("fussykit==1.0", "otherkit==2.0"))
    with pytest.raises(InstallError):
        installer.install(wanted)
    found = installer.install(wanted, exact=True)
    assert found.packages["otherkit"] == "2.0"
    assert found.notes and "contradict" in found.notes[0]


def test_what_was_never_finished_is_built_again(installer: Installer) -> None:
    wanted = Requirements(("otherkit==1.0",))
    found = installer.install(wanted)
    (found.folder / "installed.json").unlink()
    assert not installer.install(wanted).stored


def test_other_wheels_of_the_same_version_are_another_environment(installer: Installer, wheels: Path) -> None:
    wanted = Requirements(("otherkit==1.0",))
    before = installer.key(wanted)
    wheel(wheels, "otherkit", "1.0", {"otherkit.py": "VERSION = 'another'\n"})
    assert Installer(wheels=wheels, uv=installer.uv).key(wanted) != before


def test_an_interpreter_that_is_not_to_be_had_is_said(installer: Installer) -> None:
    with pytest.raises(InstallError, match=r"2\.3"):
        installer.install(Requirements((), python="2.3.1"))


def test_without_a_folder_the_users_own_settings_say_where_from(cache: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.delenv("UV_NO_INDEX")
    found = Installer().install(Requirements(("thirdkit==0.1",)))
    assert json.loads((found.folder / "installed.json").read_text())["packages"]["thirdkit"] == "0.1"
