"""What is shown beside a conclusion: the distributions, answers, curves and runs that it rests on, counted once more for a reader."""

from ruleout.exhibits.gather import Exhibits, exhibits

__all__ = ["Exhibits", "exhibits"]
