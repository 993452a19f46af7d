"""The report of an investigation as one page that needs nothing else: no network, no other file, no script to be read."""

from __future__ import annotations

from typing import Any

from ruleout.causes import page
from ruleout.conclusion.conclusion import CauseFound, Conclusion
from ruleout.examination.examination import Hypothesis
from ruleout.exhibits import exhibits
from ruleout.report.html import distribution
from ruleout.report.html.again import commands
from ruleout.report.html.answers import calibration, confusions
from ruleout.report.html.curves import panels
from ruleout.report.html.over_time import timelines
from ruleout.report.html.page import write_page
from ruleout.report.html.relations import relations
from ruleout.report.html.runs import runs
from ruleout.report.html.walk import beliefs, timeline
from ruleout.report.html.waterfall import waterfall
from ruleout.report.outline import Entry, outline
from ruleout.report.wording import brief, clean, needs

__all__ = ["investigation"]


def investigation(conclusion: Conclusion) -> str:
    """Write a conclusion as an HTML page; every text that comes from the case is escaped."""
    report = outline(conclusion)
    examination = conclusion.examination
    problem = examination.problem
    return write_page(
        "investigation.html",
        conclusion=conclusion,
        problem=problem,
        report=report,
        causes=[_cause(cause, chapter.entries) for cause, chapter in zip(conclusion.causes, report.chapters, strict=True)],
        entries={entry.label: entry for entry in report.entries},
        next_tests=[
            {"cause": left.cause, "brief": brief(clean(left.test)), "test": clean(left.test), "needs": needs(left.needs)}
            for left in conclusion.next
        ],
        waterfall=waterfall(conclusion),
        **_drawn(conclusion),
        beliefs=beliefs(conclusion),
        steps=timeline(conclusion),
        **_standing(conclusion),
        commands=commands(conclusion),
    )


def _drawn(conclusion: Conclusion) -> dict[str, Any]:
    """What is shown beside the conclusion."""
    shown = exhibits(conclusion)
    beside = [*relations(shown.relations), *timelines(shown.over_time)]
    return {
        "distributions": [
            card | {"beside": [found for found in beside if (found["place"], found["names"]) == (card["place"], card["names"])]}
            for card in distribution.cards(shown.distributions)
        ],
        "moved": [
            {
                "names": found.names,
                "n_rows": found.n_rows,
                "rows": distribution.moved_rows(found.moves),
                "n_moved": sum(move.moved for move in found.moves),
                "gone": found.only_reference,
                "new": found.only_current,
                "other_kind": found.other_kind,
            }
            for found in shown.moved
        ],
        "confusions": confusions(shown.answers),
        "calibration": calibration(shown.answers),
        "curves": panels(shown.panels),
        "runs": runs(shown.mixes, clean(conclusion.examination.problem.metric or "metric")),
        "differences": shown.differences,
        "left_out": shown.left_out,
    }


def _cause(cause: CauseFound, entries: tuple[Entry, ...]) -> dict[str, Any]:
    return {
        "cause": cause,
        "bucket": cause.cause.partition(".")[0],
        "claim": page(cause.cause).claim(),
        "proof": next((" ".join(entry.lines) for entry in entries if entry.label == "Proof"), ""),
    }


def _standing(conclusion: Conclusion) -> dict[str, Any]:
    """The hypotheses by how they stand; those that were not tested by the reason, which many share."""
    held = conclusion.examination.hypotheses
    by_status = {status: [h for h in held if h.status == status] for status in ("open", "ruled-out", "untestable")}
    waiting = [h for h in by_status["open"] if h.reason.startswith("Not tested: ")]
    by_status["open"] = [h for h in by_status["open"] if h not in waiting]
    by_status["untestable"] += waiting
    reasons: dict[str, list[Hypothesis]] = {}
    for hypothesis in by_status["untestable"]:
        reasons.setdefault(clean(hypothesis.reason).removeprefix("Not tested: ").rstrip("."), []).append(hypothesis)
    return {
        "still_open": sorted(by_status["open"], key=lambda h: (-h.probability, h.cause)),
        "weakest": min((h.power for h in by_status["ruled-out"] if h.power), default=0.0),
        "n_untested": len(by_status["untestable"]),
        "ruled_out": sorted(by_status["ruled-out"], key=lambda h: h.cause),
        "untested": [
            {"reason": f"{reason[:1].upper()}{reason[1:]}", "causes": sorted(h.cause for h in found)} for reason, found in reasons.items()
        ],
    }
