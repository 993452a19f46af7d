"""Consequences: what follows from a cause is told after it, and never in its place."""

from __future__ import annotations

from ruleout.examination.agenda import Agenda, Entry
from ruleout.examination.examination import Confirmed

__all__ = ["with_consequences"]

SIGN = 1.5
"""Evidence that an origin needs to be one at all."""

ORIGIN = 0.3
"""An origin that is this probable is told before its consequence, however plainly the consequence shows."""

PLAIN = 3.0
"""An origin with this much evidence is told first even where putting the consequence right was measured: a rollback mends neither."""

SEEN = 0.2
"""A page that sees what follows needs no more evidence than this: its cause is known."""


def with_consequences(confirmed: tuple[Confirmed, ...], agenda: Agenda, *, computable: bool = False) -> tuple[Confirmed, ...]:
    """Put the origin first where only its consequence was observed, and add what is seen to follow from what was found.

    Pages say in `follows` which causes lead to theirs: a table without rows leads to an empty artifact, and that to a metric that is
    no number.

    Parameters
    ----------
    computable
        The metric can be computed from the current side's rows and artifact: what is seen in them did not make the reported one no
        number, unless rows are absent or the run log tells of it.
    """
    if not confirmed:
        return confirmed
    main = confirmed[0]
    origin = _origin(main, agenda, SIGN if main.observed else PLAIN, elsewhere=computable and main.cause == "pipeline.silent-metrics")
    if origin is not None:
        probability = agenda.probabilities()[origin.cause]
        first = Confirmed(origin.cause, origin.findings, None, None, round(min(0.9, max(probability, 0.6)), 4), observed=True)
        confirmed = (first, *confirmed)
    told = {c.cause for c in confirmed}
    after = [
        e for e in agenda.entries.values() if e.cause not in told and e.findings and told & set(e.page.follows) and _strength(e) >= SEEN
    ]
    after.sort(key=lambda e: (-_strength(e), e.cause))
    return (*confirmed, *(Confirmed(e.cause, e.findings, None, None, 0.6, observed=True) for e in after))


def _origin(consequence: Confirmed, agenda: Agenda, least: float, *, elsewhere: bool) -> Entry | None:
    """The likeliest cause that leads to an observed one and that was seen too, followed up to its own origin."""
    probability = agenda.probabilities()
    at, seen = agenda.entries[consequence.cause], {consequence.cause}
    while True:
        known = [agenda.entries[c] for c in at.page.follows if c in agenda.entries and c not in seen]
        likely = [e for e in known if e.findings and not e.excluded and _strength(e) >= least and probability[e.cause] >= ORIGIN]
        if elsewhere:
            likely = [e for e in likely if e.cause == "data.missing-partition" or any(f.component == "runlog" for f in e.findings)]
        if not likely:
            return None if at.cause == consequence.cause else at
        at = max(likely, key=lambda e: (probability[e.cause], e.cause))
        seen.add(at.cause)


def _strength(entry: Entry) -> float:
    return max(f.evidence for f in entry.findings)
