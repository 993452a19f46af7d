"""Who reads the parts of a table: threads of this process, or the workers of a Spark or Dask cluster; a file an engine, the same furniture.

An engine carries tasks to workers and their answers back. What a task does, how a table is cut into parts and in which order the answers
are merged is the same for all, so that every engine gives the same profile, to the last bit.
"""

from ruleout.tables.engines.address import check_address, close_engines, open_engine
from ruleout.tables.engines.exchange import Finish, Split, exchanged
from ruleout.tables.engines.task import Engine, Task, asked
from ruleout.tables.engines.threads import THREADS

__all__ = ["THREADS", "Engine", "Finish", "Split", "Task", "asked", "check_address", "close_engines", "exchanged", "open_engine"]
