"""Tasks made by a rule: their examples are drawn from word lists of our own, the same on every machine."""

from ._registry import rule_names as rule_names
from ._registry import rule_task as rule_task
