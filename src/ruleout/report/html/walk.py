"""The walk as a timeline: every step, what it did to its hypothesis, and how the three buckets stood after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ruleout.conclusion.conclusion import Conclusion
from ruleout.examination.examination import Examination
from ruleout.report.outline import BUCKETS
from ruleout.report.wording import percent, seconds

__all__ = ["beliefs", "timeline"]

WIDE, HIGH = 1000, 220


def timeline(conclusion: Conclusion) -> list[dict[str, Any]]:
    """The steps as the template reads them; `quiet` ones are checks that found nothing."""
    examination = conclusion.examination
    known = {h.cause: h.prior for h in examination.hypotheses}
    rows = []
    for step in examination.steps:
        before, after = known.get(step.cause), step.probabilities.get(step.cause)
        known |= step.probabilities
        quiet = step.kind == "check" and (after is None or before is None or after <= before or percent(after) == percent(before))
        rows.append(
            {
                "step": step,
                "bucket": step.cause.partition(".")[0],
                "quiet": quiet,
                "before": percent(before) if before is not None else "",
                "after": percent(after) if after is not None else "",
                "moved": before is not None and after is not None and percent(before) != percent(after),
                "seconds": seconds(step.seconds),
                "buckets": _mix(step.buckets),
                "said": ", ".join(f"{bucket} {percent(step.buckets[bucket])}" for bucket in BUCKETS if bucket in step.buckets),
            }
        )
    return rows


def beliefs(conclusion: Conclusion) -> dict[str, Any] | None:
    """How probable each bucket was, from before the first step on; None where fewer than two steps, or buckets, are told apart."""
    examination = conclusion.examination
    told = [step for step in examination.steps if step.buckets]
    if len(told) < 2 or len({h.bucket for h in examination.hypotheses}) < 2:
        return None
    states = [_priors(examination), *(step.buckets for step in told)]
    each = WIDE / (len(states) - 1)
    parts = [Markup('<path class="grid" d="M0 {y}H{w}"/>').format(y=_up(share), w=WIDE) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for at, step in enumerate(told, start=1):
        if step.kind == "intervention":
            parts.append(Markup('<path class="intervention" d="M{:.1f} 0V{}"/>').format(at * each, HIGH))
    for bucket in BUCKETS:
        points = "L".join(f"{at * each:.1f} {_up(state.get(bucket, 0.0)):.1f}" for at, state in enumerate(states))
        parts.append(Markup('<path class="belief {}" d="M{}"/>').format(bucket, points))
    ends = [
        {"bucket": bucket, "before": percent(states[0].get(bucket, 0.0)), "after": percent(states[-1].get(bucket, 0.0))}
        for bucket in BUCKETS
    ]
    description = "; ".join(f"{end['bucket']} from {end['before']} to {end['after']}" for end in ends)
    svg = Markup(
        '<svg class="beliefs" viewBox="0 -4 {} {}" preserveAspectRatio="none" role="img" aria-labelledby="beliefs-t beliefs-d">'
        '<title id="beliefs-t">How probable the three buckets were, step by step</title><desc id="beliefs-d">{}</desc>{}</svg>'
    ).format(WIDE, HIGH + 8, description, Markup("").join(parts))
    return {"svg": svg, "ends": ends, "n": len(told), "interventions": any(step.kind == "intervention" for step in told)}


def _priors(examination: Examination) -> Mapping[str, float]:
    total = sum(h.prior for h in examination.hypotheses) or 1.0
    return {bucket: sum(h.prior for h in examination.hypotheses if h.bucket == bucket) / total for bucket in BUCKETS}


def _up(share: float) -> float:
    return HIGH * (1 - share)


def _mix(buckets: Mapping[str, float]) -> Markup | None:
    """The three buckets in one bar."""
    if not buckets:
        return None
    parts, at = [], 0.0
    total = sum(buckets.get(bucket, 0.0) for bucket in BUCKETS) or 1.0
    for bucket in BUCKETS:
        wide = 90 * buckets.get(bucket, 0.0) / total
        parts.append(Markup('<rect class="part {}" x="{:.1f}" y="0" width="{:.1f}" height="8"/>').format(bucket, at, wide))
        at += wide
    return Markup('<svg class="mix" viewBox="0 0 90 8" width="90" height="8" aria-hidden="true">{}</svg>').format(Markup("").join(parts))
