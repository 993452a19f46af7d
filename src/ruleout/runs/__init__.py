"""Independent runs, side by side: by processes of this machine, or by the workers of a Dask cluster; answers come in the order asked."""

from ruleout.runs.here import Here
from ruleout.runs.workers import ALONE, Workers, check_workers, open_workers

__all__ = ["ALONE", "Here", "Workers", "check_workers", "open_workers"]
