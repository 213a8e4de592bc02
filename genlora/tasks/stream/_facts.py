"""What the stream knows beyond words: countries, small general tables, six languages."""

from collections.abc import Mapping, Sequence
from functools import cache

from ._tables import stored

LANGUAGES = ("French", "German", "Spanish", "Italian", "Portuguese", "Dutch")


def turned(pairs: Mapping[str, str]) -> dict[str, str]:
    """Answer to question, without the answers that two questions share."""
    seen: dict[str, list[str]] = {}
    for key, found in pairs.items():
        seen.setdefault(found, []).append(key)
    return {found: keys[0] for found, keys in seen.items() if len(keys) == 1}


@cache
def general(name: str) -> Mapping[str, str]:
    """The table `name` of `data/general.json`, e.g. "antonyms"."""
    return stored("general", name)


@cache
def general_back(name: str) -> Mapping[str, str]:
    """`general(name)` read from right to left."""
    return turned(general(name))


@cache
def sequence(name: str) -> tuple[str, ...]:
    """The sequence `name` of `data/general.json`, e.g. "planets"."""
    return tuple(stored("general", name))


@cache
def countries(fact: str) -> Mapping[str, str]:
    """Country to `fact`: "capital", "continent", "currency", "code", "demonym" ... for those that have one."""
    if fact == "language":
        return general("languages of countries")
    return {name: facts[fact] for name, facts in stored("facts", "countries").items() if fact in facts}


@cache
def emoji() -> Mapping[str, str]:
    """Emoji to its name."""
    return stored("facts", "emoji")


@cache
def translations(language: str) -> Mapping[str, str]:
    """English word to its usual translation."""
    return stored("translations", language)


@cache
def named(language: str, kind: str) -> Mapping[str, str]:
    """English name to the name in `language`; the kind is "countries", "languages", "weekdays" or "months"."""
    return stored("names", language)[kind]


def after(name: str, item: str, steps: int, *, around: bool) -> str | None:
    """What comes `steps` after `item` in a sequence; None past its end unless it goes around."""
    items: Sequence[str] = sequence(name)
    if item not in items:
        return None
    at = items.index(item) + steps
    return items[at % len(items)] if around or 0 <= at < len(items) else None
