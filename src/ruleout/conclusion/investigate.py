"""The middle of ruleout in one call: state the problem, examine it, conclude."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ruleout.case import settle
from ruleout.case.budget import Budget, budget_of
from ruleout.case.case import Case
from ruleout.conclusion.conclude import conclude
from ruleout.conclusion.conclusion import Conclusion
from ruleout.environments import Installations, Installer
from ruleout.errors import InstallError
from ruleout.examination import Event, examine
from ruleout.problem import state_problem
from ruleout.runs import open_workers
from ruleout.store import Store, default_place

__all__ = ["investigate"]


def investigate(
    case: Case,
    *,
    seed: int = 0,
    budget: Budget | str | float | None = None,
    cache: bool | str | Path = True,
    build_environments: bool = False,
    wheels: str | Path | None = None,
    workers: int | str | None = None,
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
        What trainings and runs may take: seconds, `"10m"`, `"12 runs"`, `"10m, 12 runs"`; None without limit.
    cache
        Keep what is trained, answered and measured from one investigation to the next, so that one that was killed goes on where it was:
        True in the user's own store, or the folder to keep it in; False measures everything anew and keeps nothing.
    build_environments
        Where the sides record different environments, install both, run each side in its own, and tell which packages make the
        difference. Packages come from where the user's settings of uv or pip say; the case must be trusted.
    wheels
        A folder of wheels that alone is installed from, without any network; it implies `build_environments`.
    workers
        How many runs that need not wait for each other are made at once on this machine, or the address of a Dask scheduler whose
        workers make them (`"tcp://host:8786"`); None is as many as there are processors. The conclusion is the same.
    listen
        Called with every event of the walk; the report's narrator is one such listener.

    Raises
    ------
    RuleoutError
        The case cannot be investigated as it is; the sentence says what to mend.
    """
    started = time.monotonic()
    tell = listen or (lambda _: None)
    allowed, makers = budget_of(budget), open_workers(workers)
    case = settle(case)
    for assumption in case.assumptions:
        tell(Event("assumption", assumption))
    installed: Installations | None = None
    if build_environments or wheels is not None:
        installed, said = _installed(case, None if wheels is None else Path(wheels), tell)
        for sentence in said:
            tell(Event("assumption", sentence))
        case = replace(case, assumptions=(*case.assumptions, *said))
    store = Store((default_place() if cache is True else Path(cache)) if cache else None)
    measuring = "Measure both sides again, and how much trainings scatter."
    tell(Event("intent", {"cause": "", "intent": "How bad is it, and is it real?", "action": measuring}))
    try:
        problem = state_problem(
            case,
            seed=seed,
            budget=allowed,
            installations=installed,
            store=store,
            tell=lambda plan: tell(Event("plan", plan)),
            workers=makers,
        )
        tell(Event("problem", problem))
        conclusion = replace(conclude(examine(problem, listen=listen)), seconds=time.monotonic() - started)
    finally:
        store.close()
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
