"""Test: one hypothesis at a time, the worthiest per second first, each confirmed by putting it right."""

from ruleout.examination.examination import Confirmed, Event, Examination, Hypothesis, Step
from ruleout.examination.examine import examine

__all__ = ["Confirmed", "Event", "Examination", "Hypothesis", "Step", "examine"]
