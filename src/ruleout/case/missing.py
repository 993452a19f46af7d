"""The evidence that a case lacks and that would help most."""

from __future__ import annotations

from ruleout.case.case import Case, Side

__all__ = ["MOST_NAMED", "missing_evidence"]

MOST_NAMED = 6
"""More than a handful of wishes helps nobody."""


def missing_evidence(case: Case) -> tuple[dict[str, str], ...]:
    """What would help most and is not there, the most helpful first, at most six: `{"evidence": "current.environment", "why": "…"}`.

    Only what fits the kind of case is named: a training run that diverged needs no serving log.
    """
    wishes = [*_trust(case), *_extras(case), *_sides(case), *_tables(case), *_model(case), *_redo(case), *_records(case)]
    return tuple({"evidence": evidence, "why": why} for evidence, why in wishes[:MOST_NAMED])


Wish = tuple[str, str]


def _trust(case: Case) -> list[Wish]:
    if case.trusted:
        return []
    locked = [f"{name}.model" for name, side in _named(case) if side.model is not None and side.model.locked]
    if locked:
        return [
            (
                "trust",
                f"{' and '.join(locked)} stay closed without --trust: answers can be compared and repairs proved only by asking the model.",
            )
        ]
    if case.run.train or case.run.predict or case.run.measure or ":" in (case.metric or ""):
        return [("trust", "the case's own commands do not run without --trust: nothing can be trained or measured again.")]
    return []


def _extras(case: Case) -> list[Wish]:
    lacking = [(name, side.model.lacking) for name, side in _named(case) if side.model is not None and side.model.lacking]
    return [(f"{name}.model", f"it stays closed: {said}") for name, said in lacking[:1]]


def _sides(case: Case) -> list[Wish]:
    if case.factors or case.reference is not None:
        return []
    return [("reference", "a run that worked, to hold the broken one against: what changed is found by comparing the two.")]


def _tables(case: Case) -> list[Wish]:
    current, reference = case.current, case.reference
    wishes: list[Wish] = []
    if _only_curves(case):
        return wishes
    if current.validation is None and current.serving is None:
        wishes.append(("current.validation", "labelled rows that the model was not trained on: the drop cannot be measured without them."))
    if current.train is None and (current.validation is not None or current.serving is None):
        wishes.append(("current.train", "the rows the model was trained on: most retrainings break there."))
    if reference is not None:
        if reference.train is None:
            against = "a broken column" if current.train is not None else "what the model learned from"
            wishes.append(("reference.train", f"the training rows of the run that worked, to tell {against} from a healthy one."))
        if reference.validation is None:
            wishes.append(("reference.validation", "labelled rows of the healthy time: both models are scored on the same rows."))
    if case.target is None and (current.serving is not None or reference is not None):
        wishes.append(("target", "the label column: no metric can be computed without it."))
    if case.key is None and current.validation is not None and reference is not None and reference.validation is not None:
        wishes.append(("key", "a row identifier: it pairs the rows of the two sides, and tells changed labels and values from new rows."))
    return wishes


def _model(case: Case) -> list[Wish]:
    if _only_curves(case):
        return []
    why = {
        "current": "the artifact in question: its predictions say where it goes wrong.",
        "reference": "the artifact that worked: asked on today's rows, it says whether data or model is at fault.",
    }
    return [(f"{name}.model", why[name]) for name, side in _named(case) if side.model is None]


def _redo(case: Case) -> list[Wish]:
    """A command is needed where no artifact could be fitted again."""
    if case.run.train or case.run.measure or _only_curves(case) or any(side.model is not None for _, side in _named(case)):
        return []
    return [("[run] train", "the command that trains: it proves a cause by training again with that one thing put right.")]


def _records(case: Case) -> list[Wish]:
    wishes: list[Wish] = []
    for name, why in (
        ("config", "the training configuration: a changed setting is seen only by comparing the two sides'."),
        ("environment", "the versions that ran (pip freeze): an upgrade is seen only by comparing the two sides'."),
        ("metrics", "the metrics as the pipeline reported them: a number that cannot be reproduced is the first finding."),
    ):
        if name != "config" and _only_curves(case):
            continue
        wishes += [(f"{side_name}.{name}", why) for side_name, side in _named(case) if getattr(side, name) is None]
    return wishes


def _only_curves(case: Case) -> bool:
    """Say whether the case is about a training run alone, or about factors alone: tables would be asked for in vain."""
    return bool(case.factors) or (
        case.current.history is not None
        and not any((side.train, side.validation, side.serving) != (None, None, None) for _, side in _named(case))
    )


def _named(case: Case) -> list[tuple[str, Side]]:
    both = [("current", case.current)]
    return [*both, ("reference", case.reference)] if case.reference is not None else both
