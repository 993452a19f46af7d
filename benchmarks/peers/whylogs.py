"""whylogs: a profile of each table from pandas, and its drift scores with their default algorithms and thresholds."""

from __future__ import annotations

import pandas as pd
import whylogs
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

from benchmarks.answer import arguments, write_answer

given = arguments()
views = []
for path in (given.reference, given.current):
    frame = pd.read_parquet(path)
    views.append(whylogs.log(pandas=frame).view())
    del frame
scores = calculate_drift_scores(target_view=views[1], reference_view=views[0], with_thresholds=True)
looked_at = [name for name, score in scores.items() if score is not None]
drifted = [name for name in looked_at if scores[name]["drift_category"] == "DRIFT"]
write_answer(given, looked_at, drifted, "whylogs")
