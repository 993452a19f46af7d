"""The columns that a reader should see on both sides: those at fault, those suspected, those that moved the farthest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ruleout.conclusion.conclusion import Conclusion
from ruleout.exhibits.pairs import Pair, by_target, pairs
from ruleout.problem.problem import Problem
from ruleout.tables.compare import compare, judged
from ruleout.tables.side_by_side import FALSE_ALARMS, Move

__all__ = ["Distribution", "Moved", "Why", "distributions", "moved"]

Why = Literal["cause", "suspect", "moved", "column"]

MOST_NAMED = 12
"""Columns that are drawn because a cause or a suspicion names them."""

MOST_MOVED = 6
"""Columns that are drawn for nothing but that they moved."""

SUSPECTED = 0.05
"""Probability from which on the place of an open hypothesis is drawn."""


@dataclass(frozen=True)
class Distribution:
    """One column in two tables, and why it is shown.

    Parameters
    ----------
    place
        `train.income`, or the column alone where the sides are not two states of one table.
    move
        Both profiles, and how far apart they are.
    names
        What the two tables are called; the second is "" where the column stands alone.
    why
        `cause`, `suspect`, `moved`, or `column` of a table that stands alone, where nothing can have moved.
    pair
        The tables themselves.
    """

    place: str
    move: Move
    names: tuple[str, str]
    why: Why
    pair: Pair


@dataclass(frozen=True)
class Moved:
    """Two tables side by side: every column that both have, the farthest moved first, and what only one of them has."""

    names: tuple[str, str]
    n_rows: tuple[int, int]
    moves: tuple[Move, ...]
    only_reference: tuple[str, ...]
    only_current: tuple[str, ...]
    other_kind: tuple[str, ...]


def distributions(conclusion: Conclusion) -> tuple[Distribution, ...]:
    """The columns to draw, each once a pair of tables.

    A column that knows the outcome looks alike in two tables and differs between classes: where a score is too good, the columns
    at fault are drawn by the target.
    """
    problem = conclusion.examination.problem
    offered = pairs(problem)
    aside = {problem.case.key, problem.case.time, problem.case.entity, *problem.case.ignore}
    found: dict[tuple[str, tuple[str, str]], Distribution] = {}
    for why, place in _places(conclusion):
        if len(found) >= MOST_NAMED:
            break
        for pair in _leaking(problem, place) if problem.kind == "too-good" else offered:
            drawn = _drawn(pair, place, why)
            if drawn is not None and drawn.move.column not in {problem.case.key, problem.case.entity}:
                found.setdefault((drawn.move.column, drawn.names), drawn)
    # Where training and validation are parted in time they differ, and a score that is too good has nothing to do with it.
    for pair in () if problem.kind == "too-good" and found else offered:
        # That keys and times go on from one week to the next is no news.
        farthest = [m for m in _moves(pair) if m.moved and m.column not in aside and (m.column, pair.names) not in found][:MOST_MOVED]
        for move in farthest if not pair.alone else ():
            found[move.column, pair.names] = Distribution(_place(pair, move.column), move, pair.names, "moved", pair)
        for move in _as_it_stands(pair, problem) if pair.alone else ():
            found.setdefault((move.column, pair.names), Distribution(_place(pair, move.column), move, pair.names, "column", pair))
    order: tuple[Why, ...] = ("cause", "suspect", "moved", "column")
    moved_left = MOST_MOVED
    kept = []
    for drawn in sorted(found.values(), key=lambda d: order.index(d.why)):
        moved_left -= drawn.why == "moved"
        if drawn.why != "moved" or moved_left >= 0:
            kept.append(drawn)
    return tuple(kept)


def _as_it_stands(pair: Pair, problem: Problem) -> list[Move]:
    """The first columns of a table alone, its target before them."""
    by_column = {move.column: move for move in _moves(pair)}
    order = [c for c in (problem.case.target, *problem.case.features(pair.reference)) if c in by_column]
    return [by_column[column] for column in dict.fromkeys(order) if by_column[column].shape() is not None][:MOST_NAMED]


def moved(conclusion: Conclusion) -> tuple[Moved, ...]:
    """How far every column moved, by pair of tables; nothing where a table stands alone."""
    found = []
    for pair in pairs(conclusion.examination.problem):
        if pair.alone:
            continue
        compared = compare(pair.reference, pair.current)
        found.append(
            Moved(
                pair.names,
                (compared.n_reference, compared.n_current),
                _moves(pair),
                compared.only_reference,
                compared.only_current,
                tuple(compared.kind_changes or {}),
            )
        )
    return tuple(found)


def _places(conclusion: Conclusion) -> Iterator[tuple[Why, str]]:
    for cause in conclusion.causes:
        yield from (("cause", place) for place in cause.where)
    if conclusion.verdict == "no-problem":
        return
    named = {cause.cause for cause in conclusion.causes}
    suspects = [h for h in conclusion.examination.hypotheses if h.status == "open" and h.probability >= SUSPECTED and h.cause not in named]
    for hypothesis in sorted(suspects, key=lambda h: (-h.probability, h.cause)):
        yield from (("suspect", place) for place in hypothesis.where)


def _drawn(pair: Pair, place: str, why: Why) -> Distribution | None:
    bare = place.removeprefix("reference.").removeprefix("current.")
    table, _, column = bare.partition(".")
    if column and table in ("train", "validation", "serving"):
        if table not in pair.tables:
            return None
    else:
        column = bare
    if column not in pair.reference or column not in pair.current:
        return None
    move = next((move for move in _moves(pair) if move.column == column), None)
    return None if move is None or move.shape() is None else Distribution(_place(pair, column), move, pair.names, why, pair)


def _leaking(problem: Problem, place: str) -> Iterator[Pair]:
    """A table's rows parted by the target, and the two tables as they stand where that says nothing."""
    named = place.split(".", 1)[0]
    current = problem.case.current
    for name, table in (("train", current.train), ("validation", current.validation), ("serving", current.serving)):
        if table is not None and named in (name, *table.columns):
            pair = by_target(problem, name, table)
            if pair is not None:
                yield pair
                return


def _place(pair: Pair, column: str) -> str:
    return f"{pair.tables[0]}.{column}" if len(pair.tables) == 1 else column


def _moves(pair: Pair) -> tuple[Move, ...]:
    found = compare(pair.reference, pair.current)
    moves = [Move(change) for change in replace(found, changes=judged(found.changes, FALSE_ALARMS)).values()]
    return tuple(sorted(moves, key=lambda move: (not move.moved, -move.gap.value, move.column)))
