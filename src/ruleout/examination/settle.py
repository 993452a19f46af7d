"""Settle what was found: each cause's share of the change, how the causes act together, and which places are needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from ruleout.causes.page import Finding
from ruleout.errors import RuleoutError
from ruleout.examination.agenda import Agenda
from ruleout.examination.counterfactual import Candidate, Counterfactuals
from ruleout.examination.examination import Confirmed
from ruleout.examination.gain import Gap
from ruleout.examination.shares import shapley

__all__ = ["Structure", "settle"]

Structure = Literal["single", "additive", "redundant", "conjoint", "masked", "none"]

NEEDED = 0.15
"""Of several places put right together, one stays if it alone gains this part of what the best one gains."""

MOST_PLACES = 6

MISSED = 2.5
"""Standard errors by which a repair that makes things worse by itself is taken to have missed."""

LEAST_SHARE = 0.02
"""A cause of less than this share is none."""


def settle(
    measured: Counterfactuals, agenda: Agenda, chosen: Sequence[Candidate], rivals: Sequence[Candidate]
) -> tuple[tuple[Confirmed, ...], Structure, float]:
    """Share the change among the chosen causes.

    Parameters
    ----------
    measured
        Where counterfactuals are measured.
    agenda
        The beliefs; what is explained lessens the others.
    chosen
        The causes, each with the findings that were put right.
    rivals
        Other candidates whose repair gained beyond noise: they cost the chosen ones certainty.

    Returns
    -------
    The confirmed causes, the largest share first; how they act together; what is left of the change.
    """
    everything = range(len(chosen))
    sets = [frozenset(k for k in everything if mask >> k & 1) for mask in range(1, 2 ** len(chosen))]
    repaired = {members: measured.all_right([chosen[k] for k in sorted(members)]) for members in sets}
    measured.laboratory.foresee_outcomes(repaired.values())
    values = {members: measured.gap(case) for members, case in repaired.items()}
    whole = measured.all_right(chosen)
    makers = frozenset(k for k in everything if measured.retrains(chosen[k]))
    if makers and len(chosen) > 1:
        base = measured.gap(measured.problem.case)
        values = {
            members: gap if members & makers else measured.as_made(gap, measured.all_right([chosen[k] for k in sorted(members)]))
            for members, gap in values.items()
        }
    else:
        base = measured.baseline(measured.problem.case, whole)
    values[frozenset()] = base
    for members in sets:
        # What makes things worse beside the other faults, and helps once they are gone, was worked out from broken rows.
        if len(members) < len(chosen) and base.closed_by(values[members]).z() < -MISSED:
            case = measured.apart(chosen, sorted(members))
            if case is not None and base.closed_by(found := measured.gap(case)).value > base.closed_by(values[members]).value:
                values[members] = found
    rest = measured.remainder(whole)
    explained = rest.low <= 0
    shares = shapley(len(chosen), values, measured.harm(base), explained=explained)
    kept = [candidate for candidate, share in zip(chosen, shares, strict=True) if share.value >= LEAST_SHARE]
    if 0 < len(kept) < len(chosen):
        # What gained on top of the others only, and over all orders of repair next to nothing, is no cause of its own.
        return settle(measured, agenda, kept, rivals)
    confirmed = []
    for number, candidate in enumerate(chosen):
        candidate.entry.confirmed, candidate.entry.excluded = True, ""
        weight = 1.0 / (1.0 + sum(math.exp(min(c.score - candidate.score, 0.0)) for c in rivals))
        share = shares[number]
        gap = values[frozenset({number})]
        mended = candidate.put_right(measured.problem.case)
        elsewhere = mended is not None and mended.reference is not measured.problem.case.reference and gap.reference is not None
        beside = gap.reference.value if elsewhere and gap.reference is not None else None
        places = _needed_places(measured, candidate)
        interval = (share.low, share.high)
        confirmed.append(
            Confirmed(
                candidate.entry.cause,
                places,
                share.value,
                interval,
                round(0.6 + 0.39 * weight, 3),
                restored=gap.current.value,
                beside=beside,
            )
        )
    if explained:
        agenda.explain_away()
    confirmed.sort(key=lambda c: -(c.share or 0.0))
    structure = _structure([values[frozenset({k})] for k in everything], base, values[frozenset(everything)], any(c.wrong for c in chosen))
    return tuple(confirmed), structure, 0.0 if explained else rest.value


def _structure(alone: list[Gap], base: Gap, final: Gap, wrong: bool) -> Structure:
    """How several causes act together, from what each repair gains alone and what all gain; or each does `wrong` to the healthy side."""
    if len(alone) < 2:
        return "single"
    total = base.closed_by(final).value
    gains = [base.closed_by(gap).value / total if total > 0 else 0.0 for gap in alone]
    if all(g >= 0.8 for g in gains):
        return "redundant" if wrong else "conjoint"
    return "redundant" if all(g <= 0.2 for g in gains) else "additive"


def _needed_places(measured: Counterfactuals, candidate: Candidate) -> tuple[Finding, ...]:
    """Of several places that were put right together, those whose repair alone gains something, the most first."""
    if len(candidate.findings) == 1:
        return candidate.findings
    case, gains = measured.problem.case, []
    for number, finding in enumerate(candidate.findings[:MOST_PLACES]):
        try:
            repaired = candidate.only([finding]).put_right(case)
            if repaired is not None:
                gains.append((measured.gained(case, repaired).value, number))
        except RuleoutError:
            continue
    top = max((g for g, _ in gains), default=0.0)
    kept = [candidate.findings[n] for g, n in sorted(gains, key=lambda pair: -pair[0]) if g >= NEEDED * top and g > 0]
    return tuple(kept) or candidate.findings
