"""tfdv: statistics of both tables and the skew between them.

It has no defaults: here Jensen-Shannon above 0.1 for numbers and L-infinity above 0.01 for texts.
"""

from __future__ import annotations

import pandas as pd
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2

from benchmarks.answer import arguments, write_answer

given = arguments()
statistics = []
for path in (given.reference, given.current):
    frame = pd.read_parquet(path)
    for name in frame.columns:
        if pd.api.types.is_datetime64_any_dtype(frame[name].dtype):
            frame[name] = frame[name].astype("int64").where(frame[name].notna())
    statistics.append(tfdv.generate_statistics_from_dataframe(frame, n_jobs=2))
    columns = list(frame.columns)
schema = tfdv.infer_schema(statistics[0])
for feature in schema.feature:
    comparator = tfdv.get_feature(schema, feature.name).skew_comparator
    if feature.name.startswith("c"):
        comparator.infinity_norm.threshold = 0.01
    else:
        comparator.jensen_shannon_divergence.threshold = 0.1
anomalies = tfdv.validate_statistics(statistics[0], schema, serving_statistics=statistics[1])
skews = {"COMPARATOR_L_INFTY_HIGH", "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH"}
drifted = [
    name
    for name, said in anomalies.anomaly_info.items()
    if any(anomalies_pb2.AnomalyInfo.Type.Name(reason.type) in skews for reason in said.reason)
]
write_answer(given, columns, drifted, "tensorflow-data-validation")
