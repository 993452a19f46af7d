"""Examine a black box: its factors are exchanged, round by round, until one explanation of the change is sure enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from ruleout.causes import page
from ruleout.examination.examination import Confirmed, Event, Examination, Hypothesis, Status, Step
from ruleout.factors.black_box import BlackBox, Turn
from ruleout.factors.words import meaning
from ruleout.problem.black_box import box_of, restated
from ruleout.problem.problem import Problem

__all__ = ["FACTOR", "examine_factors"]

FACTOR = "pipeline.factor"

EXCLUDED = 0.05
"""A factor that is less probable to have a part in the harm is ruled out."""


def examine_factors(problem: Problem, listen: Callable[[Event], None]) -> Examination:
    """Exchange factors until one answer is sure enough, telling every round.

    Parameters
    ----------
    problem
        As `state_factors` stated it.
    listen
        Called with every event.

    Returns
    -------
    A hypothesis for each factor, a step for each round of runs, and what was confirmed.
    """
    box = box_of(problem)
    names = tuple(problem.case.factors)
    prior = 1.0 / len(names)
    if box is None:
        waiting = tuple(
            Hypothesis(FACTOR, "pipeline", prior, prior, "untestable", (f"factor.{n}",), "Not tested: needs --trust.") for n in names
        )
        listen(Event("hypotheses", waiting))
        return Examination(problem, waiting, (), ())
    listen(Event("hypotheses", tuple(Hypothesis(FACTOR, "pipeline", prior, prior, "open", (f"factor.{n}",)) for n in names)))
    steps: list[Step] = []
    while True:
        intent = _intent(box)
        listen(Event("intent", {"cause": FACTOR, "intent": intent, "action": "Run the chosen mixes of both sides' values."}))
        started = time.monotonic()
        turn = box.turn()
        if turn is None:
            break
        steps.append(_step(box, turn, len(steps) + 1, intent, time.monotonic() - started))
        listen(Event("step", steps[-1]))
        listen(Event("progress", {"done": len(box.search.runs), "total": box.plan().most, "what": "runs of the case's command"}))
    problem = restated(problem)
    answer = box.answer
    confirmed = _confirmed(problem, box) if box.search.conclusive else ()
    if confirmed and problem.kind == "none":
        problem = replace(problem, kind="degradation")
    return Examination(
        problem=problem,
        hypotheses=_hypotheses(box, prior, found=bool(confirmed)),
        steps=tuple(steps),
        confirmed=confirmed,
        structure=answer.structure if box.search.conclusive else "none",
        unexplained=0.0 if confirmed else None,
        stopped=box.stopped or ("" if box.search.conclusive else f"all {box.search.most_runs} runs are spent"),
        figures={"runs": len(box.search.runs), "flaky": box.bench.n_flaky, "stored": box.bench.n_stored},
    )


def _intent(box: BlackBox) -> str:
    first, *others = box.search.answers
    said = f"Is it {meaning(box, first[0])}"
    return f"{said}, or {meaning(box, others[0][0])}?" if others else f"{said}?"


def _step(box: BlackBox, turn: Turn, number: int, intent: str, seconds: float) -> Step:
    told, figures = [], []
    for made in turn.made:
        value = "it failed" if made.metric is None else f"{made.metric:.4g}"
        told.append(f"{box.told(made.setting)}: {value} (seed {made.seed})")
        figures.append(
            {"current": [n for n, bit in zip(box.names, made.setting, strict=True) if bit], "seed": made.seed, "metric": made.metric}
        )
    answer, probability = box.search.answers[0]
    noise, _ = box.search.noise
    return Step(
        number=number,
        cause=FACTOR,
        kind="intervention",
        intent=intent,
        action=f"Ran {turn.purpose}.",
        finding=f"{'; '.join(told)}; noise of one run {noise:.2g}, n = {len(box.search.runs):,} runs.",
        reflection=f"That makes {meaning(box, answer)} {100 * probability:.0f} % probable.",
        seconds=seconds,
        evidence={"runs": figures, "noise": noise},
        probabilities={FACTOR: float(box.search.probabilities().max(initial=0.0))},
        buckets={"data": 0.0, "model": 0.0, "pipeline": 1.0},
    )


def _confirmed(problem: Problem, box: BlackBox) -> tuple[Confirmed, ...]:
    look = page(FACTOR).suspect(problem)
    shares = box.shares()
    everything = tuple(range(len(box.names)))
    right = box.mean_at(tuple(at for at in everything if at not in box.answer.harms))
    found = []
    for finding in look.findings:
        at = box.names.index(str(finding.repair["factor"]))
        share = shares.get(at)
        alone = box.mean_at(tuple(other for other in everything if other != at))
        restored = alone or (right if len(box.answer.harms) == 1 else None)
        found.append(
            Confirmed(
                cause=FACTOR,
                findings=(finding,),
                share=share[0] if share else None,
                interval=share[1] if share else None,
                probability=min(box.search.probability, 0.99),
                restored=restored[0] if restored else None,
            )
        )
    return tuple(sorted(found, key=lambda c: -(c.share or 0.0)))


def _hypotheses(box: BlackBox, prior: float, *, found: bool) -> tuple[Hypothesis, ...]:
    harms = set(box.answer.harms) if found else set()
    n = len(box.search.runs)
    out = []
    for at, (name, probability) in enumerate(zip(box.names, box.search.probabilities().tolist(), strict=True)):
        status: Status = "confirmed" if at in harms else "ruled-out" if probability < EXCLUDED else "open"
        if found and at in box.answer.gains:
            status = "ruled-out"
        reason = f"Its part in the harm is {100 * probability:.0f} % probable after {n} runs."
        if found and at in box.answer.gains:
            reason = f"It gains: it hides what the others take ({n} runs)."
        out.append(Hypothesis(FACTOR, "pipeline", prior, probability, status, (f"factor.{name}",), reason))
    order = {"confirmed": 0, "open": 1, "ruled-out": 2, "untestable": 3}
    return tuple(sorted(out, key=lambda h: (order[h.status], -h.probability, h.where)))
