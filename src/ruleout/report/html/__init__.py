"""The report as an HTML page: one file that loads nothing, readable on a phone, on paper, and by those who hear it."""

from ruleout.report.html.comparison import comparison
from ruleout.report.html.investigation import investigation

__all__ = ["comparison", "investigation"]
