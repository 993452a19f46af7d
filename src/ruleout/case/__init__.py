"""Clarify: what a case holds, what is assumed, what is missing."""

from ruleout.case.case import Case, Run, Side
from ruleout.case.code import Code
from ruleout.case.environment import Environment
from ruleout.case.missing import missing_evidence
from ruleout.case.read import read_case
from ruleout.case.settle import settle

__all__ = ["Case", "Code", "Environment", "Run", "Side", "missing_evidence", "read_case", "settle"]
