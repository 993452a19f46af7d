"""Conclude on a black box: which factors, how they act together, and how many runs that took."""

from __future__ import annotations

from ruleout.case.missing import missing_evidence
from ruleout.causes import page
from ruleout.conclusion.conclusion import CauseFound, Conclusion, Next
from ruleout.examination.black_box import FACTOR
from ruleout.examination.examination import Examination
from ruleout.factors.words import HOW, meaning, tally
from ruleout.guards.guard import Guard
from ruleout.problem.black_box import box_of

__all__ = ["conclude_factors"]


def conclude_factors(examination: Examination, guards: tuple[Guard, ...]) -> Conclusion:
    """Put the examination of a black box into a conclusion.

    Parameters
    ----------
    examination
        As `examine_factors` gives it.
    guards
        Those that were proved.
    """
    problem, box = examination.problem, box_of(examination.problem)
    if box is None:
        left = Next(FACTOR, "Run the case's command with mixes of both sides' values until one explanation is sure.", "--trust")
        extra = {"structure": "none", "gains": [], "runs": 0}
        return Conclusion(
            examination, "inconclusive", (), (), (left,), problem.statement, problem.case.assumptions, _missing(examination), extra=extra
        )
    answer, probability = box.search.answers[0]
    causes = tuple(
        CauseFound(
            cause=FACTOR,
            where=(c.findings[0].place,),
            share=c.share,
            interval=c.interval,
            probability=c.probability,
            summary=c.findings[0].statement,
            fix=page(FACTOR).fix(c.findings[0]),
            prevention=page(FACTOR).prevention(c.findings[0]),
        )
        for c in examination.confirmed
    )
    sound = not causes and box.search.conclusive
    verdict = "cause-found" if causes else "no-problem" if sound else "inconclusive"
    left_over: tuple[Next, ...] = ()
    said = f"{meaning(box, answer)} ({100 * probability:.0f} % probable)"
    if causes:
        summary = f"{problem.statement} The cause is {FACTOR} at {', '.join(c.where[0] for c in causes)}: {said}. {HOW[answer.structure]}"
    elif sound:
        summary = f"Nothing is wrong that these factors could show: {said}. {problem.statement}"
    else:
        leading = [(a, p) for a, p in box.search.answers if a.harms][:2]
        named = " or ".join(f"{meaning(box, a)} ({100 * p:.0f} %)" for a, p in leading) or said
        summary = (
            f"{problem.statement} The runs do not decide. The best remaining explanations: {named}. {examination.stopped.capitalize()}."
        )
        quieter = f"less noise than {box.search.noise[0]:.2g} a run (a larger validation set, fixed seeds)"
        needs = f"more runs than {len(box.search.runs)}, or {quieter}"
        left_over = tuple(
            Next(FACTOR, f"Run more mixes in which {meaning(box, a)} foretells another metric than the others.", needs) for a, _ in leading
        )
    spent = sum(made.seconds for made in box.bench.made if not made.stored)
    n_kept = box.bench.n_stored
    cost = problem.laboratory.cost() | {"runs": len(box.bench.made) - n_kept, "runs_kept": n_kept, "run_seconds": round(spent, 3)}
    return Conclusion(
        examination=examination,
        verdict=verdict,  # type: ignore[arg-type]  # one of the three literals by construction
        causes=causes,
        ruled_out=(FACTOR,) if sound else (),
        next=left_over,
        summary=f"{summary} {tally(box)}",
        assumptions=problem.case.assumptions,
        missing=_missing(examination),
        guards=guards,
        cost=cost,
        extra={
            "structure": examination.structure,
            "gains": list(box.places(answer.gains)) if causes else [],
            "runs": box.bench.n_attempts,
            "runs_kept": box.bench.n_stored,
            "runs_flaky": box.bench.n_flaky,
        },
    )


def _missing(examination: Examination) -> tuple[dict[str, str], ...]:
    """Of a black box nothing is missing but trust: tables and artifacts would be another case."""
    return tuple(wish for wish in missing_evidence(examination.problem.case) if wish["evidence"] == "trust")
