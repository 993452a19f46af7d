"""A column is missing, renamed, retyped, or has changed places."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ruleout.faults.fault import Fault, Inapplicable, Plan, Severity, on_current
from ruleout.faults.night import Night, PlannedNight
from ruleout.faults.system import Half, System, weighty


class SchemaMismatch(Fault):
    """A table no longer has the columns that it had: one is gone, called otherwise, of another type, or two are exchanged.

    Of one of two sources, the numbers of a part of the rows stand one column to the right (an unquoted comma), or two are exchanged.
    """

    variants = ("missing", "renamed", "retyped", "exchanged", "part-exchanged", "cells")

    def plan(self, system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
        """One to three weighty columns; the training program takes the columns that it finds."""
        n = {"small": 1, "medium": int(rng.integers(1, 3)), "large": 3}[severity]
        if variant == "exchanged":
            return _exchanged(system, rng, severity)
        if variant in ("part-exchanged", "cells"):
            return _in_part(system, rng, severity, variant)
        columns = weighty(system, "numeric" if variant == "retyped" else "any", rng, n, among=3 if severity != "small" else 2)
        if not columns:
            raise Inapplicable(f"no column for {variant}")
        tables = ["train"] if variant == "retyped" or rng.random() < 0.5 else ["train", "validation"]
        suffix = str(rng.choice(["_v2", "_new", "_raw", "_value"]))
        text = str(rng.choice(["decimal comma", "unit"]))

        def change(half: Half) -> Half:
            for table in tables:
                frame = half.frame(table)
                if variant == "missing":
                    frame = frame.drop(columns=columns)
                elif variant == "renamed":
                    frame = frame.rename(columns={c: c + suffix for c in columns})
                else:
                    frame = frame.copy()
                    for column in columns:
                        frame[column] = _as_text(frame[column], text)
                half = half.with_frame(table, frame)
            return half

        names = columns + [c + suffix for c in columns] if variant == "renamed" else columns
        parameters = {"tables": tables, "columns": columns, "suffix": suffix, "text": text}
        return Plan(on_current(change), tuple(f"{t}.{c}" for t in tables for c in names), parameters)


def _as_text(values: Any, text: str) -> Any:
    """Numbers as text that no number parser takes; null stays null."""
    if text == "unit":
        return values.map(lambda v: f"{v:g} u").where(values.notna(), None).astype("str")
    return values.map(lambda v: f"{v:.3f}".replace(".", ",")).where(values.notna(), None).astype("str")


def _exchanged(system: System, rng: np.random.Generator, severity: Severity) -> Plan:
    numeric = list(system.dataset.numeric)
    if len(numeric) < 2:
        raise Inapplicable("fewer than two numbers to exchange")
    first = weighty(system, "numeric", rng)[0]
    second = str(rng.choice([c for c in numeric if c != first]))
    pairs = [(first, second)]
    left = [c for c in numeric if c not in (first, second)]
    if severity == "large" and len(left) >= 2:
        a, b = rng.choice(left, 2, replace=False)
        pairs.append((str(a), str(b)))
    table = str(rng.choice(["train", "validation"]))

    def change(half: Half) -> Half:
        frame = half.frame(table).copy()
        for a, b in pairs:
            frame[a], frame[b] = half.frame(table)[b], half.frame(table)[a]
        return half.with_frame(table, frame)

    return Plan(on_current(change), tuple(f"{table}.{c}" for pair in pairs for c in pair), {"table": table, "pairs": pairs})


def _in_part(system: System, rng: np.random.Generator, severity: Severity, variant: str) -> Plan:
    numeric = [str(c) for c in system.dataset.numeric]
    if len(numeric) < (2 if variant == "part-exchanged" else 3):
        raise Inapplicable("too few numbers")
    share = {"small": 0.2, "medium": 0.35, "large": 0.5}[severity]
    first = weighty(system, "numeric", rng)[0]
    second = str(rng.choice([c for c in numeric if c != first]))
    table, seed = str(rng.choice(["train", "validation"])), int(rng.integers(2**31))

    def change(half: Half) -> Half:
        frame = half.frame(table).copy()
        rows = np.random.default_rng(seed).random(len(frame)) < share
        was = half.frame(table)
        columns = [first, second] if variant == "part-exchanged" else numeric
        for to, source in zip(columns, columns[-1:] + columns[:-1], strict=True):
            values = was[source].astype(float)
            if variant == "cells" and to == columns[0]:
                values = values * np.nan
            frame[to] = was[to].astype(float).where(~rows, values)
        return half.with_frame(table, frame)

    columns = [first, second] if variant == "part-exchanged" else numeric
    accept = () if variant == "part-exchanged" else ("data.row-misalignment",)
    return Plan(on_current(change), tuple(f"{table}.{c}" for c in columns), {"table": table, "share": share}, accept=accept)


class SchemaMismatchSilent(PlannedNight):
    """A source was changed upstream, and every job of the night is green: columns gone, renamed, or come as text and made null."""

    planned: ClassVar[type[Fault]] = SchemaMismatch
    variants = ("missing", "renamed", "retyped", "exchanged")

    def told(self, night: Night, after: Night, rng: np.random.Generator) -> tuple[Night, tuple[str, ...]]:
        """Now and then a stage says in passing that it coerced or skipped columns."""
        if rng.random() < 0.5:
            after = after.with_stage(
                "features", message=str(rng.choice(["features built; columns coerced to numbers", "2 columns skipped", "ok"]))
            )
        return after, ()
