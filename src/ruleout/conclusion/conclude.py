"""Conclude: what it was, how much of the change it explains, what was ruled out, what to do next."""

from __future__ import annotations

from ruleout.case.missing import missing_evidence
from ruleout.causes import page
from ruleout.conclusion.black_box import conclude_factors
from ruleout.conclusion.conclusion import CauseFound, Conclusion, Next
from ruleout.errors import RuleoutError
from ruleout.examination.examination import Confirmed, Examination, Hypothesis
from ruleout.examination.examine import place_of
from ruleout.guards import Guard, check
from ruleout.problem.healthy_side import healthy_side
from ruleout.problem.problem import Problem
from ruleout.problem.state import ALIKE

__all__ = ["conclude"]

MOST_NEXT = 2
"""Where the cause is not found: the best two remaining hypotheses and the test that decides (method.md, step 5)."""


DOUBTED = 0.3
"""A hypothesis that saw something and is as probable as this keeps a lone table, or an output of one side, from being called sound."""

LEADING = 0.4
"""The same for a score, a curve or a log without labels that is judged by itself."""

FEWEST_ROWS = 50
"""Of fewer rows nothing is said to be sound."""


def conclude(examination: Examination) -> Conclusion:
    """Put an examination into a conclusion that others can check.

    Returns
    -------
    `cause-found` where something was confirmed (or observed, where nothing could be re-run), `no-problem` where the change is
    within noise, `inconclusive` otherwise, with the best remaining hypotheses and the test that would decide between them.
    """
    problem = examination.problem
    if problem.situation == "factors":
        return conclude_factors(examination, _guards(examination))
    causes = tuple(_cause(examination, c) for c in examination.confirmed)
    verdict = "cause-found" if causes else ("no-problem" if _sound(examination) else "inconclusive")
    settled = verdict == "cause-found" and not examination.unexplained and not any(c.observed for c in examination.confirmed)
    left = () if verdict == "no-problem" or settled else _next(examination)
    return Conclusion(
        examination=examination,
        verdict=verdict,  # type: ignore[arg-type]  # one of the three literals by construction
        causes=causes,
        ruled_out=tuple(h.cause for h in examination.hypotheses if h.status == "ruled-out"),
        next=left,
        summary=_summary(examination, causes, verdict, left) + (f" {examination.note}" if examination.note else "") + _flaky(examination),
        assumptions=(*problem.case.assumptions, *problem.laboratory.opener.assumed),
        missing=missing_evidence(problem.case),
        guards=_guards(examination),
        cost=problem.laboratory.cost(),
    )


def _sound(examination: Examination) -> bool:
    """Whether nothing is wrong: the change is within noise, or nothing was seen in a score or a curve that stands alone."""
    problem = examination.problem
    if problem.kind == "none":
        return problem.change is not None or "answers_alike" in problem.figures
    if problem.situation in ("alone", "silent") and problem.case.reference is None and not problem.significant:
        return bool(_looked(examination)) and not any(h.findings and h.probability >= DOUBTED for h in examination.hypotheses)
    alone = problem.kind == "too-good" or (problem.kind == "training" and not problem.significant)
    # A log alone or without labels is sound as far as can be seen: its answers follow, and no page saw anything in them.
    alone = alone or max(problem.figures.get(name, 0.0) for name in ("answers_follow", "answers_replayed")) >= ALIKE
    return alone and not any(h.status == "open" and h.findings and h.probability >= LEADING for h in examination.hypotheses)


def _looked(examination: Examination) -> list[Hypothesis]:
    """The hypotheses that were looked for in a table by itself and not seen, those first that it would have shown most surely."""
    current = examination.problem.case.current
    if not any(t is not None and t.n_rows >= FEWEST_ROWS for t in (current.train, current.validation, current.serving)):
        return []
    silent = [h for h in examination.hypotheses if h.cause.startswith("data.") and not h.findings and h.power > 0]
    return sorted((h for h in silent if h.status != "untestable"), key=lambda h: (-h.power, h.cause))


def _told(examination: Examination) -> str:
    """What was looked for where nothing could be held against anything, with the power of each look."""
    looked = _looked(examination) if examination.problem.kind == "invalid-output" else []
    named = ", ".join(f"{h.cause} ({h.power:.1f})" for h in looked)
    return f" Looked for and not seen, with the probability that it would have shown: {named}." if looked else ""


def _cause(examination: Examination, confirmed: Confirmed) -> CauseFound:
    entry, finding = page(confirmed.cause), confirmed.findings[0]
    return CauseFound(
        cause=confirmed.cause,
        where=place_of(confirmed.findings),
        share=confirmed.share,
        interval=confirmed.interval,
        probability=confirmed.probability,
        summary=_proof(examination, confirmed),
        fix=entry.fix(finding),
        prevention=entry.prevention(finding),
        observed=confirmed.observed,
        rows=confirmed.rows,
    )


def _proof(examination: Examination, confirmed: Confirmed) -> str:
    """One cause in a sentence or two: what was seen, and what putting it right did."""
    problem, finding = examination.problem, confirmed.findings[0]
    if confirmed.observed and confirmed.restored is not None:
        tried = f"Putting it right brings {problem.metric} to {confirmed.restored:.4g}, which these rows do not put beyond noise"
        return f"{finding.statement} {tried}: this rests on observation."
    if confirmed.observed:
        return f"{finding.statement} This rests on observation alone: nothing could be re-run to prove it."
    if confirmed.restored is None or confirmed.share is None or confirmed.interval is None:
        return finding.statement
    if problem.kind == "too-good":
        return f"{finding.statement} Without it {problem.metric} is {confirmed.restored:.4g}: that is the honest score."
    if finding.side == "reference":
        honest = "" if confirmed.beside is None else f" its {problem.metric} is {confirmed.beside:.4g}:"
        return f"{finding.statement} With the reference put right alone{honest} {_part(confirmed.share, confirmed.interval)} is gone."
    if confirmed.beside is not None:
        alike = f"With the same done to the reference its {problem.metric} is {confirmed.beside:.4g}"
        return f"{finding.statement} {alike}: {_part(confirmed.share, confirmed.interval)}."
    back = f"With this alone put right {problem.metric} is {confirmed.restored:.4g}"
    return f"{finding.statement} {back}: {_part(confirmed.share, confirmed.interval)}."


def _part(share: float, interval: tuple[float, float]) -> str:
    return f"{100 * share:.0f} % of the change (95 % interval {100 * interval[0]:.0f} to {100 * interval[1]:.0f} %)"


def _next(examination: Examination) -> tuple[Next, ...]:
    """The likeliest hypotheses that are still open or could not be tested, with what would decide them."""
    told = {c.cause for c in examination.confirmed}
    waiting = [h for h in examination.hypotheses if h.cause not in told]
    waiting = [h for h in waiting if h.status == "open" or (h.status == "untestable" and h.probability >= 0.02)]
    waiting.sort(key=lambda h: (h.status != "open" or not h.findings, -h.probability, h.cause))
    return tuple(_test(examination, h) for h in waiting[:MOST_NEXT])


def _test(examination: Examination, hypothesis: Hypothesis) -> Next:
    entry = page(hypothesis.cause)
    lacking = entry.missing(examination.problem.case)
    how = entry.sections().get("How it is tested", entry.claim()).split("\n\n")[0].replace("\n", " ")
    reasons = examination.problem.laboratory.reasons
    needs = (
        ", ".join(lacking)
        if lacking
        else reasons.get("intervention") or reasons.get("swap") or "more rows, or a way to train again ([run] train and --trust)"
    )
    return Next(hypothesis.cause, how, needs)


def _summary(examination: Examination, causes: tuple[CauseFound, ...], verdict: str, left: tuple[Next, ...]) -> str:
    """The conclusion in two or three plain sentences."""
    problem = examination.problem
    stopped = f" The walk stopped early: {examination.stopped}" if examination.stopped else ""
    if verdict == "no-problem":
        return f"Nothing is wrong that this evidence could show. {problem.statement}{_told(examination)}"
    if verdict == "inconclusive":
        named = " or ".join(n.cause for n in left) or "nothing in the handbook"
        return f"{problem.statement} No cause could be proved. The best remaining hypotheses: {named}.{stopped}"
    named = "; and ".join(f"{c.cause} at {', '.join(c.where)}{_portion(c, len(causes))}" for c in causes)
    stood_in = examination.problem.laboratory.stood_in and any(w.startswith("train.") for c in causes for w in c.where)
    by = ", ruleout's own boosted trees standing in for the model that is trained" if stood_in else ""
    proved = "observed, not proved" if causes[0].observed else f"proved by {_means(examination)} and measuring again{by}"
    ending = {
        "redundant": " Either fault alone does the harm, so both must be put right.",
        "conjoint": " They do harm only together: putting either right is enough.",
    }.get(examination.structure, "")
    if examination.unexplained:
        ending += f" {examination.unexplained:.4f} of the change is left unexplained."
    return f"{problem.statement} The cause is {named}: {proved}.{ending}{stopped}"


def _means(examination: Examination) -> str:
    """What was done to prove the causes: each put right, or the same done to the reference, which loses as much by it."""
    done = [c.beside is not None and c.findings[0].side != "reference" for c in examination.confirmed]
    if not any(done):
        return "putting it right"
    return "doing the same to the reference" if all(done) else "putting one right, doing the other to the reference"


def _flaky(examination: Examination) -> str:
    """What the case's commands did that they should not, as the end of a summary."""
    told = examination.problem.laboratory.commands.told()
    return f" {told}" if told else ""


def _portion(cause: CauseFound, n_causes: int) -> str:
    return f" ({100 * cause.share:.0f} % of the change)" if cause.share is not None and n_causes > 1 else ""


def _guards(examination: Examination) -> tuple[Guard, ...]:
    """A guard for each confirmed cause, kept only if it is red on the broken side and green on the healthy one."""
    problem, kept = examination.problem, []
    for confirmed in examination.confirmed:
        for finding in confirmed.findings[:4]:
            try:
                guard = page(confirmed.cause).guard(problem, finding)
                if guard is not None and _proved(problem, guard):
                    kept.append(guard)
            except RuleoutError:
                continue
    return tuple(kept)


def _proved(problem: Problem, guard: Guard) -> bool:
    """Whether a guard is red on the current side and green on the reference, where there is one."""
    case, laboratory = problem.case, problem.laboratory
    opened = laboratory.model("current") or (laboratory.model("reference") if case.current.model is None else None)
    red = not check(guard, case.current, measure=laboratory.metric, opened=opened).green
    healthy = healthy_side(laboratory)
    if healthy is None or not red:
        return red
    return check(guard, healthy, measure=laboratory.metric, opened=laboratory.model("reference") or opened).green
