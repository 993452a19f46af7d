"""What somebody else types to see the same: the investigation again, the tables side by side, the handbook's pages."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import get_args

from ruleout.case.case import Case, TableName
from ruleout.conclusion.conclusion import Conclusion

__all__ = ["Command", "commands"]

Command = tuple[str, str]
"""What it does, and the line itself."""


def commands(conclusion: Conclusion) -> list[Command]:
    """The lines, the investigation itself first."""
    case = conclusion.examination.problem.case
    found: list[Command] = [("The investigation again", conclusion.command or _investigation(conclusion))]
    if conclusion.guards and not conclusion.guard_files and conclusion.command.startswith("ruleout investigate "):
        found.append(("Write the guards", f"{conclusion.command} --guards guards/"))
    found += [("Two tables side by side", line) for line in _comparisons(case)]
    found += [
        (f"The handbook's page about {cause}", shlex.join(["ruleout", "explain", cause]))
        for cause in dict.fromkeys(c.cause for c in conclusion.causes)
    ]
    return found


def _investigation(conclusion: Conclusion) -> str:
    problem = conclusion.examination.problem
    case, seed = problem.case, problem.laboratory.seed
    if case.folder is None or not (case.folder / "case.toml").is_file():
        return f"ruleout.investigate(case, seed={seed})  # Python: the case was made from objects in memory"
    line = ["ruleout", "investigate", str(case.folder)] + ["--trust"] * case.trusted
    return shlex.join([*line, "--seed", str(seed)] if seed else line)


def _comparisons(case: Case) -> list[str]:
    """A comparison for each table that both sides have as a file."""
    found = []
    for name in get_args(TableName):
        tables = [side.table(name) for side in (case.reference, case.current) if side is not None]
        origins = [table.origin for table in tables if table is not None]
        if len(origins) == 2 and all(Path(origin).suffix and Path(origin).is_file() for origin in origins):
            found.append(shlex.join(["ruleout", "compare", *origins]))
    return found
