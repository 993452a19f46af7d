"""A run that does not converge: a small network that reads digits, trained twice, the second time with one setting changed.

All that is left of either run is its configuration and its curve, so the answer rests on observation, and says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

images, digits = load_digits(return_X_y=True)
rows = train_test_split(images / 16, digits, test_size=0.4, random_state=0)


def run(folder: Path, **config: float) -> None:
    """Train for thirty epochs as a training program does: a configuration in, a curve out."""
    train, held, train_labels, held_labels = rows
    rate, batch = config["learning_rate"], int(config["batch_size"])
    network = MLPClassifier((48,), solver="sgd", learning_rate_init=rate, batch_size=batch, random_state=1)
    curve = []
    for epoch in range(30):
        with warnings.catch_warnings(action="ignore"):  # a diverging run is what this is about
            network.partial_fit(train, train_labels, classes=range(10))
        seen, unseen = (log_loss(y, network.predict_proba(x), labels=range(10)) for x, y in ((train, train_labels), (held, held_labels)))
        curve.append({"epoch": epoch + 1, "train_loss": seen, "val_loss": unseen, "val_accuracy": network.score(held, held_labels)})
    folder.mkdir(parents=True)
    pd.DataFrame(curve).to_csv(folder / "history.csv", index=False)
    (folder / "config.json").write_text(json.dumps(config))


def main() -> None:
    """Train twice and ask what is wrong with the second run."""
    home = Path(tempfile.mkdtemp(prefix="ruleout-training-"))
    run(home / "reference", learning_rate=0.02, batch_size=32)
    run(home / "current", learning_rate=2.0, batch_size=32)  # What went wrong: somebody lost two zeros.
    command = ["investigate", str(home), "--json", str(home / "found.json")]
    code = subprocess.run([sys.executable, "-m", "ruleout", *command], check=False).returncode
    found = json.loads((home / "found.json").read_text())
    assert code == 1, code
    assert found["problem"]["kind"] == "training", found["problem"]
    cause = found["conclusion"]["causes"][0]
    assert (cause["cause"], cause["where"]) == ("model.learning-rate", ["config.learning_rate"]), cause
    assert cause["observed"] and cause["share"] is None


if __name__ == "__main__":
    main()
