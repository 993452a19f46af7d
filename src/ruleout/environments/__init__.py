"""Environments: those that a case records are installed, each in a folder of its own, and what ran in them is run in them again."""

from ruleout.environments.install import Installer
from ruleout.environments.installations import Installations
from ruleout.environments.requirements import Requirements, differing, mixed
from ruleout.environments.stored import Installation

__all__ = ["Installation", "Installations", "Installer", "Requirements", "differing", "mixed"]
