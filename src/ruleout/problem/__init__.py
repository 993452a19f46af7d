"""Restate: the metric on both sides, its interval, and what kind of problem it is."""

from ruleout.problem.laboratory import Laboratory
from ruleout.problem.problem import Problem
from ruleout.problem.state import state_problem

__all__ = ["Laboratory", "Problem", "state_problem"]
