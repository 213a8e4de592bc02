"""Rules about amounts, times and kinds: every answer is worked out a second time, another way."""

import datetime
import re

import pytest

from genlora.tasks.rules._amounts import AMOUNT_RULES
from genlora.tasks.rules._data import words
from genlora.tasks.rules._kinds import KIND_RULES, table
from genlora.tasks.rules._registry import rule_task

NUMERALS = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}
UNITS = [
    *"zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split(),
    *"seventeen eighteen nineteen".split(),
]
TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))


def read_words(text: str) -> int:
    """Value of number words below one hundred."""
    tens, _, ones = text.partition("-")
    return TENS[tens] + (UNITS.index(ones) if ones else 0) if tens in TENS else UNITS.index(text)


def read_roman(text: str) -> int:
    values = [NUMERALS[c] for c in text]
    return sum(-v if any(w > v for w in values[i + 1 : i + 2]) else v for i, v in enumerate(values))


def read_places(text: str) -> int:
    worth = {"hundred": 100, "ten": 10, "one": 1}
    pairs = [part.split() for part in text.split(", ")]
    assert all((digit == "1") == (not name.endswith("s")) for digit, name in pairs)
    return sum(int(digit) * worth[name.removesuffix("s")] for digit, name in pairs)


def read_decimal(text: str) -> str:
    whole, _, digits = text.partition(" point ")
    return f"{read_words(whole)}.{''.join(str(UNITS.index(d)) for d in digits.split())}"


def read_clock(text: str) -> str:
    hour, _, minute = text.partition(" ")
    minutes = 0 if minute == "o'clock" else read_words(minute.removeprefix("oh "))
    assert minute.startswith("oh ") == (0 < minutes < 10)
    return f"{read_words(hour)}:{minutes:02}"


def numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def month_of(text: str) -> int:
    return next(i for i, name in enumerate(words("months"), 1) if name in text)


def later(text: str, minutes: int) -> str:
    return (datetime.datetime.strptime(text, "%H:%M") + datetime.timedelta(minutes=minutes)).strftime("%H:%M")


def ages_of(text: str) -> dict[str, int]:
    return {person: int(age) for person, age in re.findall(r"(\w+) is (\d+)", text)}


def ordinal_ok(answer: str) -> bool:
    n, ending = int(answer[:-2]), answer[-2:]
    return ending == ("th" if 10 < n % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th"))


CHECKS = {
    "successor": lambda q, a: int(a) - int(q) == 1,
    "double": lambda q, a: int(a) == int(q) + int(q),
    "half": lambda q, a: int(q) == int(a) + int(a),
    "plus-ten": lambda q, a: int(a) - int(q) == 10,
    "add-in-words": lambda q, a: read_words(a) == sum(numbers(q)),
    "reverse-digits": lambda q, a: list(q) == list(reversed(a)),
    "digit-count": lambda q, a: 10 ** (int(a) - 1) <= int(q) < 10 ** int(a),
    "round-to-ten": lambda q, a: a.endswith("0") and -5 <= int(q) - int(a) < 5,
    "round-decimal": lambda q, a: -0.5 <= float(q) - int(a) < 0.5,
    "number-to-roman": lambda q, a: read_roman(a) == int(q) and not re.search(r"(I|X|C)\1{3}|(V|L|D)\2", a),
    "place-value": lambda q, a: read_places(a) == int(q),
    "count-on": lambda q, a: numbers(a) == [int(q) + 1, int(q) + 2, int(q) + 3],
    "number-range": lambda q, a: numbers(a) == list(range(numbers(q)[0], numbers(q)[1] + 1)),
    "decimal-words": lambda q, a: read_decimal(a) == q,
    "smallest-number": lambda q, a: sorted(numbers(q))[0] == int(a),
    "oldest-person": lambda q, a: all(age < ages_of(q)[a] for name, age in ages_of(q).items() if name != a),
    "minutes-to-hours": lambda q, a: numbers(a)[0] * 60 + numbers(a)[1] == numbers(q)[0] and numbers(a)[1] < 60,
    "dollars-to-cents": lambda q, a: f"${numbers(a)[0] / 100:.2f}" == q and a.endswith(" cents"),
    "slash-to-long": lambda q, a: (
        datetime.datetime.strptime(q, "%d/%m/%Y") == datetime.datetime.strptime(a, "%d %B %Y") and a[0] != "0"
    ),
    "month-number": lambda q, a: month_of(q) == int(a),
    "month-name": lambda q, a: datetime.date.fromisoformat(q).strftime("%B") == a,
    "year-of-date": lambda q, a: re.findall(r"\d{4}", q) == [a],
    "season": lambda q, a: (
        month_of(q) in {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}[a]
    ),
    "decade": lambda q, a: q[:-1] == a[:-2] and a[-2:] == "0s",
    "century": lambda q, a: numbers(a)[0] * 100 - 100 < int(q) < numbers(a)[0] * 100 and ordinal_ok(a.split()[0]),
    "add-hour": lambda q, a: later(q, 60) == a,
    "clock-words": lambda q, a: read_clock(a) == q,
    "day-part": lambda q, a: (
        (a == "night") == (not "05" <= q < "22")
        and (a == "morning") == ("05" <= q < "12")
        and (a == "afternoon") == ("12" <= q < "18")
    ),
    "full-weekday": lambda q, a: re.sub(r"\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b", lambda m: m[0][:3], a) == q,
    "parity": lambda q, a: (q[-1] in "02468") == (a == "even"),
    "check-sum": lambda q, a: (numbers(q)[0] + numbers(q)[1] == numbers(q)[2]) == (a == "right"),
    "palindrome": lambda q, a: all(q[i] == q[-1 - i] for i in range(len(q) // 2)) == (a == "yes"),
    "first-sound": lambda q, a: q.startswith(tuple("aeiou")) == (a == "vowel"),
    "has-digit": lambda q, a: bool(numbers(q)) == (a == "yes"),
    "same-initial": lambda q, a: q.startswith(q.split(", ")[1][0]) == (a == "yes"),
    "rhyme": lambda q, a: any(set(q.split(" - ")) <= set(g.split()) for g in table("rhymes")) == (a == "yes"),
    "in-order": lambda q, a: (sorted(q.split(", ")) == q.split(", ")) == (a == "yes"),
    "sentence-kind": lambda q, a: (
        (a == "question") == (q.split()[0] in "where who why can when how did is what are which has".split())
        and (a == "order")
        == (q.split()[0] in "bring call put stop write wait clean never take give leave come".split())
    ),
    "noun-number": lambda q, a: (q.endswith("s") and not q.endswith("ss")) == (a == "plural"),
    "tense": lambda q, a: (" will " in q) == (a == "future"),
    "case-kind": lambda q, a: {"upper": q.isupper(), "lower": q.islower(), "title": q.istitle()}[a],
    "file-kind": lambda q, a: q.count(".") == 1,
    "string-kind": lambda q, a: (
        {"email": "@" in q, "phone": "-555-" in q, "link": "//" in q, "date": True, "price": q[0] in "$€£"}[a]
        and (a == "date") == bool(re.fullmatch(r"\d+/\d+/\d{4}|\d{4}-\d\d-\d\d", q))
    ),
    "noun-kind": lambda q, a: q.split(" ", 2)[2] in table(f"kind {a}"),
    "weekday-kind": lambda q, a: bool(re.search("Saturday|Sunday", q)) == (a == "weekend"),
}


@pytest.mark.parametrize("name", sorted({**AMOUNT_RULES, **KIND_RULES}))
def test_answers_follow_the_rule(name):
    wrong = [(e.input, e.output) for e in rule_task(name) if not CHECKS[name](e.input, e.output)]
    assert not wrong


def test_a_file_ending_and_a_thing_have_one_kind():
    kinds: dict[str, set[str]] = {}
    for name, part in (("file-kind", "."), ("noun-kind", " ")):
        for e in rule_task(name):
            kinds.setdefault(e.input.split(part, 2 if part == " " else 1)[-1], set()).add(e.output)
    assert all(len(found) == 1 for found in kinds.values())


def test_words_of_different_rhyme_groups_are_different():
    groups = [set(g.split()) for g in table("rhymes")]
    assert len(set().union(*groups)) == sum(map(len, groups))


def test_tenses_are_told_apart_by_the_form_alone():
    forms = {tuple(verb.split(":")[:3]) for verb in table("verbs")}
    for e in rule_task("tense"):
        verb = e.input.split()[1]
        if e.output == "past":
            assert any(verb == past != base for base, _, past in forms), e.input
        elif e.output == "present":
            assert any(verb in (base, third) and base != past for base, third, past in forms), e.input
