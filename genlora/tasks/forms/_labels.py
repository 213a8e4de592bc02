"""The labels that a description allows: "X if ..., else Y", "... -> X; ... -> Y", or a list of them."""

import itertools
import re

from ._label_lists import listed
from ._label_words import LABEL, ONE_LABEL, VERBS, certain, plausible


def read_labels(text: str) -> tuple[str, ...]:
    """The labels that `text` allows, in the order in which it names them; empty where none are certain."""
    plain = re.sub(r"\s*\([^()]*\)", "", text)
    for read, said in (
        (_by_rule, text),
        (_by_condition, text),
        (_by_else, text),
        (listed, text),
        (_in_brackets, text),
        (listed, plain),
    ):
        labels = read(said)
        if labels:
            return _first_word_either_case(text, labels)
    return ()


def _first_word_either_case(text: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Where a label is the description's first word its capital may be the sentence's: both spellings are legal."""
    first = next((x for x in labels if text.startswith(x)), None)
    if first is None or not first[:1].isalpha():
        return labels
    others = [x for x in labels if x != first and x[:1].isalpha()]
    if others and first[:1].isupper() and all(x[:1].isupper() for x in others):
        return labels
    return (first[:1].swapcase() + first[1:], *labels)


# "X if ..., Y if ..., else Z"

_IF = re.compile(
    r"\s(?:if|when|whenever|in case)\b(?! not\s*[,.;)])|\s=(?=\s(?:it|the|there|they|one|both|no|neither)\b)",
    re.IGNORECASE,
)
_BREAK = re.compile(r"[.,;:(?!\n]\s+|[(\n]|\s(?:and|or|but|->|=>|→)\s", re.IGNORECASE)
"""What a clause begins after."""
_FILLER = re.compile(
    r"(?:(?:and|or|but|then|please|just|always|simply|to|only|here is|this function|a program that|"
    r"you are (?:a|an) \w+ (?:that|who)|(?:your task is|i (?:want|need) you) to|i need|i want|we want|we need|what is|"
    rf"can you tell me|(?:your|the) answer is|{VERBS}(?:\s+(?:with|it|as|them|back))*)\s+)*",
    re.IGNORECASE,
)
_NAMING = re.compile(r"\b(?:label|tag|mark|flag|call|classify)s?\s+\S.*\s(\S+)\s+(\S+)$", re.IGNORECASE)
_ARTICLES = frozenset("a an the its it this that each every of to in".split())
_ELSE_WORD = (
    r"(?:else|otherwise|in all other cases|in any other case|in every other case|if not(?=\s*[,:])|"
    r"for (?:all|any) others?)"
)
_ELSE = re.compile(
    rf"\b{_ELSE_WORD}\s*[:,]?\s*(?:{VERBS}\s+(?:with\s+|it\s+|as\s+)*)?(?P<label>{LABEL})\s*(?=[.,;!?)\n]|$)"
    rf"|(?:,|;|\band|\bor)\s+(?:{VERBS}\s+)?(?P<label2>{LABEL})\s+(?:otherwise|in all other cases|if not|for the rest)"
    r"\s*(?=[.,;!?)\n]|$)",
    re.IGNORECASE,
)


def _by_condition(text: str) -> tuple[str, ...]:
    found: dict[int, str] = {}
    ends = list(_ELSE.finditer(text))
    for match in ends:
        which = "label" if match["label"] else "label2"
        found[match.start(which)] = match[which]
    for match in _IF.finditer(text):
        begin = max((b.end() for b in _BREAK.finditer(text, 0, match.start() + 1)), default=0)
        label = _before_if(text[begin : match.start()])
        if label is None:
            return ()  # an answer that is no label, or a condition within a condition
        found[match.start() - len(label)] = label
    if not found or len(ends) > 1 or len(found) == len(ends) or not all(map(plausible, found.values())):
        return ()
    return certain(list(dict.fromkeys(found[at] for at in sorted(found))))


def _before_if(clause: str) -> str | None:
    """The label that a clause ends with: all of it but filling words, or what follows "label the ..."."""
    filler = _FILLER.match(clause)
    rest = clause[filler.end() if filler else 0 :]
    if re.fullmatch(LABEL, rest) and plausible(rest):
        return rest
    named = _NAMING.search(clause)
    if named is not None and named[1].casefold() not in _ARTICLES and re.fullmatch(ONE_LABEL, named[2]):
        return named[2]
    return None


_THEN_ELSE = re.compile(
    rf"\b{VERBS}(?:\s+(?:with|it|as))*\s+(?P<one>{ONE_LABEL})(?:,|;|\.)?\s+(?:and\s+)?(?:else|otherwise|if not,?)\s+"
    rf"(?:{VERBS}(?:\s+(?:with|it|as))*\s+)?(?P<two>{ONE_LABEL})\s*(?:[.!]|$)",
    re.IGNORECASE,
)


def _by_else(text: str) -> tuple[str, ...]:
    """The labels of "If ... answer X, else Y."."""
    found = _THEN_ELSE.search(text)
    return () if found is None or len(_IF.findall(f" {text}")) > 1 else certain((found["one"], found["two"]))


# "condition -> X; condition -> Y"

_ARROW = r"\s*(?:->|=>|→)\s*"
_RULE = re.compile(rf"(?:^|[.;:(\n]\s*)(?P<when>(?:[^.;:()\n>]|\.(?=\S))+?){_ARROW}(?P<label>{LABEL})\s*(?=[.;,)\n]|$)")
_SORTS = re.compile(r"\b(?:label|classif|route|sort|kind|type|category|tag|assign|group|class)", re.IGNORECASE)
_CLAUSE = re.compile(
    r"(?:it|the|there|its|they|he|she|if|when|both|one|no|none|nothing|everything|any)\b", re.IGNORECASE
)


def _by_rule(text: str) -> tuple[str, ...]:
    rules = list(_RULE.finditer(text))
    if len(rules) < 2 or len(rules) < len(re.findall(_ARROW, text)):
        return ()
    said = all(_CLAUSE.match(r["when"].strip()) for r in rules) or _SORTS.search(text[: rules[0].start("when")])
    if not said or any(len(r["when"].split()) < 3 for r in rules):
        return ()  # single words before the arrow are examples
    return certain([r["label"] for r in rules])


# "correct (true) or mistaken (false)"

_BRACKETED = re.compile(rf"\((?P<label>{ONE_LABEL})\)")


def _in_brackets(text: str) -> tuple[str, ...]:
    found = list(_BRACKETED.finditer(text))
    if len(found) < 2 or text.count("(") > len(found):
        return ()
    gaps = [text[a.end() : b.start()] for a, b in itertools.pairwise(found)]
    near = all(len(g) < 60 and re.match(r",|\s+or\s", g) and not re.search(r"[.;:?]", g) for g in gaps)
    return certain([f["label"] for f in found]) if near and re.search(r"\bor\b", gaps[-1]) else ()
