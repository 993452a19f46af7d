"""Black-box factors: which of the differences that a case names explain the change of a metric that only a command can measure."""

from ruleout.factors.answer import Answer
from ruleout.factors.measure import Bench, Measurement
from ruleout.factors.search import Plan, Round, Search

__all__ = ["Answer", "Bench", "Measurement", "Plan", "Round", "Search"]
