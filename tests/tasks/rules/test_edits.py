"""Rules about letters, lists and layout: every answer is worked out a second time, another way."""

import json
import re

import pytest

from genlora.tasks.rules._edits import EDIT_RULES
from genlora.tasks.rules._lists import LIST_RULES
from genlora.tasks.rules._registry import rule_task


def items(text: str) -> list[str]:
    return text.split(", ")


def value_of(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def without(text: str, letters: str) -> str:
    return text.translate(str.maketrans("", "", letters))


CHECKS = {
    "drop-first-letter": lambda q, a: q == q[0] + a,
    "drop-last-letter": lambda q, a: q == a + q[-1],
    "reverse-word": lambda q, a: list(q) == list(reversed(a)) and q != a,
    "remove-vowels": lambda q, a: without(q, "aeiou") == a,
    "only-vowels": lambda q, a: re.findall("[aeiou]", q) == list(a),
    "letter-at-place": lambda q, a: re.fullmatch(rf"\w{{{int(q[-1]) - 1}}}{a}\w*, letter \d", q),
    "place-code": lambda q, a: len(a) == 3 and a.isupper() and q.upper().startswith(a),
    "repeat-word": lambda q, a: set(a.split()) == {q[:-3]} and len(a.split()) == int(q[-1]) and q[-3:-1] == " x",
    "kebab-case": lambda q, a: a.split("-") == q.split(),
    "constant-case": lambda q, a: a.lower().split("_") == q.split() and a.isupper(),
    "pascal-case": lambda q, a: re.sub("(?<!^)([A-Z])", r" \1", a).lower() == q and a[0].isupper(),
    "slug": lambda q, a: a.replace("-", " ") == q.lower() and a.islower(),
    "title-case": lambda q, a: a.lower() == q and all(word[0].isupper() for word in a.split()),
    "hashtag": lambda q, a: re.findall("[A-Z][a-z]*", a) == q.title().split() and a[0] == "#",
    "upper-case": lambda q, a: a.isupper() and a.casefold() == q.casefold(),
    "lower-case": lambda q, a: a.islower() and q.isupper() and a.casefold() == q.casefold(),
    "end-mark": lambda q, a: (
        a[:-1] == q and (a[-1] == "?") == bool(re.match("(where|who|why|how|when|what|do|is) ", q)) and a[-1] in ".?"
    ),
    "list-and": lambda q, a: a.count(" and ") == 1 and a.replace(" and ", ", ") == q,
    "list-bars": lambda q, a: a.split(" | ") == items(q),
    "words-to-commas": lambda q, a: items(a) == q.split(" "),
    "numbered-list": lambda q, a: re.findall(r"(\d)\. (\w+)", a) == [(str(i), x) for i, x in enumerate(items(q), 1)],
    "drop-first-item": lambda q, a: q.partition(", ")[2] == a,
    "drop-named-item": lambda q, a: set(items(q.split(" - ")[0])) - {q.split(" - ")[1]} == set(items(a)),
    "add-item": lambda q, a: q.replace(" + ", ", ") == a,
    "rotate-list": lambda q, a: sorted(items(q)) == sorted(items(a)) and f"{a}, {a}".count(q) == 1,
    "first-two-items": lambda q, a: q.startswith(a + ", ") and a.count(",") == 1,
    "sort-numbers": lambda q, a: sorted(map(int, items(q))) == list(map(int, items(a))),
    "keep-numbers": lambda q, a: re.findall(r"\d+", q) == items(a),
    "common-item": lambda q, a: set.intersection(*(set(items(side)) for side in q.split(" / "))) == {a},
    "repeated-item": lambda q, a: sorted(items(q)) == sorted([*set(items(q)), a]),
    "shortest-word": lambda q, a: all(len(word) > len(a) for word in items(q) if word != a) and a in items(q),
    "alphabetically-last": lambda q, a: sorted(items(q)).index(a) == len(items(q)) - 1,
    "starts-with": lambda q, a: [word for word in items(q[:-3]) if word[0] == q[-1]] == [a],
    "in-quotes": lambda q, a: json.loads(a) == q,
    "html-bold": lambda q, a: a.removeprefix("<b>").removesuffix("</b>") == q and len(a) == len(q) + 7,
    "md-bold": lambda q, a: (
        re.findall(r"\*\*(\w+)\*\*", a) == [q.split(" | ")[1]] and without(a, "*") == q.split(" |")[0]
    ),
    "json-pair": lambda q, a: json.loads(a) == {q.split(": ")[0]: value_of(q.split(": ")[1])},
    "colon-to-equals": lambda q, a: dict(f.split("=") for f in a.split()) == dict(f.split(": ") for f in items(q)),
}


@pytest.mark.parametrize("name", sorted({**EDIT_RULES, **LIST_RULES}))
def test_answers_follow_the_rule(name):
    wrong = [(e.input, e.output) for e in rule_task(name) if not CHECKS[name](e.input, e.output)]
    assert not wrong
