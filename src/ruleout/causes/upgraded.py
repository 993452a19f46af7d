"""Which upgrades do it, proved by running the same rows in mixes of both sides' installed environments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ruleout.case.case import Case
from ruleout.causes.page import Finding
from ruleout.environments.requirements import PYTHON, mixed
from ruleout.environments.upgrades import Upgrades

__all__ = ["Proof", "put_back", "put_forward", "upgraded"]

PROVED = 6.0
"""Log likelihood ratio of a package that was put back, and forward, by itself."""

HOW = {
    "additive": "each takes its part",
    "redundant": "either alone does the whole harm",
    "conjoint": "they do harm only together",
}


@dataclass(frozen=True)
class Proof:
    """What a search over mixes of two environments ended with.

    Parameters
    ----------
    upgrades
        The search.
    how
        "asked": the artifact as it is was asked in each mix; "trained": it was trained again in each.
    metric
        What was measured.
    sign
        -1 where less of the metric is better.
    """

    upgrades: Upgrades
    how: Literal["asked", "trained"]
    metric: str
    sign: float

    def value(self, upgraded: tuple[str, ...]) -> float | None:
        """The metric with some packages upgraded, where that mix was measured."""
        found = self.upgrades.measured.get(tuple(p for p in self.upgrades.packages if p in upgraded))
        return None if found is None else self.sign * found


def upgraded(case: Case, proof: Proof) -> Iterator[Finding]:
    """A finding for each package that has a part in the harm; where they could not be told apart, for each that may have one."""
    reference = case.reference.environment if case.reference is not None else None
    current = case.current.environment
    if reference is None or current is None:
        return
    told = proof.upgrades
    for package in told.harms:
        old, new = (_version(e.packages, e.settings, package) for e in (reference, current))
        figures = {
            "reference": old,
            "current": new,
            "how": proof.how,
            "structure": told.structure,
            "packages_differing": len(told.packages),
            "mixes": [{"upgraded": list(mix), proof.metric: proof.sign * value} for mix, value in told.measured.items()],
            "untested": [{"upgraded": list(mix), "reason": reason} for mix, reason in told.untested.items()],
        }
        statement = f"environment.{package}: {new or 'absent'}, in the reference {old or 'absent'}; {_said(proof, package)}"
        repair = {"package": package, "version": old, "installed": proof.how}
        yield Finding(f"environment.{package}", "environment", PROVED, statement, figures, repair, specificity=1.0)


def _said(proof: Proof, package: str) -> str:
    told = proof.upgrades
    every = told.packages
    numbers: list[str] = []
    lacking: list[str] = []
    for words, mix in (
        ("with every package as in the reference", ()),
        ("with every package as here", every),
        (f"with {package} alone put back", tuple(p for p in every if p != package)),
        (f"with {package} alone put forward", (package,)),
    ):
        value = proof.value(mix)
        if mix in told.untested:
            lacking.append(words)
        if value is not None and (words.startswith("with every") or len(every) > 1):
            numbers.append(f"{value:.4g} {words}")
    doing = "asked for the same rows" if proof.how == "asked" else "trained again on the same rows"
    other = [p for p in told.harms if p != package]
    if other and told.told_apart:
        together = f"; with {', '.join(other)}, {HOW.get(told.structure, 'together')}"
    elif other:
        together = f"; it could not be told apart from {', '.join(other)}"
    else:
        together = "" if told.told_apart else "; whether it does it alone could not be tested"
    left = f", {len(told.untested)} more could not be tested" if told.untested else ""
    left += f" ({' and '.join(lacking)} among them)" if lacking else ""
    differ = "one package that differs" if len(every) == 1 else f"{len(every)} packages that differ"
    n = f"n = {len(told.measured)} environments over {differ}{left}"
    return f"{doing}, {proof.metric} is {', '.join(numbers)}{together}; {n}."


def put_back(case: Case, finding: Finding) -> Case | None:
    """The current side with one package as the reference has it, and trained again where that is how it was found."""
    reference = case.reference
    if reference is None or reference.environment is None or case.current.environment is None:
        return None
    # Seen from the current side the reference's versions are the upgrades.
    environment = mixed(case.current.environment, reference.environment, [finding.repair["package"]])
    model = None if finding.repair["installed"] == "trained" else case.current.model
    return case.with_side("current", replace(case.current, environment=environment, model=model))


def put_forward(case: Case, finding: Finding) -> Case | None:
    """The reference side with one package as the current side has it."""
    reference = case.reference
    if reference is None or reference.environment is None or case.current.environment is None:
        return None
    environment = mixed(reference.environment, case.current.environment, [finding.repair["package"]])
    model = None if finding.repair["installed"] == "trained" else reference.model
    return case.with_side("reference", replace(reference, environment=environment, model=model))


def _version(packages: object, settings: object, package: str) -> str:
    held = settings if package == PYTHON else packages
    return str(held.get(package, "")) if hasattr(held, "get") else ""
