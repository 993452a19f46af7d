"""The answers on the page: scores against what came true, and tables of truth against answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from ruleout.exhibits.answers import Answers
from ruleout.report.html.axes import Axes, drawing, round_ticks
from ruleout.report.wording import clean, plural
from ruleout.tables.spoken import figure

__all__ = ["calibration", "confusions"]


def calibration(found: tuple[Answers, ...]) -> dict[str, Any] | None:
    """Both sides' scores against what came true, in one drawing; None where no side has probabilities or numbers."""
    drawn = [entry for entry in found if len(entry.answered)]
    if not drawn:
        return None
    regression = drawn[0].confusion is None
    if regression:
        every = np.concatenate([np.concatenate([entry.answered, entry.true]) for entry in drawn])
        low, high = float(every.min()), float(every.max())
        low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    else:
        low, high = 0.0, 1.0
    title = "mean answer" if regression else "mean score"
    axes = Axes((low, high), (low, high), height=260, title=title)
    ticks = round_ticks(low, high)
    parts = [axes.frame(ticks, ticks), axes.line([low, high], [low, high], "ideal")]
    told = []
    for entry in drawn:
        parts.append(axes.line(entry.answered.tolist(), entry.true.tolist(), f"line {entry.side}"))
        parts += [axes.dot(x, y, entry.side) for x, y in zip(entry.answered.tolist(), entry.true.tolist(), strict=True)]
        off = float(np.average(np.abs(entry.answered - entry.true), weights=entry.n_each))
        bins = plural(len(entry.answered), "bin")
        told.append(f"{entry.side}: off by {figure(off)} on average, {plural(int(entry.n_each.sum()), 'row')} in {bins}.")
    named = sorted({entry.positive for entry in drawn if entry.positive})
    what = "the mean true number" if regression else f"the share that was {clean(named[0])}" if named else "the share that was right"
    rows = [
        {"side": entry.side, "answered": figure(float(x)), "true": figure(float(y)), "n": f"{int(n):,}"}
        for entry in drawn
        for x, y, n in zip(entry.answered, entry.true, entry.n_each, strict=True)
    ]
    return {
        "what": what,
        "title": title,
        "sides": [entry.side for entry in drawn],
        "said": told,
        "rows": rows,
        "svg": drawing("calibration", f"{what} for each {title}", " ".join(told), Markup("").join(parts), height=260),
    }


def confusions(found: tuple[Answers, ...]) -> list[dict[str, Any]]:
    """Tables of truth against answer, each cell with its share of the row."""
    tables = []
    for entry in found:
        if entry.confusion is None:
            continue
        totals = entry.confusion.sum(axis=1, keepdims=True)
        shares = entry.confusion / np.maximum(totals, 1)
        rows = [
            {
                "name": clean(name),
                "cells": [
                    {"n": f"{int(n):,}", "share": f"{100 * share:.0f} %", "shade": round(9 * float(share)), "right": row == column}
                    for column, (n, share) in enumerate(zip(entry.confusion[row], shares[row], strict=True))
                ],
            }
            for row, name in enumerate(entry.classes)
        ]
        tables.append(
            {
                "side": entry.side,
                "table": entry.table,
                "n": f"{entry.n:,}",
                "classes": [clean(name) for name in entry.classes],
                "rows": rows,
            }
        )
    return tables
