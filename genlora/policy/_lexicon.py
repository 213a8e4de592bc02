"""The gate's words: patterns of five languages, looked up in a sentence without regular expressions.

Every word of a sentence is looked up once in a table of first words, so the time is linear in the text and no input can
make it explode. The file's own head tells how patterns are written.
"""

import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Self

from genlora.errors import ManifestError

from ._fold import Token

GAP = 6
"""Most words that two dots stand for."""
IDIOM_GAP = 3
"""The same within an idiom: it must be tight, for what it covers is not looked at again."""
LANGUAGES = ("en", "de", "fr", "es", "it")


@dataclass(frozen=True, slots=True)
class Word:
    """One place of a pattern: what may stand there."""

    exact: frozenset[str]
    starts: tuple[str, ...]
    ends: tuple[str, ...]

    def fits(self, token: Token) -> bool:
        """Whether the token may stand here."""
        return any(f in self.exact or f.startswith(self.starts) or f.endswith(self.ends) for f in token.forms)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A row of words with the gaps allowed before each."""

    kind: str
    category: str
    words: tuple[Word, ...]
    gaps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a pattern was found in a sentence."""

    kind: str
    category: str
    places: tuple[int, ...]


def _word(text: str, sets: Mapping[str, str], where: str) -> Word:
    exact: set[str] = set()
    starts: list[str] = []
    ends: list[str] = []
    for choice in text.split("|"):
        if choice.startswith("<"):
            inner = _word(sets[choice.strip("<>*")], {}, where)
            exact |= inner.exact
            starts += inner.starts
            ends += inner.ends
        elif not choice.strip("*"):
            raise ManifestError(f"{where}: empty choice in {text[:60]!r}. Expected words separated by |.")
        elif choice.startswith("*"):
            ends.append(choice.strip("*"))
        elif choice.endswith("*"):
            starts.append(choice.strip("*"))
        else:
            exact.add(choice)
    return Word(frozenset(exact), tuple(starts), tuple(ends))


def _patterns(kind: str, category: str, text: str, sets: Mapping[str, str], where: str) -> Iterator[Pattern]:
    most = IDIOM_GAP if kind == "idiom" else GAP
    for row in filter(None, (r.strip() for r in text.split(","))):
        words, gaps, gap = [], [], 0
        for part in row.split():
            if part == "..":
                gap = most
                continue
            words.append(_word(part, sets, where))
            gaps.append(gap)
            gap = 0
        if gap or gaps[0]:
            raise ManifestError(f"{where}: {row!r} begins or ends with two dots. Expected a word on both sides.")
        yield Pattern(kind, category, tuple(words), tuple(gaps))


class Lexicon:
    """All patterns, by the first word they can begin with."""

    def __init__(self, patterns: Sequence[Pattern], categories: Mapping[str, str]) -> None:
        self.categories = dict(categories)
        """Category: what it means, in words."""
        self.patterns = tuple(patterns)
        self._exact: defaultdict[str, list[Pattern]] = defaultdict(list)
        self._starts: defaultdict[str, list[Pattern]] = defaultdict(list)
        self._ends: list[tuple[str, Pattern]] = []
        for p in self.patterns:
            for text in p.words[0].exact:
                self._exact[text].append(p)
            for text in p.words[0].starts:
                self._starts[text].append(p)
            self._ends += [(text, p) for text in p.words[0].ends]

    @classmethod
    def parse(cls, text: str, *, where: str = "lexicon") -> Self:
        """A lexicon from TOML. Raises `ManifestError` where a pattern or set is not well formed."""
        try:
            data: dict[str, Any] = tomllib.loads(text)
            return cls(list(_all_patterns(data, where)), data["categories"])
        except (tomllib.TOMLDecodeError, KeyError, IndexError) as err:
            raise ManifestError(f"{where}: not a lexicon ({err!r}). Restore the file.") from err

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._starts), default=0)

    def _candidates(self, token: Token) -> Iterator[Pattern]:
        for form in token.forms:
            yield from self._exact.get(form, ())
            for n in range(2, min(len(form), self._longest) + 1):
                yield from self._starts.get(form[:n], ())
            for ending, pattern in self._ends:
                if form.endswith(ending):
                    yield pattern

    def find(self, tokens: Sequence[Token], kinds: Collection[str], skip: Collection[int] = ()) -> list[Hit]:
        """Every place where a pattern of these kinds begins; words at the places in `skip` fit nothing."""
        hits: dict[Hit, None] = {}
        for i, token in enumerate(tokens):
            if i in skip:
                continue
            for pattern in self._candidates(token):
                if pattern.kind in kinds and (places := _rest(pattern, tokens, 1, (i,), skip)) is not None:
                    hits[Hit(pattern.kind, pattern.category, places)] = None
        return list(hits)


def _rest(
    pattern: Pattern, tokens: Sequence[Token], n: int, places: tuple[int, ...], skip: Collection[int]
) -> tuple[int, ...] | None:
    """Places of a match whose first `n` words stand at `places`; None where the others do not follow."""
    if n == len(pattern.words):
        return places
    first = places[-1] + 1
    for i in range(first, min(first + pattern.gaps[n], len(tokens) - 1) + 1):
        if i not in skip and pattern.words[n].fits(tokens[i]):
            found = _rest(pattern, tokens, n + 1, (*places, i), skip)
            if found is not None:
                return found
    return None


def _all_patterns(data: Mapping[str, Any], where: str) -> Iterator[Pattern]:
    sets: dict[str, dict[str, str]] = data["sets"]
    for kind, name in (("idiom", "idioms"), ("evasion", "evasion"), ("defence", "defence"), ("ask", "ask")):
        for language in LANGUAGES:
            yield from _patterns(kind, "", data[name][language], sets[language], f"{where}: {name}.{language}")
    for category in data["categories"]:
        rows = data["strong"][category]
        yield from chain.from_iterable(
            _patterns("strong", category, rows[x], sets[x], f"{where}: strong.{category}.{x}") for x in LANGUAGES
        )
        yield from _patterns("weak", category, data["weak"][category], sets["en"], f"{where}: weak.{category}")
