"""Conclude: the cause, its share, what was ruled out, the fix, the guard."""

from ruleout.conclusion.conclude import conclude
from ruleout.conclusion.conclusion import CauseFound, Conclusion, Next
from ruleout.conclusion.investigate import investigate

__all__ = ["CauseFound", "Conclusion", "Next", "conclude", "investigate"]
