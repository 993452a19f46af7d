"""A table of any size as Arrow batches: read, profiled in one pass, and compared with another."""

from ruleout.tables.changes import ColumnChange, Comparison
from ruleout.tables.compare import compare
from ruleout.tables.frames import as_table
from ruleout.tables.profile import ColumnProfile, Profile
from ruleout.tables.read import read_table
from ruleout.tables.stored import write_profile
from ruleout.tables.table import Table

__all__ = ["ColumnChange", "ColumnProfile", "Comparison", "Profile", "Table", "as_table", "compare", "read_table", "write_profile"]
