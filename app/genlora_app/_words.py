"""Figures in words: what expected accuracy means, and who made the adapter and why."""

import re
from typing import Any

from genlora.api import KeptAdapter
from genlora.generators import ExpectedAccuracy

_TITLES = {
    "expert": "The nearest expert",
    "fewshot": "The few-shot adapter",
    "hypernet": "Hypernetwork",
    "aggregate": "Weighted sum of experts",
    "multitask": "Multi-task adapter",
    "cvae": "Drawn by the autoencoder",
    "sg-lora": "Drawn around the nearest experts",
}
_HOW = {
    "expert": "The weights of the expert for that task, as they are.",
    "fewshot": "One adapter, trained on an endless stream of tasks to do what the description in its prompt says.",
    "hypernet": "A network trained on some hundreds of tasks writes the update from your words.",
    "aggregate": "The nearest experts' updates are added up, the more similar the heavier.",
    "multitask": "One adapter that knows a little of every task answers, because nothing in the bank is near.",
    "cvae": "A conditional autoencoder draws the weights from your words, or from what the base makes of examples.",
    "sg-lora": "A conditional autoencoder draws the weights around the nearest experts' mean and spread.",
}


def accuracy_level(expected: ExpectedAccuracy | None) -> str:
    """high, medium or low, for colours."""
    if expected is None:
        return "low"
    return "high" if expected.value >= 0.75 else "medium" if expected.value >= 0.5 else "low"


def accuracy_title(expected: ExpectedAccuracy | None) -> str:
    """Three words at most."""
    titles = {"high": "Mostly right", "medium": "Often right", "low": "Often wrong"}
    return "Never measured" if expected is None else titles[accuracy_level(expected)]


def accuracy_words(made: KeptAdapter) -> str:
    """What the number means for the person who asked."""
    expected = made.expected_accuracy
    if expected is None:
        return "Nothing is known of how often this adapter is right. Try it before you rely on it."
    return (
        f"Of ten inputs, expect about {10 * expected.value:.0f} right answers; for eight in ten requests like this one "
        f"it is between {percent(expected.low)} and {percent(expected.high)}."
    )


def accuracy_helps(made: KeptAdapter) -> dict[str, float | None]:
    """What would help, with the expected accuracy then where the library knows it."""
    told: dict[str, float | None] = {k: e.value for k, e in made.generated.generated.advice.items()}
    if told or accuracy_level(made.expected_accuracy) != "low":
        return told
    return {"more examples" if made.generated.description is None else "an example beside the sentence": None}


def own_warnings(made: KeptAdapter) -> list[str]:
    """Warnings that the figures beside them do not say already."""
    return [w for w in made.warnings if not w.startswith("expected accuracy is low")]


_FOR_TERMINALS = re.compile(r"(?<![\w-])--[a-z]|\bgenlora [a-z]+\b")
_SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z'\"])")


def page_words(text: str) -> str:
    """An error's text without the sentences that tell of flags and commands: whoever reads a page has no terminal."""
    kept = [s for s in _SENTENCE.split(text) if not _FOR_TERMINALS.search(s)]
    return " ".join(kept) or text


def chosen(made: KeptAdapter) -> str:
    """The generator that made it; for `auto`, the one it chose."""
    told: dict[str, Any] = made.receipt["made_by"]
    return str(told.get("chosen") or made.receipt["request"]["generator"])


def generator_title(made: KeptAdapter) -> str:
    """Its name for people."""
    kind = chosen(made)
    return _TITLES.get(kind, kind)


def generator_words(made: KeptAdapter) -> str:
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
