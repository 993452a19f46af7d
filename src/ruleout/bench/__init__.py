"""The bench: faults x systems x seeds through the whole walk, scored and set beside naive baselines."""

from ruleout.bench.items import Item, build, plan_items
from ruleout.bench.run import run_bench
from ruleout.bench.score import mark, totals
from ruleout.bench.table import render_table

__all__ = ["Item", "build", "mark", "plan_items", "render_table", "run_bench", "totals"]
