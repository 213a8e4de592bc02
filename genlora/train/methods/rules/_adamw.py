"""AdamW, the rule that is always there."""

from .._registry import method
from .._rules import Adam


@method(
    "rule",
    "adamw",
    axis="dynamics",
    title="AdamW on whatever is trained",
    source="Loshchilov & Hutter 2019, arXiv 1711.05101",
    cost="none",
    when="unless another rule replaces it",
)
class AdamW(Adam):
    """AdamW."""
