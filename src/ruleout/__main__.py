"""`python -m ruleout` is the `ruleout` command, for where it is not on the path."""

from __future__ import annotations

from ruleout.cli import main

if __name__ == "__main__":
    main()
