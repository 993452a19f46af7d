"""The middle of ruleout in one call: state the problem, examine it, conclude."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ruleout.case import settle
from ruleout.case.case import Case
from ruleout.conclusion.conclude import conclude
from ruleout.conclusion.conclusion import Conclusion
from ruleout.environments import Installations, Installer
from ruleout.errors import InstallError
from ruleout.examination import Event, examine
from ruleout.problem import state_problem

__all__ = ["investigate"]


def investigate(
    case: Case,
    *,
    seed: int = 0,
    budget: float | None = None,
    build_environments: bool = False,
    wheels: str | Path | None = None,
    listen: Callable[[Event], None] | None = None,
) -> Conclusion:
    """Find out why a machine-learning system broke.

    Parameters
    ----------
    case
        What `read_case` returned, or a `Case` made from objects in memory.
    seed
        Seed of every random choice: the same case and seed give the same conclusion.
    budget
        Seconds that refits may take in all; None without limit.
    build_environments
        Where the sides record different environments, install both, run each side in its own, and tell which packages make the
        difference. Packages come from where the user's settings of uv or pip say; the case must be trusted.
    wheels
        A folder of wheels that alone is installed from, without any network; it implies `build_environments`.
    listen
        Called with every event of the walk; the report's narrator is one such listener.

    Raises
    ------
    RuleoutError
        The case cannot be investigated as it is; the sentence says what to mend.
    """
    started = time.monotonic()
    tell = listen or (lambda _: None)
    case = settle(case)
    for assumption in case.assumptions:
        tell(Event("assumption", assumption))
    installed: Installations | None = None
    if build_environments or wheels is not None:
        installed, said = _installed(case, None if wheels is None else Path(wheels), tell)
        for sentence in said:
            tell(Event("assumption", sentence))
        case = replace(case, assumptions=(*case.assumptions, *said))
    try:
        problem = state_problem(case, seed=seed, budget=budget, installations=installed)
        tell(Event("problem", problem))
        conclusion = replace(conclude(examine(problem, listen=listen)), seconds=time.monotonic() - started)
    finally:
        if installed is not None:
            installed.close()
    tell(Event("conclusion", conclusion))
    return conclusion


def _installed(case: Case, wheels: Path | None, tell: Callable[[Event], None]) -> tuple[Installations | None, tuple[str, ...]]:
    """Both sides' environments, installed, and what is to be known of them; None where that could not be done, with the reason."""
    if wheels is not None and not wheels.is_dir():
        raise InstallError(f"--wheels {wheels}: there is no such folder, expected one with the wheels of both environments.")
    told = Installations(case, installer=Installer(wheels=wheels), told=lambda what: tell(Event("progress", {"what": what})))
    try:
        return told, told.prepare()
    except InstallError as error:
        told.close()
        return None, (f"What the environments do could not be tested: {error}", "Both sides are run here, as if in one environment.")
