"""deepchecks: the train-test validation suite with its defaults, on pandas."""

from __future__ import annotations

import os

os.environ["DEEPCHECKS_DISABLE_ANALYTICS"] = "true"
import pandas as pd
from deepchecks.tabular import Dataset
from deepchecks.tabular.suites import train_test_validation

from benchmarks.answer import arguments, write_answer

given = arguments()
frames = [pd.read_parquet(path) for path in (given.reference, given.current)]
texts = [name for name in frames[0] if name.startswith("c")]
times = [name for name in frames[0] if pd.api.types.is_datetime64_any_dtype(frames[0][name].dtype)]
frames = [frame.drop(columns=times) for frame in frames]
reference, current = (Dataset(frame, label="label", cat_features=texts) for frame in frames)
found = train_test_validation().run(reference, current)
looked_at: list[str] = []
drifted: list[str] = []
for result in found.get_passed_checks() + found.get_not_passed_checks():
    name = type(result.check).__name__
    if name == "FeatureDrift":
        scores = {column: (of["Drift score"], of["Method"]) for column, of in result.value.items() if of["Drift score"] is not None}
    elif name == "LabelDrift":
        scores = {"label": (result.value["Drift score"], result.value["Method"])}
    else:
        continue
    looked_at += scores
    drifted += [column for column, (score, _) in scores.items() if score >= 0.2]
found.save_as_html(str(given.answer.with_suffix(".html")))
write_answer(given, looked_at, drifted, "deepchecks")
