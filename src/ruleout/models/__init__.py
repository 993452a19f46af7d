"""Artifacts of every kind: opened (those in files in a child process), asked, described and fitted again.

One file per engine with the same furniture; nothing heavier than Arrow is imported before a model is opened.
"""

from ruleout.models.artifact import Artifact
from ruleout.models.model import Description, Model, Prediction
from ruleout.models.witness import fit_witness

__all__ = ["Artifact", "Description", "Model", "Prediction", "fit_witness"]
