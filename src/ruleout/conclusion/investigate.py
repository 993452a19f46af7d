"""The middle of ruleout in one call: state the problem, examine it, conclude."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from ruleout.case import settle
from ruleout.case.case import Case
from ruleout.conclusion.conclude import conclude
from ruleout.conclusion.conclusion import Conclusion
from ruleout.examination import Event, examine
from ruleout.problem import state_problem

__all__ = ["investigate"]


def investigate(case: Case, *, seed: int = 0, budget: float | None = None, listen: Callable[[Event], None] | None = None) -> Conclusion:
    """Find out why a machine-learning system broke.

    Parameters
    ----------
    case
        What `read_case` returned, or a `Case` made from objects in memory.
    seed
        Seed of every random choice: the same case and seed give the same conclusion.
    budget
        Seconds that refits may take in all; None without limit.
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
    problem = state_problem(case, seed=seed, budget=budget)
    tell(Event("problem", problem))
    conclusion = replace(conclude(examine(problem, listen=listen)), seconds=time.monotonic() - started)
    tell(Event("conclusion", conclusion))
    return conclusion
