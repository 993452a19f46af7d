"""Guards: declarative checks that stay behind, the file they are kept in, and the gate that runs them."""

from ruleout.guards.checks import NAMES, Checked, check
from ruleout.guards.guard import Guard, Verdict
from ruleout.guards.toml import read_guards, write_guards

__all__ = ["NAMES", "Checked", "Guard", "Verdict", "check", "read_guards", "write_guards"]
