"""What holds for every test: none takes results from another, or from whoever runs them."""

from __future__ import annotations

import os

os.environ["RULEOUT_CACHE"] = "off"
