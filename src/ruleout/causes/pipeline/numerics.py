"""The page on precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ruleout.case.case import ABSENT, Case
from ruleout.case.difference import config_difference
from ruleout.causes.answers import ANSWERED, Answers, Change, answers_of, between, follows, replayed
from ruleout.causes.casts import CASTS, Cast, cast_columns, cast_reference
from ruleout.causes.changes import numbers_changed
from ruleout.causes.columns import finite
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.scales import scaling_of
from ruleout.causes.watched import log_guard
from ruleout.guards.guard import Guard
from ruleout.problem.problem import Problem

__all__ = ["Numerics"]

PRECISION = ("dtype", "precision", "quantiz", "quantis", "half", "fp16", "bf16", "bits")
"""Words in the names of settings that say in how many bits numbers are kept."""


class Numerics(Cause):
    """Precision or device changes the answers: numbers are cast to a type that cannot hold them.

    What goes wrong
    ---------------
    The features reach the model in fewer bits than it learned from. Small numbers lose nothing that matters; a year, a time stamp, an
    identifier or a price loses its last digits, and with them all that it said.

    Why it happens
    --------------
    A graph compiled for a device in half precision, a column store that shrinks its types, an exporter whose default is 32 bits, a
    quantised copy of the model.

    What you see
    ------------
    Answers that differ a bit for most rows and a lot for some: for those whose large numbers stand near each other.

    How it is tested
    ----------------
    The numeric features are cast to float32, bfloat16 (8 bits of mantissa), float16 (11 bits, at most 65,504) and 256 levels, raw and
    as the artifact's scaler makes them, and the artifact is asked again. The cast that reproduces the logged answers, most of those
    that the plain replay misses, is the finding; its places are the columns that the cast moves furthest, each asked alone. Eight bits are
    also tried with one step for all columns or one for each, from the largest values of the log and of training. Then some of the columns
    may have gone through a cast and others not, or stand on a grid of a power of two, cut or rounded to it, as dropped low bits leave them:
    columns are put in and left out as long as the answers come nearer. Where nothing reproduces the answers, a configuration or environment
    that says another precision than the reference's is a finding by itself.
    After a retraining the tables are looked at: a cast leaves a grid of values, with the reference's between its points; a column that
    stands on the grid, and fills it as the reference's cast would, went through it, and what that costs is measured on the reference.

    What would rule it out
    ----------------------
    No cast that brings the replayed answers nearer to the logged ones.

    How it is fixed
    ---------------
    Keep the named columns in 64 bits up to the model, or subtract a fixed origin from them before they are cast and train so.

    How it stays fixed
    ------------------
    Compare the answers of both devices on recorded rows before each release, row by row and not by their mean.

    Told apart from
    ---------------
    pipeline.preprocessing, where values are rounded on purpose. model.checkpoint, where no cast reproduces the answers. Differences in
    the last digits, with which every platform differs from every other, are no fault.

    References
    ----------
    IEEE 754-2019. Kalamkar et al. (2019), A study of bfloat16 for deep learning training. Goldberg (1991), What every computer
    scientist should know about floating-point arithmetic.
    """

    needs = (*ANSWERED, ("reference.train", "current.train"), ("reference.validation", "current.validation"))
    cost = 0.1

    def suspect(self, problem: Problem) -> Look:
        """Ask the artifact again with its numbers in fewer bits; hold the tables of a retraining against the reference's in fewer bits."""
        if problem.situation == "retraining":
            return _in_tables(problem)
        answers = answers_of(problem)
        if answers is None or answers.follow:
            return follows(answers, "a cast of the features")
        columns = [c for c in answers.features if answers.log.kind(c) == "numeric"]
        scalers = scaling_of(answers)
        found = answers.search([*_casts(columns), *_one_step(answers, columns), *_scaled_casts(scalers)]) if columns else None
        found = found or answers.search_some([*_casts_of_some(answers, columns), *_coarse(answers, columns)])
        if found is None:
            setting = _said_otherwise(problem.case)
            if setting is None:
                return follows(answers, "a cast of the features")
            return Look((_as_said(answers, setting),), 0.85, covers=("serving",))
        moved = _moved_most(answers, found.changes, columns)
        subject = "the numeric features " if len(found.changes) == 1 else ""
        said = f"{{}}: with {subject}{found.words} {answers.said_rate(found.told)}; the cast moves the answers most in {', '.join(moved)}."
        figures = {"cast": found.words, "rate": found.told.rate, "plain": answers.now.rate, "columns": moved}
        evidence = answers.evidence(found.told)
        places = [f"serving.{c}" for c in moved]
        return Look(tuple(between(p, evidence, said.format(p), figures) for p in places), 0.95, covers=("serving",))

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The artifact's own answers for the features in full precision; of tables, the reference's put through the cast."""
        if "casts" in finding.repair:
            return cast_reference(case, finding.repair["casts"])
        return replayed(case, finding.side)

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """A day's log, answered again by the artifact."""
        return log_guard(self.id(), problem, finding)


def _in_tables(problem: Problem) -> Look:
    """The columns of training and validation that are what the reference's become in fewer bits."""
    found = cast_columns(problem.case)
    held = [t for t in (problem.case.current.train, problem.case.current.validation) if t is not None]
    n = sum(t.n_rows for t in held)
    if not found:
        said = f"No column of {len(held)} tables is what the reference's becomes in fewer bits, n = {n:,}."
        return Look((), 0.9, said, ("train", "validation"))
    device = _other_device(problem.case)
    return Look(tuple(_of_table(c, device) for c in found), 0.95, covers=("train", "validation"))


def _of_table(cast: Cast, device: str) -> Finding:
    repair = {"casts": [(cast.table, cast.column, cast.words)]}
    figures = {"cast": cast.words, "lost": cast.lost, "distinct": list(cast.distinct), "n": cast.n}
    said = (
        f"{cast.place}: every value is one that it has {cast.words}; of the reference's values {cast.lost:.0%} are not, and put through it"
        f" they are {cast.distinct[1]:,} distinct ones, here {cast.distinct[0]:,} ({device}n = {cast.n:,})."
    )
    return Finding(cast.place, cast.table, 3.9, said, figures, repair, specificity=1.0)


def _other_device(case: Case) -> str:
    """What the environments say of device and precision where they say it otherwise, with a semicolon; "" where they do not."""
    was, now = (held.environment.settings if held is not None and held.environment else {} for held in (case.reference, case.current))
    other = [k for k in now if k in was and str(now[k]) != str(was[k]) and k.lower() in ("device", "dtype", "precision")]
    return f"environment.{other[0]} was {was[other[0]]} and is {now[other[0]]}; " if other else ""


def _casts(columns: list[str]) -> list[Change]:
    return [numbers_changed(words, columns, lambda v, _, cast=cast: cast(v)) for words, cast in CASTS.items()]  # type: ignore[misc]


def _one_step(answers: Answers, columns: list[str]) -> list[Change]:
    """Eight bits for all columns, with one step between two values or each its own, from the largest that a column holds, or nearly."""
    reference = answers.case.reference
    tables = [answers.log, *([reference.train] if reference is not None and reference.train is not None else [])]
    out = []
    for table in tables:
        values = {c: np.abs(finite(table.numbers(c))) for c in columns if c in table and table.kind(c) == "numeric"}
        for part in (1.0, 0.999, 0.995, 0.99):
            own = {c: float(np.quantile(v, part)) / 127 or 1.0 for c, v in values.items() if len(v)}
            words = f"cast to int8, the {part:.1%} quantile of each column of {table.name} at 127"
            out.append(numbers_changed(words, list(own), lambda v, c, s=own: np.clip(np.rint(v / s[c]), -128, 127) * s[c]))  # type: ignore[misc]
            largest = max((float(np.quantile(v, part)) for v in values.values() if len(v)), default=0.0)
            if largest > 0 and len(values) > 1:
                where = "largest value" if part == 1.0 else f"{part:.1%} quantile"
                words = f"cast to int8 with one step for all, the {where} of {table.name} at 127"
                out.append(numbers_changed(words, columns, lambda v, _, s=largest / 127: np.clip(np.rint(v / s), -128, 127) * s))  # type: ignore[misc]
    return out


def _casts_of_some(answers: Answers, columns: list[str]) -> list[list[Change]]:
    """Every cast that changes a column at all, made to each column by itself: some of them may have it at once."""
    families = []
    for words, cast in CASTS.items() if len(columns) > 1 else ():
        changed = [c for c in columns if _loses(answers.trial.numbers(c), cast)]
        families.append([numbers_changed(f"{c} {words}", [c], lambda v, _, cast=cast: cast(v)) for c in changed])  # type: ignore[misc]
    return families


def _loses(values: np.ndarray, cast: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether a cast moves a column by a thousandth of its spread somewhere."""
    known = finite(values)
    with np.errstate(over="ignore", invalid="ignore"):
        moved = np.abs(cast(known) - known) if len(known) else np.zeros(0)
    return bool(len(known) and not np.all(moved <= 1e-3 * max(float(known.std()), 1e-12)))


def _coarse(answers: Answers, columns: list[str]) -> list[list[Change]]:
    """Columns on a grid of a power of two, as the dropped low bits of a register leave them: each column by itself, a grid a family."""
    families = []
    spans = {c: (float(v.std()), float(np.abs(v).max())) for c in columns if len(v := finite(answers.trial.numbers(c)))}
    for power in range(-6, 15):
        step = 2.0**power
        # Finer than that hardly moves an answer; a column of small numbers keeps nothing on the grid of larger ones.
        there = [c for c, (spread, largest) in spans.items() if 0.1 * spread <= step <= 4 * largest]
        if not any(step <= spans[c][1] for c in there):
            continue
        for words, how in (("cut", np.floor), ("rounded", np.rint)):
            said = f"{words} to multiples of {step:g}"
            families.append([numbers_changed(f"{c} {said}", [c], lambda v, _, s=step, how=how: how(v / s) * s) for c in there])  # type: ignore[misc]
    return families


def _said_otherwise(case: Case) -> tuple[str, str, str] | None:
    """The key of configuration or environment that says another precision than the reference's, as a place, and both values."""
    reference, current = case.reference, case.current
    if reference is None:
        return None
    for change in config_difference(reference.config or {}, current.config or {}):
        name = change.path[-1].lower()
        if any(word in name for word in PRECISION) and ABSENT not in (change.old, change.new):
            return "config." + ".".join(change.path), str(change.old), str(change.new)
    was, now = (held.environment.settings if held.environment else {} for held in (reference, current))
    for key in now:
        if key in was and str(now[key]) != str(was[key]) and any(word in key.lower() for word in PRECISION):
            return f"environment.{key}", str(was[key]), str(now[key])
    return None


def _as_said(answers: Answers, said: tuple[str, str, str]) -> Finding:
    place, was, now = said
    words = (
        f"{place}: {now}, in the reference {was}; {answers.plain.rate:.1%} of the logged answers follow from the features in full"
        f" precision, n = {answers.n:,}."
    )
    return between(place, 3.4, words, {"was": was, "now": now, "rate": answers.plain.rate}, specificity=0.8)


def _scaled_casts(scalers: Mapping[str, tuple[float, float]]) -> list[Change]:
    """The casts applied to what the scaler makes of the features."""
    out = []
    for words, cast in CASTS.items() if scalers else ():

        def how(values: np.ndarray, column: str, cast: Callable[[np.ndarray], np.ndarray] = cast) -> np.ndarray:
            centre, scale = scalers[column]
            return centre + scale * cast((values - centre) / scale)

        out.append(numbers_changed(f"scaled, then {words}", list(scalers), how))
    return out


def _moved_most(answers: Answers, changes: tuple[Change, ...], columns: list[str]) -> list[str]:
    """The columns that a cast moves the answers by, the most first: each cast alone."""
    rows = whole = answers.trial
    for change in changes:
        whole = change.apply(whole)
    plain = answers.answers_for(rows)
    effect: dict[str, float] = {}
    for column in dict.fromkeys(c for change in changes for c in change.columns):
        alone = rows.with_column(column, whole.arrow.column(column))
        answer = answers.answers_for(alone)
        if plain is not None and answer is not None:
            effect[column] = float(np.nanmean(np.abs(answer - plain)))
        else:
            spread = float(np.nanstd(rows.numbers(column))) or 1.0
            effect[column] = float(np.nanmean(np.abs(whole.numbers(column) - rows.numbers(column)))) / spread
    top = max(effect.values(), default=0.0)
    ranked = sorted((c for c in effect if effect[c] >= 0.05 * top), key=lambda c: -effect[c])
    return ranked[:4] or columns[:1]
