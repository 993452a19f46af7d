"""Rows that belong together are brought together: every part is cut into pieces by place, and the pieces of one place make one answer.

The place of a row is that of its hash, so that equal keys of two tables meet, whatever files and workers they come from, and no more than
the rows of one place are in memory (partitioned hashing: Kitsuregawa, Tanaka, Moto-oka 1983).
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ruleout.errors import EngineError, RuleoutError
from ruleout.tables.engines.task import Engine, opened, refused

if TYPE_CHECKING:
    from ruleout.tables.source import Source

__all__ = ["Finish", "Piece", "Split", "brought_together", "cut", "exchanged"]

Piece = tuple[int, int, int, bytes]
"""The number of the part that it was cut from, its number there, its rows, and what it holds; of -1 rows: what went wrong."""


@dataclass(frozen=True)
class Split:
    """A part of a table and how it is cut.

    Parameters
    ----------
    work
        A function of a module of ruleout; it takes the source and the arguments, and yields the place, the rows and the content of one
        piece after the other, in the same order whoever does it.
    source
        The rows: in memory, or files that a worker opens itself.
    arguments
        What else the function takes; it travels with the part.
    n_rows
        Rows that all its pieces must have together.
    """

    work: Callable[..., Iterator[tuple[int, int, bytes]]]
    source: Source
    arguments: tuple[Any, ...]
    n_rows: int


@dataclass(frozen=True)
class Finish:
    """What is made of the pieces of one place: a function of a module of ruleout, and what it takes besides.

    The function is given the number of its part and the content of each piece, in the order of the parts.
    """

    work: Callable[..., Any]
    arguments: tuple[Any, ...]


def exchanged(engine: Engine, splits: Sequence[Split], finish: Finish, said: str) -> list[Any]:
    """What was made of each place that has a row, in the order of the places; nothing where a row came twice or not at all.

    Parameters
    ----------
    engine
        Who cuts, carries and finishes.
    splits
        All parts of all tables.
    said
        How errors call the tables.

    Raises
    ------
    EngineError
        A place was answered twice, or the pieces of a part have other rows than it has.
    """
    seen, values, last = [0] * len(splits), [], -1
    for place, _, (counts, value) in engine.gathered(splits, finish):
        if place <= last:
            raise EngineError(f"{said}: {engine.address} answered for place {place + 1:,} twice; run again, and see the engine's log.")
        last = place
        for number, n_rows in counts.items():
            seen[number] += n_rows
        values.append(value)
    for number, split in enumerate(splits):
        if seen[number] != split.n_rows:
            raise EngineError(
                f"{said}: {engine.address} brought {seen[number]:,} rows together, expected {split.n_rows:,}, of part {number + 1:,} of "
                f"{len(splits):,}; nothing is said from a part of a table: run again when nothing writes the files, and see the engine's "
                "log where it comes again."
            )
    return values


def cut(split: Split | bytes, number: int) -> Iterator[tuple[int, Piece]]:
    """The pieces of one part, each with its place; a parcel is opened first. What the user can mend is a piece of -1 rows."""
    try:
        here = opened(split) if isinstance(split, bytes) else split
        for at, (place, n_rows, content) in enumerate(here.work(here.source, *here.arguments)):
            yield place, (number, at, n_rows, content)
    except RuleoutError as error:
        yield 0, (number, -1, -1, refused(error))


def brought_together(finish: Finish | bytes, pieces: Iterable[Piece]) -> bytes:
    """The rows of each part in one place and what is made of them, packed for the way; or the sentence that came in their place."""
    held = sorted(pieces, key=lambda piece: piece[:2])
    try:
        for piece in held:
            if piece[2] < 0:
                return piece[3]
        for before, after in pairwise(held):
            if before[:2] == after[:2]:
                raise EngineError(f"a piece of part {after[0] + 1:,} came twice; run again, and see the engine's log.")
        here = opened(finish) if isinstance(finish, bytes) else finish
        counts: dict[int, int] = {}
        for number, _, n_rows, _ in held:
            counts[number] = counts.get(number, 0) + n_rows
        value = here.work([(number, content) for number, _, _, content in held], *here.arguments)
    except RuleoutError as error:
        return refused(error)
    return pickle.dumps((sum(counts.values()), (counts, value)))
