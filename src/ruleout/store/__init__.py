"""What was worked out before, by content: answers, metrics and trained artifacts, kept on this machine."""

from ruleout.store.content import command_key, key_of, surroundings
from ruleout.store.store import Store, default_place

__all__ = ["Store", "command_key", "default_place", "key_of", "surroundings"]
