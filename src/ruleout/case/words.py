"""The words by which plain English decides anything: what a symptom says, what a column's name tells, what a pipeline's stage reports.

Whoever reports in another language adds its words here, and nowhere else. What configurations call their settings is not among them: those
names are the libraries' own.
"""

from __future__ import annotations

import re

__all__ = ["AFTERWARDS", "FAILED", "FAILS", "FUTURE", "IDENTIFIER", "JOINS", "OLD", "ROSE", "THINS", "WONDERS"]

# What those who report a case say of its score -------------------------------------------------------------------------

FAILS = re.compile(
    r"production|nowhere|not seen|unseen|no use\b|useless|no effect|\blive\b|in the field|real world|in operation|when used|in use\b|"
    r"deployed|cannot|nobody|disagree|coin.?(flip|toss)|falls apart|elsewhere|halve[sd]|not with|"
    r"(does|do|did|will|could|can)(n.?t| not|not) (help|work|hold|be (run|reproduced|computed|confirmed)|reproduce|confirm)|"
    r"(far|much|clearly) (worse|lower|less|better)|poor(ly)?\b|points? (less|lower|worse|below)|"
    r"(never|not) (there|known|available|confirmed)|next (week|month|quarter|season|year|batch)|\bnew (season|site|plant|people|users)",
    re.IGNORECASE,
)
"""The score is known not to hold where the model is used."""

ROSE = re.compile(
    r"jump|rose|soar|leap|brought|since|after adding|(was|were|got) (added|merged|joined|exported)|adding|up from|from \d[\d.]*\s?%? to|"
    r"down by|overnight",
    re.IGNORECASE,
)
"""The score became good at once, with a change in what the model is given."""

WONDERS = re.compile(
    r"too (good|beautiful)|suspicious|point zero|beats everything|better than (the )?(literature|published|state of)", re.IGNORECASE
)
"""Somebody wonders; so do people over honest scores, and it says little."""

# What the names of columns tell ------------------------------------------------------------------------------------------

AFTERWARDS = re.compile(
    r"reason|clos(ed|ing|ure)|settle|after|post(_|erior)|final|outcome|result|recover|refund|cancel|resol|chargeback|dispos|discharg|"
    r"label|target|actual|_end(ed)?(_|$)|termin|collect|writeoff|write_off|retention|winback|exit|death|confirmed|approved|decision|"
    r"next_|future|follow|arriv|complet|return(ed)?(_|$)|churn|default|fraud|convert",
    re.IGNORECASE,
)
"""Names of what is known only afterwards."""

FUTURE = re.compile(r"next|future|following|lead(_|$)|tomorrow|ahead|upcoming|subsequent|centred|centered", re.IGNORECASE)
"""Names of what looks ahead."""

IDENTIFIER = re.compile(
    r"(^|_)(id|ids|no|nr|key|uuid|code)$|^id_|person|patient|subject|customer|client|user|member|account|household|family|student|teacher|"
    r"respondent|employee|device|machine|vehicle|session|player|company|firm|tail|author|speaker|donor|owner|hotel|shop|store",
    re.IGNORECASE,
)
"""Names of what rows belong to."""

# What the stages of a pipeline report ------------------------------------------------------------------------------------

OLD = re.compile(
    r"yesterday|stale|cached? |from cache|fall(ing|s)? ?back|previous (run|day|partition|snapshot)|re-?us(ed|ing)|last known"
    r"|not (yet )?updated"
)
"""A stage went on with data that is not new."""

JOINS = re.compile(r"join|merge|lookup|enrich|match|attach|augment")
"""Stages that bring tables together."""

THINS = re.compile(
    r"filter|sampl|aggregat|group|dedup|distinct|window|select|split|rollup|train|fit|test|evaluat|valid|publish|upload|export|score|predict"
)
"""Stages that keep some of their rows by their nature, or turn rows into something else."""

FAILED = re.compile(r"fail|error|abort|timeout|timed out|killed|exception|crash")
"""A stage did not do what it was to do."""
