"""The bench's results as plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["render_table"]

_COLUMNS = (("AC@1", "AC@1"), ("AC@3", "AC@3"), ("place", "place"), ("false_alarms", "alarms"), ("both", "both"))


def render_table(summary: Mapping[str, Any]) -> str:
    """Totals of ruleout and of the baselines, then by cause, then how far its probabilities can be believed."""
    width = max([24, *(len(name) for name in summary["by_cause"])]) + 2
    head = f"{'':{width}}{'n':>6}" + "".join(f"{title:>9}" for _, title in _COLUMNS) + f"{'shares':>9}{'ECE':>7}{'seconds':>9}"
    lines = [head, "-" * len(head), _line("ruleout", summary["ruleout"], width)]
    lines += [_line(name, total, width) for name, total in summary["baselines"].items()]
    for title, group in (
        ("by situation", "by_situation"),
        ("by evidence", "by_evidence"),
        ("by cause", "by_cause"),
        ("by severity", "by_severity"),
        ("by system", "by_system"),
    ):
        lines += ["", title]
        for name, total in summary[group].items():
            instead = ", ".join(f"{cause} x{n}" for cause, n in total["instead"].items())
            lines.append(_line(f"  {name}", total, width) + (f"  said {instead}" if instead else ""))
    if summary["reliability"]:
        lines += ["", "probability said, and how often it was right"]
        lines += [
            f"  {b['from']:.1f} to {b['to']:.1f}  said {b['said']:.2f}  right {b['right']:.2f}  n = {b['n']}"
            for b in summary["reliability"]
        ]
    if summary["skipped"]:
        lines += [
            "",
            f"{len(summary['skipped'])} items were left out: the fault moved no metric beyond two standard errors on any system tried.",
        ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _line(name: str, total: Mapping[str, Any], width: int) -> str:
    cells = "".join(f"{_rate(total[key]):>9}" for key, _ in _COLUMNS)
    rest = ((total["share_error"], 9), (total["calibration_error"], 7), (total["median_seconds"], 9))
    return f"{name:{width}}{total['n_cases']:>6}{cells}" + "".join(f"{_number(value):>{wide}}" for value, wide in rest)


def _rate(value: Mapping[str, Any] | None) -> str:
    return "-" if value is None else f"{value['rate']:.3f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
