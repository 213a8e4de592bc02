"""Which methods go together: every pair that does not is refused with one sentence that says why."""

from collections.abc import Sequence

from ._registry import Method

_OWN_START = {
    "xs": "it starts from singular vectors of the weight, or of its gradient (lora-sb)",
    "loldu": "it starts from the weight's own triangular factors",
    "block": "its one shared block of A starts from the common draw",
    "randlora": "its bases are drawn once for all modules",
    "miss": "its A is fixed and its one block starts at zero",
    "mica": "its B is the weight's own and its A starts at zero",
    "bone": "its blocks start at zero and the weight steers them",
}


def init_and_structure(init: Method, structure: Method, options: dict[str, object]) -> str | None:
    """Why they do not go together, or None where they do."""
    if init.name == "common":
        return None
    if init.name == "lora-sb":
        if structure.name == "xs":
            return None
        return f"init lora-sb starts the small core of structure xs, and structure {structure.name} has none."
    if structure.name in _OWN_START:
        return f"structure {structure.name} takes no init {init.name}: {_OWN_START[structure.name]}."
    if structure.name == "complement":
        if init.name == "eva" and options.get("side") == "left":
            return None
        return (
            f"structure complement takes no init {init.name}: what it projects out of A would be lost (eva goes with "
            "side=left, which leaves A free)."
        )
    return None


def structure_and_rule(structure: Method, rule: Method) -> str | None:
    """Why they do not go together, or None where they do."""
    if "free factors" in rule.traits and structure.name != "lora":
        return f"rule {rule.name} needs A and B that are both free, and structure {structure.name} ties them."
    if "free b" in rule.traits and structure.name not in ("lora", "block"):
        return (
            f"rule {rule.name} scales the steps of a B that is trained freely, and structure {structure.name} has none."
        )
    if "two factors" in rule.traits and structure.name not in ("lora", "block", "complement"):
        return f"rule {rule.name} gives A and B different rates, and structure {structure.name} does not train both."
    return None


def rule_and_rule(one: Method, other: Method) -> str | None:
    """Why they do not go together, or None where they do."""
    if one.name == other.name:
        return f"rule {one.name} is named twice."
    if "optimiser" in one.traits and "optimiser" in other.traits:
        return f"rules {one.name} and {other.name} both replace the optimiser, and a step has only one."
    return None


def refusal(init: Method, structure: Method, rules: Sequence[Method], options: dict[str, object]) -> str | None:
    """The first reason why these do not go together, or None. Any allocation goes with any structure."""
    reasons = [init_and_structure(init, structure, options)]
    reasons += [structure_and_rule(structure, r) for r in rules]
    reasons += [rule_and_rule(a, b) for i, a in enumerate(rules) for b in rules[i + 1 :]]
    return next((r for r in reasons if r), None)
