"""Reading a case costs what the case costs: what it does not need is not imported on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_case_is_read_without_scikit_learn(case_folder: Path) -> None:
    # pandas is not in the list: pyarrow imports it by itself when it builds an array from Python values.
    code = (
        "import sys\n"
        "from ruleout.case import read_case\n"
        f"assert read_case({str(case_folder)!r}).target == 'defaulted'\n"
        "print([name for name in ('sklearn', 'scipy', 'yaml', 'duckdb', 'narwhals', 'joblib', 'lightgbm') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
