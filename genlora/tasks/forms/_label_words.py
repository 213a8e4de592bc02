"""What one label of a description looks like, and which words are never one."""

from collections.abc import Sequence

_LETTER = r"[\w\u0300-\u036f\u0900-\u0dff]"
"""Letters, digits, and the vowel signs of Indic scripts, which are no letters to `re`."""
_WORD = rf"(?:[^\W_](?:{_LETTER}|[+&'\u2019-])*(?:{_LETTER}|[+&])|[^\W_]|[+-])"
_QUOTED = r"(?:\"[^\"\n]{1,40}\"|“[^”\n]{1,40}”|'[^'\n]{1,40}'(?!\w)|`[^`\n]{1,40}`)"
ONE_LABEL = rf"(?:{_QUOTED}|{_WORD})"
"""A quoted text, one word or a sign."""
LABEL = rf"(?:{_QUOTED}|{_WORD}(?: {_WORD}){{0,2}})"
"""The same, or up to three words."""
LABELS_END = (
    r"(?=(?:\s+(?:only|please|pls))?\s*(?:[.;!?)\n]|$|, (?:whichever|with changes|best guess|going by|according to|"
    r"depending on|based on|for example|by the)\b))"
)

VERBS = (
    r"(?:writes?|answers?|says?|returns?|labels?|repl(?:y|ies)|uses?|outputs?|gives?|puts?|prints?|responds?|tags?|marks?|"
    r"classif(?:y|ies)|choose|pick|reports?|states?|calls?|sets?|emits?|sends?|routes?|tells?(?: me)?|types?|enters?)"
)

KNOWN = frozenset(
    frozenset(pair.split())
    for pair in (
        "yes no",
        "true false",
        "y n",
        "t f",
        "valid invalid",
        "right wrong",
        "correct incorrect",
        "pass fail",
        "positive negative",
        "1 0",
    )
)
"""Pairs that are labels wherever they stand as a choice at the end of a clause."""

_NEVER = frozenset(
    """a an the it its they them this that these those is are was were be been has have had does do did only if when
    whether in at of for from to with by as than there here each every any so you i we me your my our what which who
    whose where how why say write answer return give tell type use output reply respond just also very too above below
    please else otherwise and or nor not it's one's comma list readings wants more less later earlier""".split()
)
"""Words that no unquoted label holds."""
_DATE_PARTS = frozenset("yyyy yy mm dd m d hh ss day month year hour minute second".split())


def unquoted(label: str) -> str:
    """`label` without the quotes around it."""
    return label[1:-1] if len(label) > 2 and label[0] in "\"“'`" else label


def plausible(label: str) -> bool:
    """Whether this can be a label: anything in quotes, but no words that only hold a sentence together."""
    if label[0] in "\"“'`" or (len(label) == 1 and label.isupper()):
        return True
    words = label.casefold().split()
    if words[0] in ("not", "no", "non") and len(words) > 1:
        words = words[1:]
    return not any(w in _NEVER for w in words)


def known(labels: Sequence[str]) -> bool:
    """Whether `labels` are one of the pairs that everybody uses, or three or more words of three letters or more."""
    plain = [unquoted(x).casefold() for x in labels]
    return frozenset(plain) in KNOWN or (len(plain) > 2 and all(len(x) > 2 and x[0].isalpha() for x in plain))


def certain(labels: Sequence[str]) -> tuple[str, ...]:
    """`labels` without their quotes if they can be labels, two or more different ones; else nothing."""
    plain = tuple(unquoted(x) for x in labels)
    if (
        len(plain) < 2
        or len({x.casefold() for x in plain}) < len(plain)
        or all(x.casefold() in _DATE_PARTS for x in plain)
    ):
        return ()
    if len({x.isdigit() for x in plain}) > 1:
        return ()
    if len({x[0] in "\"“'`" for x in labels}) > 1:
        return ()  # some in quotes and some not: one of them is something else
    return plain if frozenset(x.casefold() for x in plain) in KNOWN or all(map(plausible, labels)) else ()
