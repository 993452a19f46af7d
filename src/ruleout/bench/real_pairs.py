"""python -m ruleout.bench.real_pairs: two real pairs of logs that others made, and whether each is answered rightly.

They come with NannyML (Apache-2.0), whose files are read where pip put them; the library itself is neither imported nor needed:
`pip install --no-deps nannyml` is enough.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ruleout.bench.score import mark
from ruleout.case.case import Case
from ruleout.case.memory import make_side
from ruleout.errors import MissingExtra, RuleoutError

__all__ = ["PAIRS", "RealPair", "data_folder", "read_pair", "run_pairs"]


@dataclass(frozen=True)
class RealPair:
    """Two stretches of one service's log: answers, then labels that came later.

    Parameters
    ----------
    files
        The log of the good time, the later log, and the later log's labels.
    columns
        What the files call `score` and `prediction`.
    since
        The part of the later log that is left out, in [0, 1): what came before anybody complained.
    verdict, cause
        What is true of it.
    """

    name: str
    title: str
    files: tuple[str, str, str]
    target: str
    time: str | None
    columns: tuple[tuple[str, str], ...]
    verdict: Literal["no-problem", "cause-found"]
    since: float = 0.0
    cause: str = ""
    places: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


PAIRS: tuple[RealPair, ...] = (
    RealPair(
        "employment_MA",
        "Who is employed in Massachusetts, census of 2015 against 2016 to 2018",
        ("employment_MA_reference.pq", "employment_MA_analysis.pq", "employment_MA_analysis_target.pq"),
        "employed",
        None,
        (("predicted_probability", "score"),),
        "no-problem",
        ignore=("year",),
    ),
    RealPair(
        "car_loan",
        "Who repays a car loan, since dearer cars are bought",
        ("synthetic_car_loan_reference.csv", "synthetic_car_loan_analysis.csv", "synthetic_car_loan_analysis_target.csv"),
        "repaid",
        "timestamp",
        (("y_pred_proba", "score"), ("y_pred", "prediction")),
        "cause-found",
        since=0.5,
        cause="data.drift",
        places=("car_value", "loan_length", "repaid_loan_on_prev_car", "salary_range"),
    ),
)
"""employment_MA: up to 9 of 16 columns drift and AUC does not fall. car_loan: dearer cars bring AUC from 0.971 to 0.960."""


def data_folder() -> Path:
    """Where NannyML's data lie; the library is found and not imported.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    found = importlib.util.find_spec("nannyml")
    for place in (found.submodule_search_locations or ()) if found else ():
        folder = Path(place) / "datasets" / "data"
        if folder.is_dir():
            return folder
    raise MissingExtra("the two real pairs come with the package nannyml, which is not installed: `pip install --no-deps nannyml`.")


def read_pair(pair: RealPair, folder: Path | None = None) -> Case:
    """The case of a pair: the good time's log as reference, the later one with its labels as current.

    Parameters
    ----------
    folder
        Where its files lie; by default where the installed package keeps them.
    """
    import pandas as pd

    place = folder or data_folder()
    read: dict[str, Callable[..., Any]] = {".pq": pd.read_parquet, ".csv": pd.read_csv}
    reference, current, labels = (read[Path(name).suffix](place / name) for name in pair.files)
    current = current.merge(labels, on="id")
    current = current.iloc[int(pair.since * len(current)) :]
    frames = []
    for frame in (reference, current):
        named = frame.rename(columns=dict(pair.columns))
        named[pair.target] = named[pair.target].astype(int)
        frames.append(named.assign(**{pair.time: pd.to_datetime(named[pair.time])}) if pair.time else named)
    return Case(
        make_side(serving=frames[1]),
        make_side(serving=frames[0]),
        title=pair.title,
        target=pair.target,
        task="classification",
        metric="roc_auc",
        positive=1,
        key="id",
        time=pair.time,
        ignore=pair.ignore,
    )


def run_pairs(investigate: Callable[[Case], Any], folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """Investigate both; yields a row each with `pair`, `right`, and what was said."""
    for pair in PAIRS:
        conclusion = investigate(read_pair(pair, folder)).to_dict()["conclusion"]
        truth = {
            "verdict": pair.verdict,
            "causes": [pair.cause] if pair.cause else [],
            "where": [list(pair.places)] if pair.cause else [],
            "accept": [],
            "accept_verdicts": [],
            "shares": None,
        }
        marked = mark(truth, conclusion)
        right = bool(marked["top1"]) and marked["place"] is not False
        yield {**marked, "pair": pair.name, "right": right, "expected": pair.cause or pair.verdict, "summary": conclusion["summary"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both pairs; the exit code is 1 where one is answered wrongly."""
    import argparse

    from ruleout.bench.__main__ import investigate

    argparse.ArgumentParser(prog="python -m ruleout.bench.real_pairs", description=__doc__).parse_args(arguments)
    wrong = 0
    try:
        for row in run_pairs(investigate):
            wrong += not row["right"]
            print(f"{'right' if row['right'] else 'WRONG'}  {row['pair']}, expected {row['expected']}: {row['summary']}", flush=True)
    except RuleoutError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
