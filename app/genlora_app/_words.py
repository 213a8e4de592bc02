"""Figures in words: what coverage means, and who made the adapter and why."""

from typing import Any

from genlora.api import Created
from genlora.generators import Coverage

_TITLES = {
    "nearest": "The nearest expert",
    "blend": "Hypernetwork and nearest experts",
    "hypernet": "Hypernetwork",
    "aggregate": "Weighted sum of experts",
    "multitask": "Multi-task adapter",
    "cvae": "Drawn by the autoencoder",
    "sg-lora": "Drawn around the nearest experts",
}
_HOW = {
    "nearest": "The weights of the expert for that task, as they are.",
    "blend": "A network trained on some hundreds of tasks writes an update from your words; the nearest experts' "
    "updates, and a multi-task adapter's, are added to it.",
    "hypernet": "A network trained on some hundreds of tasks writes the update from your words.",
    "aggregate": "The nearest experts' updates are added up, the more similar the heavier.",
    "multitask": "One adapter that knows a little of every task answers, because nothing in the bank is near.",
    "cvae": "A conditional autoencoder draws the weights from your words, or from what the base makes of examples.",
    "sg-lora": "A conditional autoencoder draws the weights around the nearest experts' mean and spread.",
}


def coverage_title(coverage: Coverage) -> str:
    """Three words at most."""
    return {"high": "Well covered", "medium": "Partly covered", "low": "Hardly covered"}[coverage.level]


def coverage_words(coverage: Coverage) -> str:
    """What the number means for the person who asked."""
    text = {
        "high": "The bank holds a task like this one. Expect the adapter to do it about as well as that task's own "
        "expert.",
        "medium": "The bank holds related tasks, but not this one. The adapter has to infer it: it will often get "
        "the form "
        "right and the content only sometimes. Try it before you rely on it.",
        "low": "Nothing in the bank is like this task. The adapter is a guess; expect it to fail. Describe the "
        "task in other "
        "words, or train an expert for it.",
    }[coverage.level]
    return text if coverage.calibrated else f"{text} The bank is too small to calibrate on, so this number is rough."


def chosen(made: Created) -> str:
    """The generator that made it; for `auto`, the one it chose."""
    told: dict[str, Any] = made.receipt["made_by"]
    return str(told.get("chosen") or made.receipt["request"]["generator"])


def generator_title(made: Created) -> str:
    """Its name for people."""
    kind = chosen(made)
    return _TITLES.get(kind, kind)


def generator_words(made: Created) -> str:
    """What it does, and why it was chosen where something chose."""
    how = _HOW.get(chosen(made), "")
    why = str(made.receipt["made_by"].get("why") or "")
    if not why:
        return how
    return f"{how} Why: {why[0].lower()}{why[1:]}."


def percent(share: float) -> str:
    """0.8333 as 83 %."""
    return f"{100 * share:.0f}\u00a0%"


def size(n: float) -> str:
    """Bytes for people."""
    return f"{n / 1e6:.1f}\u00a0MB" if n >= 1e6 else f"{max(1, round(n / 1e3))}\u00a0kB"
