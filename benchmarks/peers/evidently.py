"""evidently: the DataDriftPreset with its defaults, on pandas."""

from __future__ import annotations

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from benchmarks.answer import arguments, write_answer

given = arguments()
frames = [pd.read_parquet(path) for path in (given.reference, given.current)]
kinds = frames[0].dtypes
times = [name for name in kinds.index if pd.api.types.is_datetime64_any_dtype(kinds[name])]
texts = [name for name in kinds.index if not pd.api.types.is_numeric_dtype(kinds[name]) and name not in times]
numbers = [name for name in kinds.index if name not in texts and name not in times]
definition = DataDefinition(numerical_columns=numbers, categorical_columns=texts, datetime_columns=times)
reference, current = (Dataset.from_pandas(frame, data_definition=definition) for frame in frames)
run = Report([DataDriftPreset()]).run(current, reference)
looked_at, drifted = [], []
for metric in run.dict()["metrics"]:
    asked = metric.get("config", {})
    if "column" in asked and "method" in asked:
        looked_at.append(asked["column"])
        smaller_is_drift = "p_value" in asked["method"]
        value, threshold = float(metric["value"]), float(asked["threshold"])
        if (value < threshold) if smaller_is_drift else (value >= threshold):
            drifted.append(asked["column"])
run.save_html(str(given.answer.with_suffix(".html")))
write_answer(given, looked_at, drifted, "evidently")
