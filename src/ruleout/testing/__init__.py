"""The laws that every page of the handbook is held to, for the project's own pages and for those that others write."""

from ruleout.testing.laws import (
    bijection,
    deterministic,
    guarded,
    indifferent,
    page,
    poor_evidence,
    pure,
    restores,
    speaks,
    speech,
    strange_tables,
    vocabulary,
)
from ruleout.testing.strange import strange_pairs

__all__ = [
    "bijection",
    "deterministic",
    "guarded",
    "indifferent",
    "page",
    "poor_evidence",
    "pure",
    "restores",
    "speaks",
    "speech",
    "strange_pairs",
    "strange_tables",
    "vocabulary",
]
