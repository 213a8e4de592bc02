"""What a sentence shows: which hazards its words name, whether it is on the safe side, who must not know."""

from collections.abc import Sequence
from dataclasses import dataclass

from ._fold import Token
from ._lexicon import Hit, Lexicon

FEATURES = (
    "strong",
    "strong_twice",
    "weak",
    "weak_thrice",
    "ask",
    "evasion",
    "defence_first",
    "defence",
    "strong_and_defence_first",
    "strong_and_defence",
    "weak_and_ask",
    "weak_and_defence",
    "strong_and_evasion",
)
"""What the words of a sentence say, each 0 or 1. `classifier.json` has a weight for each."""

FIRST = 2
"""A defence word counts as the task's own verb within so many words of the beginning."""


@dataclass(frozen=True)
class Evidence:
    """The words of one sentence that speak for or against a hazard."""

    strong: dict[str, list[str]]
    """Category: the phrases that name it, most telling first."""
    weak: dict[str, list[str]]
    evasion: tuple[str, ...]
    defence: tuple[str, ...]
    values: tuple[float, ...]
    """In the order of `FEATURES`."""


def evidence(tokens: Sequence[Token], lexicon: Lexicon) -> Evidence:
    """Looks a sentence up in the lexicon."""
    idioms = {i for h in lexicon.find(tokens, ("idiom",)) for i in h.places}
    # "avoid detection" is no detecting: what says that somebody must not find out is read before what protects.
    evasion = lexicon.find(tokens, ("evasion",), idioms)
    hidden = {i for h in evasion for i in h.places}
    defence = lexicon.find(tokens, ("defence",), hidden)
    ask = lexicon.find(tokens, ("ask",), idioms)
    found = lexicon.find(tokens, ("strong", "weak"), idioms)
    strong = [h for h in found if h.kind == "strong"]
    weak = [h for h in found if h.kind == "weak"]
    weak_places = {h.places for h in weak}
    first = any(h.places[0] < FIRST for h in defence)
    s, w = bool(strong), bool(weak_places)
    values = (
        s,
        len({h.places for h in strong}) > 1,
        w,
        len(weak_places) > 2,
        bool(ask),
        bool(evasion),
        first,
        bool(defence),
        s and first,
        s and bool(defence),
        w and bool(ask),
        w and bool(defence),
        s and bool(evasion),
    )
    return Evidence(
        _by_category(strong, tokens),
        _by_category(weak, tokens),
        _phrases(evasion, tokens),
        _phrases(defence, tokens),
        tuple(map(float, values)),
    )


def _phrase(hit: Hit, tokens: Sequence[Token]) -> str:
    parts = [tokens[hit.places[0]].text]
    for before, i in zip(hit.places, hit.places[1:], strict=False):
        parts += ["..."] * (i > before + 1) + [tokens[i].text]
    return " ".join(parts)


def _phrases(hits: Sequence[Hit], tokens: Sequence[Token]) -> tuple[str, ...]:
    longest = sorted(hits, key=lambda h: (-len(h.places), h.places))
    return tuple(dict.fromkeys(_phrase(h, tokens) for h in longest))


def _by_category(hits: Sequence[Hit], tokens: Sequence[Token]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for category in sorted({h.category for h in hits}):
        out[category] = list(_phrases([h for h in hits if h.category == category], tokens))
    return out
