"""Words: an answer in plain sentences, with the numbers behind it."""

from __future__ import annotations

from ruleout.factors.answer import Answer
from ruleout.factors.black_box import BlackBox

__all__ = ["HOW", "meaning", "statement_at", "tally"]

HOW = {
    "single": "It does the harm by itself: put right, the change is gone; put into the reference, the harm is there.",
    "additive": "Each takes its part by itself: putting one right brings its own part back.",
    "redundant": "Either alone does the harm: putting one right changes little until every one of them is.",
    "conjoint": "They do harm only together: putting either right is enough.",
    "masked": "The harm is hidden, in whole or in part, by what another factor gains: the sides look more alike than they are.",
    "none": "No factor, and no few of them together, does harm that matters.",
}
"""What each structure means for whoever mends it."""


def meaning(box: BlackBox, answer: Answer) -> str:
    """An answer in a clause: which factors, acting how."""
    beside = _beside(box, answer)
    together = tuple(at for at in answer.harms if at not in beside)
    harms, gains, others = (", ".join(box.names[at] for at in part) for part in (together, answer.gains, beside))
    if answer.structure == "none":
        return f"no harm in any factor (a gain from {gains})" if gains else "no harm in any factor"
    said = {
        "single": f"{harms} alone",
        "additive": f"{harms}, each taking its part",
        "redundant": f"{harms}, either alone doing the harm",
        "conjoint": f"{harms}, only together",
        "masked": f"harm from {harms}, hidden by a gain from {gains}",
    }
    return said[answer.structure] + (f", and {others} besides" if others else "")


def _beside(box: BlackBox, answer: Answer) -> tuple[int, ...]:
    """The harms that act by themselves beside a group of which the answer is named."""
    said, _, _ = box.search.best()
    if answer != box.answer or not any(term.kind in ("both", "either") for term in said.terms) or len(said.terms) != 2:
        return ()
    return tuple(at for term in said.terms if term.kind == "main" for at in term.factors if at in answer.harms)


def statement_at(box: BlackBox, factor: int) -> str:
    """What was measured of one factor, in a sentence with its number, its yardstick and n."""
    answer, name = box.answer, box.names[factor]
    first, second = box.case.factors[name]
    everything = tuple(range(len(box.names)))
    metric = box.case.metric or "the metric"
    reference, current = box.side_means()
    said = f"`factor.{name}`: {first} became {second}"
    harms = answer.harms
    together = "" if len(harms) == 1 else f" (with {', '.join(box.names[at] for at in harms if at != factor)})"
    proofs = []
    right = box.mean_at(tuple(at for at in everything if at not in harms))
    if right is not None:
        proofs.append(
            f"put right{together} in the current run {metric} is {right[0]:.4g}, against {current:.4g} as it is (n = {right[1]:,})"
        )
    wrong = box.mean_at(harms)
    if wrong is not None:
        proofs.append(f"put into the reference{together} it is {wrong[0]:.4g}, against {reference:.4g} (n = {wrong[1]:,})")
    noise, _ = box.search.noise
    proofs.append(f"noise of one run {noise:.2g}, n = {len(box.search.runs):,} runs in all")
    return f"{said}; {'; '.join(proofs)}."


def tally(box: BlackBox) -> str:
    """How many runs there were, and what was odd about them, in a sentence or two."""
    n, bench = len(box.search.runs), box.bench
    said = f"{n:,} runs of `measure`"
    if bench.n_stored and bench.store.path is not None:
        said += f", {bench.n_stored:,} of them kept from before in {bench.store.path.parent}"
    said += "."
    if bench.alone and n > 1:
        said += f" They were made one after the other, as {bench.alone}; --workers N makes them side by side all the same."
    if bench.workers.lost:
        lost = f"{bench.workers.lost:,} worker{'s' if bench.workers.lost > 1 else ''} of {bench.workers.address}"
        said += f" {lost} went away in the middle; what they had begun was run again by others."
    if bench.n_flaky:
        said += f" The command is flaky: {bench.n_flaky:,} of its runs failed at first and went well when tried again."
    failed = sum(1 for made in bench.made if made.metric is None)
    if failed:
        last = next(made.failed for made in reversed(bench.made) if made.metric is None)
        said += f" {failed:,} settings could not be run: {last}"
    return said
