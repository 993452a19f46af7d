"""How an answer is held against the truth, and what many of them come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

__all__ = ["Answer", "calibration", "mark", "same_place", "totals"]

Answer = Mapping[str, Any]
"""`{"verdict", "causes": [{"cause", "where", "share", "probability"}], "open": [cause, ...]}`: what is scored of a conclusion."""


def tail(place: str) -> str:
    """The last dot component, in small letters: `train.income` and `income` name the same column."""
    return str(place).strip().lower().split(".")[-1]


def same_place(said: Sequence[str], true: Sequence[str]) -> bool:
    """Whether any place that was said is one that is right; anything is where the truth names none."""
    return not true or bool({tail(p) for p in said} & {tail(p) for p in true})


def mark(truth: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """Mark one answer against `Truth.to_dict()`.

    Returns
    -------
    dict
        `top1`, `top3`; `place` (None where the cause is wrong or the truth names no place); `alarm` on a healthy case;
        `both` and `share_error` for pairs; `denied` where harm was called no problem; `probability` and `right` of the first cause.
    """
    named = [c["cause"] for c in answer["causes"]]
    sick = truth["verdict"] == "cause-found"
    out: dict[str, Any] = {
        "sick": sick,
        "said": named,
        "verdict": answer["verdict"],
        "place": None,
        "both": None,
        "share_error": None,
        "alarm": None,
    }
    out["probability"] = answer["causes"][0].get("probability") if named else None
    if not sick:
        out["top1"] = out["top3"] = answer["verdict"] == "no-problem"
        out["alarm"] = answer["verdict"] == "cause-found"
        out["right"], out["denied"] = False, False
        return out
    right = _main(truth) | set(truth["accept"])
    excused = answer["verdict"] in truth["accept_verdicts"]
    ranked = list(dict.fromkeys([*named, *answer.get("open", [])]))[:3]
    out["right"] = answer["verdict"] == "cause-found" and bool(named) and named[0] in right
    out["top1"] = out["right"] or excused
    out["top3"] = bool(right & set(ranked)) or excused
    out["denied"] = answer["verdict"] == "no-problem" and not excused
    if out["right"]:
        k = truth["causes"].index(named[0]) if named[0] in truth["causes"] else 0
        out["place"] = same_place(answer["causes"][0].get("where") or [], truth["where"][k])
    if truth["shares"] is not None:
        out["both"] = all(_named(cause, places, truth, answer) for cause, places in zip(truth["causes"], truth["where"], strict=True))
        said = {c["cause"]: c.get("share") for c in answer["causes"]}
        errors = [abs(said[c] - s) for c, s in zip(truth["causes"], truth["shares"], strict=True) if said.get(c) is not None]
        out["share_error"] = sum(errors) / len(errors) if errors else None
    return out


def _named(cause: str, places: Sequence[str], truth: Mapping[str, Any], answer: Answer) -> bool:
    """Whether an answer names one of several causes: by its id, or by one that is accepted too, at its place."""
    if any(c["cause"] == cause for c in answer["causes"]):
        return True
    return any(c["cause"] in truth["accept"] and bool(places) and same_place(c.get("where") or [], places) for c in answer["causes"])


def _main(truth: Mapping[str, Any]) -> set[str]:
    """The main cause, and one whose share is as large to within a tenth."""
    if truth["shares"] is None:
        return set(truth["causes"][:1])
    largest = max(truth["shares"])
    return {c for c, s in zip(truth["causes"], truth["shares"], strict=True) if s >= largest - 0.1}


def totals(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the marks of many cases come to, each a rate with its number of cases, or None where there is no case."""
    sick = [r for r in rows if r["sick"]]
    return {
        "n_cases": len(rows),
        "AC@1": _rate(sick, "top1"),
        "AC@3": _rate(sick, "top3"),
        "place": _rate(sick, "place"),
        "false_alarms": _rate(rows, "alarm"),
        "denied": _rate(sick, "denied"),
        "both": _rate(rows, "both"),
        "share_error": _mean([r["share_error"] for r in rows if r["share_error"] is not None]),
        "calibration_error": calibration(rows)["error"],
        "crashes": sum(r.get("state") == "crash" for r in rows),
        "median_seconds": round(median(r["seconds"] for r in rows), 2) if rows and "seconds" in rows[0] else None,
        "instead": dict(Counter((r["said"] or [r["verdict"]])[0] for r in sick if not r["top1"]).most_common(4)),
    }


def _rate(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any] | None:
    values = [bool(r[name]) for r in rows if r[name] is not None]
    return {"rate": round(sum(values) / len(values), 4), "n": len(values)} if values else None


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def calibration(rows: Sequence[Mapping[str, Any]], n_bins: int = 10) -> dict[str, Any]:
    """Expected calibration error of the first cause's probability (Naeini, Cooper and Hauskrecht, 2015) with its reliability table.

    A cause that is named on a healthy case is a wrong one.
    """
    stated = [(float(r["probability"]), bool(r["right"])) for r in rows if r["probability"] is not None]
    if not stated:
        return {"error": None, "bins": []}
    probabilities, right = np.array([p for p, _ in stated]), np.array([ok for _, ok in stated])
    index = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
    bins, error = [], 0.0
    for k in range(n_bins):
        inside = index == k
        if inside.any():
            said, was = float(probabilities[inside].mean()), float(right[inside].mean())
            bins.append(
                {"from": k / n_bins, "to": (k + 1) / n_bins, "n": int(inside.sum()), "said": round(said, 4), "right": round(was, 4)}
            )
            error += inside.mean() * abs(said - was)
    return {"error": round(float(error), 4), "bins": bins}
