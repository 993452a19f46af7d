from __future__ import annotations

from ruleout.causes import catalog
from ruleout.causes.page import Finding, Look
from ruleout.examination.agenda import Agenda
from ruleout.examination.consequences import with_consequences
from ruleout.examination.examination import Confirmed
from ruleout.examination.priors import priors


def agenda(**seen: float) -> Agenda:
    pages = catalog()
    made = Agenda(pages, priors("silent", [p.id() for p in pages]), {})
    for name, evidence in seen.items():
        cause = name.replace("__", ".").replace("_", "-")
        made.entries[cause].record_look(Look((Finding("x", "runlog", evidence, "Seen."),), 0.9))
    return made


def found(cause: str, *, observed: bool = True) -> tuple[Confirmed, ...]:
    return (Confirmed(cause, (Finding("x", "model", 3.0, "Seen."),), None, None, 0.8, observed=observed),)


def test_what_follows_is_told_after_what_it_follows_from() -> None:
    told = with_consequences(found("data.missing-partition", observed=False), agenda(pipeline__silent_metrics=3.6))
    assert [c.cause for c in told] == ["data.missing-partition", "pipeline.silent-metrics"]


def test_an_origin_that_was_seen_too_comes_first() -> None:
    seen = agenda(data__missing_partition=3.6, pipeline__empty_artifact=3.9, pipeline__silent_metrics=3.6)
    told = [c.cause for c in with_consequences(found("pipeline.silent-metrics"), seen)]
    assert told[0] == "data.missing-partition" and set(told[1:]) == {"pipeline.silent-metrics", "pipeline.empty-artifact"}


def test_alone_it_stays_alone() -> None:
    assert with_consequences(found("data.unit-change"), agenda(pipeline__silent_metrics=3.6)) == found("data.unit-change")
    assert with_consequences((), agenda()) == ()


def test_a_proved_rollback_does_not_hide_the_rows_that_were_absent() -> None:
    seen = agenda(data__missing_partition=3.9, pipeline__empty_artifact=3.9)
    told = [c.cause for c in with_consequences(found("pipeline.empty-artifact", observed=False), seen)]
    assert told == ["data.missing-partition", "pipeline.empty-artifact"]
    faint = agenda(data__missing_partition=2.0, pipeline__empty_artifact=3.9)
    assert with_consequences(found("pipeline.empty-artifact", observed=False), faint)[0].cause == "pipeline.empty-artifact"


def test_a_metric_that_can_be_computed_was_lost_in_the_report_and_not_by_odd_rows() -> None:
    lost = found("pipeline.silent-metrics")
    odd = agenda(data__missing_values=3.9, pipeline__silent_metrics=3.6)
    look = Look((Finding("train.a", "train", 3.9, "Seen."),), 0.9)
    odd.entries["data.missing-values"].look = look
    assert with_consequences(lost, odd)[0].cause == "data.missing-values"
    assert with_consequences(lost, odd, computable=True)[0].cause == "pipeline.silent-metrics"
