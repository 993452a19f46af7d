"""nannyml: the univariate drift calculator with its defaults (Jensen-Shannon), each table one chunk, on pandas."""

from __future__ import annotations

import os

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
import nannyml
import pandas as pd

from benchmarks.answer import arguments, write_answer

given = arguments()
reference, current = pd.read_parquet(given.reference), pd.read_parquet(given.current)
columns = [name for name in reference.columns if not pd.api.types.is_datetime64_any_dtype(reference[name].dtype)]
texts = [name for name in columns if not pd.api.types.is_numeric_dtype(reference[name].dtype)]
calculator = nannyml.UnivariateDriftCalculator(
    column_names=columns, treat_as_categorical=[*texts, "label"], chunk_number=10, continuous_methods=["jensen_shannon"]
)
found = calculator.fit(reference).calculate(current).filter(period="analysis").to_df()
drifted = [name for name in columns if found[(name, "jensen_shannon", "alert")].mean() > 0.5]
write_answer(given, columns, drifted, "nannyml")
