"""Two changes at once: two faults that add up, overlap or need each other, or a fault that a gain hides."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ruleout.faults.fault import Broken, Fault, Inapplicable, Plan, Severity, Truth
from ruleout.faults.healthy.improved_model import ImprovedModel
from ruleout.faults.system import Fitted, System

__all__ = ["inject_masked", "inject_pair"]

PROVABLE = 2.0
"""Standard errors of a difference that each fault of a pair must take at least."""


def inject_pair(
    system: System, first: Fault, second: Fault, rng: np.random.Generator, severity: Severity = "medium", *, tries: int = 8
) -> Broken:
    """Break the system in two ways and measure the full factorial: none, each alone, both.

    The truth's shares are Shapley values (Shapley, 1953) of the four metrics. A pair is validated where both together are worse than
    noise and each takes at least a tenth of the change and two standard errors, since less could not be proved on these rows by anyone;
    its structure is read off the four numbers.
    """
    return _best(
        lambda: _pair(system, _plan(first, system, rng, severity), _plan(second, system, rng, severity), severity), tries, first, second
    )


def inject_masked(system: System, fault: Fault, rng: np.random.Generator, severity: Severity = "medium", *, tries: int = 8) -> Broken:
    """Break the system while a better setting hides part of the harm: the truth names the harm, `gains` the places that hide it."""
    gain = ImprovedModel()
    return _best(
        lambda: _masked(system, _plan(fault, system, rng, severity), _plan(gain, system, rng, severity), severity), tries, fault, gain
    )


def _best(make: Any, tries: int, *faults: Fault) -> Broken:
    best: Broken | None = None
    reason = ""
    for _ in range(tries):
        try:
            broken: Broken = make()
        except Inapplicable as error:
            reason = str(error)
            continue
        if broken.validated:
            return broken
        best = best or broken
    if best is None:
        raise Inapplicable(f"{' and '.join(f.id() for f in faults)}: {reason}")
    return best


def _plan(fault: Fault, system: System, rng: np.random.Generator, severity: Severity) -> tuple[Fault, Plan]:
    for k in rng.permutation(len(fault.variants)):
        try:
            return fault, fault.plan(system, rng, severity, fault.variants[k])
        except Inapplicable as error:
            reason = str(error)
    raise Inapplicable(f"{fault.id()} on {system.name}: {reason}")


def _run(system: System, *plans: Plan) -> tuple[System, Fitted, Fitted, float]:
    for plan in plans:
        system = plan.apply(system)
    reference, current = system.fit("reference"), system.fit("current")
    return system, reference, current, current.reported.get(system.metric, current.metric)


def _ready(system: System, *plans: Plan) -> System:
    for plan in plans:
        if plan.side == "reference":
            raise Inapplicable("a fault of the reference makes no pair")
        system = plan.setup(system)
    return system


def _clash(system: System, first: Plan, second: Plan) -> bool:
    """Whether the second would undo the first: both tamper with the artifact or both rewrite the report."""
    a, b = first.apply(system).current, second.apply(system).current
    return bool((a.tamper and b.tamper) or (a.report and b.report))


def _pair(system: System, one: tuple[Fault, Plan], other: tuple[Fault, Plan], severity: Severity) -> Broken:
    (first, a), (second, b) = one, other
    if {p.split(".")[-1] for p in a.places} & {p.split(".")[-1] for p in b.places}:
        raise Inapplicable("both are at the same place")
    ready = _ready(system, a, b)
    if _clash(ready, a, b):
        raise Inapplicable("the second would undo the first")
    _, healthy, _, none = _run(ready)
    only_a, only_b = _run(ready, a)[3], _run(ready, b)[3]
    after, reference, current, both = _run(ready, a, b)
    total = none - both
    harm_a, harm_b = none - only_a, none - only_b
    shares = np.array([(harm_a + total - harm_b) / 2, (harm_b + total - harm_a) / 2]) / total if total else np.zeros(2)
    error = float(np.hypot(healthy.standard_error, reference.standard_error))
    needed = max(2 * error, 0.005)
    worth = float(reference.reported.get(system.metric, reference.metric))
    order = [0, 1] if shares[0] >= shares[1] else [1, 0]
    measured = {"reference": worth, "current": both, "repaired": none, "standard_error": error, "first": only_a, "second": only_b}
    truth = Truth(
        causes=tuple((first.id(), second.id())[k] for k in order),
        places=tuple((a.places, b.places)[k] for k in order),
        parameters={"first": {"fault": first.id(), **a.parameters}, "second": {"fault": second.id(), **b.parameters}, "severity": severity},
        measured=measured,
        accept=tuple(c for c in (*a.accept, *b.accept) if c not in (first.id(), second.id())),
        shares=tuple(float(shares[k]) for k in order),
        structure=_structure(harm_a, harm_b, total, needed),
    )
    validated = bool(total >= needed and worth - both >= needed and shares.min() >= max(0.1, PROVABLE * error / total))
    return Broken(after, reference, current, truth, validated, _why(system, measured), severity)


def _structure(harm_a: float, harm_b: float, total: float, noise: float) -> Any:
    """Redundant: either alone does the harm. Conjoint: only together. Additive: each takes its part."""
    if total < noise:
        return "none"
    if min(harm_a, harm_b) >= 0.75 * total:
        return "redundant"
    if max(harm_a, harm_b) <= max(0.25 * total, noise / 2):
        return "conjoint"
    return "additive"


def _masked(system: System, one: tuple[Fault, Plan], other: tuple[Fault, Plan], severity: Severity) -> Broken:
    (fault, harm), (_, gain) = one, other
    if {p.split(".")[-1] for p in harm.places} & {p.split(".")[-1] for p in gain.places}:
        raise Inapplicable("both are at the same place")
    ready = _ready(system, gain, harm)
    none, better, worse = _run(ready)[3], _run(ready, gain)[3], _run(ready, harm)[3]
    after, reference, current, both = _run(ready, gain, harm)
    error = float(np.hypot(reference.standard_error, current.standard_error))
    needed = max(2 * error, 0.005)
    worth = float(reference.reported.get(system.metric, reference.metric))
    measured = {
        "reference": worth,
        "current": both,
        "repaired": better,
        "standard_error": error,
        "first": worse,
        "second": better,
        "none": none,
    }
    truth = Truth(
        causes=(fault.id(),),
        places=(harm.places,),
        parameters={"first": {"fault": fault.id(), **harm.parameters}, "second": {"gain": dict(gain.parameters)}, "severity": severity},
        measured=measured,
        accept=harm.accept,
        structure="masked",
        gains=gain.places,
    )
    steps = list(pairwise((worse, both, better)))
    validated = bool(worth - both >= needed and better - both >= needed and all(low < high for low, high in steps))
    return Broken(after, reference, current, truth, validated, _why(system, measured), severity)


def _why(system: System, measured: dict[str, float]) -> str:
    return f"{system.metric}: " + ", ".join(f"{name} {number:.4f}" for name, number in measured.items())
