"""Rule-made tasks: the same everywhere, big enough, and every answer follows from its input."""

import datetime
import itertools
import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest

from genlora.errors import TaskError
from genlora.tasks import Task
from genlora.tasks.rules._data import words
from genlora.tasks.rules._numbers import NUMBER_RULES
from genlora.tasks.rules._registry import rule_names, rule_task
from genlora.tasks.rules._sentences import SENTENCE_RULES
from genlora.tasks.rules._strings import STRING_RULES

PRINT_ALL = "from genlora.tasks.rules._registry import *; print([(n, rule_task(n)) for n in rule_names()])"


def pairs(name: str) -> list[tuple[str, str]]:
    return [(e.input, e.output) for e in rule_task(name)]


def test_examples_do_not_depend_on_the_hash_seed():
    other = str(1 + int(os.environ.get("PYTHONHASHSEED", "0").replace("random", "0")))
    env = {**os.environ, "PYTHONHASHSEED": other, "PYTHONIOENCODING": "utf-8"}
    run = subprocess.run([sys.executable, "-c", PRINT_ALL], env=env, capture_output=True, check=True)
    assert run.stdout.decode().strip() == str([(n, rule_task(n)) for n in rule_names()])


def test_an_unknown_rule_names_the_known_ones():
    with pytest.raises(TaskError, match=r"'no-such'.*expected one of: .*roman-to-number"):
        rule_task("no-such")


def test_callers_cannot_spoil_the_examples():
    rule_task("acronym").clear()
    assert len(rule_task("acronym")) >= 400


@pytest.mark.parametrize("name", rule_names())
def test_size_and_shape(name):
    examples = rule_task(name)
    assert 400 <= len(examples) <= 1500
    assert len({e.input for e in examples}) == len(examples)
    task = Task(name, ("said so",), tuple(examples), family="any", parent=name)
    assert min(len(task.split(s)) for s in ("train", "validation", "test")) >= 50
    for e in examples:
        assert e.input == e.input.strip() and e.output == e.output.strip() and e.input and e.output
        assert "\n" not in e.input and len(e.input) <= 110 and len(e.output) <= 60
    assert sum(e.input == e.output for e in examples) <= 0.05 * len(examples)  # sheep, sheep


@pytest.mark.parametrize("name", rule_names())
def test_labels_are_used_evenly(name):
    examples = rule_task(name)
    labels = examples[0].choices
    assert all(e.choices == labels for e in examples)
    if labels:
        share = Counter(e.output for e in examples)
        assert set(share) == set(labels)
        assert min(share.values()) >= 0.5 * len(examples) / len(labels)
    else:
        most = Counter(e.output for e in examples).most_common(1)[0][1]
        assert most <= 0.2 * len(examples)


ONES = dict(zip("zero one two three four five six seven eight nine".split(), range(10), strict=True))
TEENS = dict(
    zip(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(),
        range(10, 20),
        strict=True,
    )
)
TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))
ORDINALS = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12}


def read_words(text: str) -> int:
    total = 0
    for word in text.replace("-", " ").split():
        if word == "hundred":
            total *= 100
        else:
            total += {**ONES, **TEENS, **TENS}[word]
    return total


def read_ordinal(text: str) -> int:
    *front, last = text.replace("-", " ").split()
    if last == "hundredth":
        return read_words(" ".join([*front, "hundred"]))
    before = read_words(" ".join(front)) if front else 0
    if last in ORDINALS:
        return before + ORDINALS[last]
    plain = last.removesuffix("ieth") + "y" if last.endswith("ieth") else last.removesuffix("th")
    return before + read_words(plain)


def read_roman(text: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[c] for c in text]
    return sum(-v if any(w > v for w in values[i + 1 : i + 2]) else v for i, v in enumerate(values))


def suffix_of(n: int) -> str:
    if re.search(r"1[123]$", str(n)):
        return "th"
    return {"1": "st", "2": "nd", "3": "rd"}.get(str(n)[-1], "th")


def strptime(text: str, form: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, form)


def fields_of(text: str) -> tuple[dict[str, str], str]:
    record, wanted = text.split(" | ")
    return dict(pair.split("=") for pair in record.split("; ")), wanted


def steps_of(series: str) -> int:
    numbers = [int(n) for n in series.split(", ")]
    return len({y - x for x, y in itertools.pairwise(numbers)})


CHECKS = {
    "date-iso-to-long": lambda q, a: (
        strptime(q, "%Y-%m-%d") == strptime(a, "%B %d, %Y") and ", " in a and " 0" not in a
    ),
    "date-long-to-iso": lambda q, a: strptime(q, "%d %B %Y") == strptime(a, "%Y-%m-%d") and len(a) == 10,
    "date-quarter": lambda q, a: a == f"Q{'000111222333'.find(str((int(q[5:7]) - 1) // 3)) // 3 + 1} {q[:4]}",
    "time-12-to-24": lambda q, a: strptime(q, "%I:%M %p") == strptime(a, "%H:%M") and len(a) == 5,
    "time-24-to-12": lambda q, a: strptime(a, "%I:%M %p") == strptime(q, "%H:%M") and a[0] != "0",
    "number-to-words": lambda q, a: read_words(a) == int(q),
    "words-to-number": lambda q, a: read_words(q) == int(a),
    "ordinal-suffix": lambda q, a: a == q + suffix_of(int(q)),
    "ordinal-words": lambda q, a: a == f"{read_ordinal(q)}{suffix_of(read_ordinal(q))}",
    "roman-to-number": lambda q, a: read_roman(q) == int(a),
    "thousands": lambda q, a: a.replace(",", "") == q and all(len(part) == 3 for part in a.split(",")[1:]),
    "currency": lambda q, a: (
        f"{float(q.split()[0]):.2f}" == a[1:] and {"$": "dollars", "€": "euros", "£": "pounds"}[a[0]] == q.split()[1]
    ),
    "percent": lambda q, a: abs(float(q) * 100 - float(a.removesuffix("%"))) < 1e-9 and ".0%" not in a,
    "phone": lambda q, a: re.fullmatch(r"\d{3}-\d{3}-\d{4}", a) and a.replace("-", "") == q,
    "compare-numbers": lambda q, a: (
        ((int(q.split()[0]) - int(q.split()[2])) * (1 if q.split()[1] == ">" else -1) > 0) == (a == "true")
    ),
    "largest-number": lambda q, a: all(int(a) >= int(n) for n in q.split(", ")) and a in q.split(", "),
    "cheapest-item": lambda q, a: (
        sorted((int(p), i) for i, p in (part.split(" $") for part in q.split(", ")))[0][1] == a
    ),
    "next-number": lambda q, a: steps_of(f"{q}, {a}") == 1,
    "spell-out": lambda q, a: a.replace("-", "") == q and len(a) == 2 * len(q) - 1,
    "acronym": lambda q, a: re.sub(r"[^A-Z]", "", q) == a,
    "last-name-first": lambda q, a: " ".join(reversed(a.split(", "))) == q,
    "name-short": lambda q, a: re.fullmatch(rf"{a[0]}\w+ {a[3:]}", q) and a[1:3] == ". ",
    "email-domain": lambda q, a: q.partition("@")[2] == a,
    "reverse-words": lambda q, a: q.split() == a.split()[::-1],
    "dedupe": lambda q, a: (
        set(a.split(", ")) == set(q.split(", "))
        and sorted(set(q.split(", ")), key=q.split(", ").index) == a.split(", ")
    ),
    "swap-pair": lambda q, a: q.partition(" and ") == a.partition(" and ")[::-1],
    "longest-word": lambda q, a: all(len(a) > len(w) for w in q.split(", ") if w != a) and a in q.split(", "),
    "nth-item": lambda q, a: q[3:].split(", ")[int(q[0]) - 1] == a,
    "count-items": lambda q, a: q.count(",") + 1 == int(a),
    "snake-to-camel": lambda q, a: re.sub("_(.)", lambda m: m[1].upper(), q) == a,
    "camel-to-snake": lambda q, a: re.sub("([A-Z])", lambda m: "_" + m[1].lower(), q) == a,
    "camel-to-words": lambda q, a: re.sub("([A-Z])", lambda m: " " + m[1].lower(), q) == a,
    "key-value": lambda q, a: fields_of(q)[0][fields_of(q)[1]] == a,
    "json-field": lambda q, a: str(json.loads(q.split(" -> ")[0])[q.split(" -> ")[1]]) == a,
}

FEMALE = set(words("women")) | {"sister", "mother", "daughter", "aunt", "grandmother"}
MALE = set(words("men")) | {"brother", "father", "son", "uncle", "grandfather"}


def pronoun_for(sentence: str) -> str:
    first, second, *_ = sentence.rstrip(".").split()
    if second == "and" or second in {"children", "neighbours", "friends", "parents"}:
        return "They"
    noun = second if first in {"My", "Our", "His", "Her", "The"} else first
    return "She" if noun in FEMALE else "He" if noun in MALE else "It"


def third_to_base(verb: str) -> str:
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    return verb[:-2] if re.search("(s|x|z|ch|sh)es$", verb) and verb != "uses" else verb[:-1]


def positive_of(negated: str) -> str:
    """Undo a negation by its own grammar: the statement that was negated."""
    if m := re.fullmatch(r"(.+?) (is|are) not (.+)", negated):
        return f"{m[1]} {m[2]} {m[3]}"
    if m := re.fullmatch(r"(.+?) cannot (.+)", negated):
        return f"{m[1]} can {m[2]}"
    if m := re.fullmatch(r"(.+?) do not (.+)", negated):
        return f"{m[1]} {m[2]}"
    subject, predicate = negated.split(" does not ")
    return f"{subject} ... {predicate}"


def same_statement(statement: str, other: str) -> bool:
    """Equal, or equal once the third-person verb at the gap is put back to its base form."""
    if " ... " not in other:
        return statement == other
    subject, predicate = other.split(" ... ")
    if not statement.startswith(subject + " "):
        return False
    verb, _, rest = statement.removeprefix(subject + " ").partition(" ")
    return f"{third_to_base(verb.rstrip('.'))} {rest}".strip() in (predicate, predicate.rstrip("."))


def question_to_negated(question: str, statement: str) -> str:
    """The negated statement that a question belongs to, given where its subject ends."""
    auxiliary, _, rest = question.removesuffix("?").partition(" ")
    for cut in range(1, 5):
        subject, predicate = " ".join(rest.split()[:cut]), " ".join(rest.split()[cut:])
        subject = subject[0].upper() + subject[1:]
        word = "cannot" if auxiliary == "Can" else f"{auxiliary.lower()} not"
        negated = f"{subject} {word} {predicate}."
        if same_statement(statement, positive_of(negated)):
            return negated
    return ""


def one_word_apart(a: str, b: str) -> tuple[str, str]:
    """The only differing word of two sentences of the same length, articles aside."""
    differing = [(x, y) for x, y in zip(a.split(), b.split(), strict=True) if x != y and x.lower() not in ("a", "an")]
    assert len(differing) == 1, (a, b)
    x, y = differing[0]
    return x.rstrip(".!"), y.rstrip(".!")


YOUNG = dict(pair.split(":") for pair in words("animal pairs", of="sentences"))
NEXT_DAY = {
    d: (datetime.date(2024, 1, 2) + datetime.timedelta(i)).strftime("%A")
    for i, d in enumerate("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
}


def degree_ok(question: str, answer: str, ending: str, long_form: str) -> bool:
    adjective, noun = question.rsplit(" ", 1)
    if adjective in {"good", "bad"}:
        return answer.split()[0] in {"better", "worse"} or answer.split()[1] in {"best", "worst"}
    form = answer.removeprefix("the ") if ending == "est" else answer
    if form == f"{long_form} {adjective} {noun}":
        return len(re.findall("[aeiouy]+", adjective.removesuffix("e"))) >= 2
    stem = form.removesuffix(f" {noun}").removesuffix(ending)
    return stem in {adjective, adjective[:-1], adjective[:-1] + "i", adjective + adjective[-1]}


CHECKS |= {
    "count-words": lambda q, a: q.count(" ") + 1 == int(a),
    "extract-number": lambda q, a: re.findall(r"\d+", q) == [a],
    "extract-city": lambda q, a: [c for c in words("cities") if re.search(rf"\b{c}\b", q)] == [a],
    "extract-colour": lambda q, a: [c for c in words("colours") if re.search(rf"\b{c}\b", q)] == [a],
    "comparative": lambda q, a: degree_ok(q, a, "er", "more"),
    "superlative": lambda q, a: a.startswith("the ") and degree_ok(q, a, "est", "most"),
    "negate": lambda q, a: same_statement(q, positive_of(a)),
    "make-question": lambda q, a: a.endswith("?") and question_to_negated(a, q) != "",
    "pronoun": lambda q, a: a.split()[0] == pronoun_for(q) and q.endswith(a.partition(" ")[2]),
    "polite-request": lambda q, a: a.lower() == f"could you please {q[:-1].lower()}?",
    "next-day": lambda q, a: NEXT_DAY[one_word_apart(q, a)[0]] == one_word_apart(q, a)[1],
    "animal-young": lambda q, a: YOUNG[one_word_apart(q, a)[0]] == one_word_apart(q, a)[1],
    "mask-digits": lambda q, a: (
        len(q) == len(a) and all(y == ("#" if x.isdigit() else x) for x, y in zip(q, a, strict=True))
    ),
    "mask-email": lambda q, a: re.sub(r"[\w.]+@[\w.]+\w", "[EMAIL]", q) == a,
    "mask-name": lambda q, a: re.fullmatch(re.escape(a).replace(r"\[NAME\]", "[A-Z][a-z]+ [A-Z][a-z]+"), q),
    "mask-card": lambda q, a: re.sub(r"(\d{4} ){3}(?=\d{4})", "**** ", q) == a,
}


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_answers_follow_the_rule(name):
    wrong = [(q, a) for q, a in pairs(name) if not CHECKS[name](q, a)]
    assert not wrong


@pytest.mark.parametrize(
    ("name", "known"),
    [
        (
            "plural",
            "box boxes city cities boy boys knife knives woman women hero heroes piano pianos sheep sheep "
            "beach beaches roof roofs tooth teeth photo photos quiz quizzes day days",
        ),
        ("a-an", "hour an uniform a university a umbrella an honor an user a onion an euro a usage a unicorn a"),
    ],
)
def test_known_answers(name, known):
    flat = known.split()
    expected = dict(zip(flat[::2], flat[1::2], strict=True))
    got = dict(pairs(name))
    assert {q: got[q] for q in expected if q in got} == {q: a for q, a in expected.items() if q in got}
    assert len(expected.keys() & got.keys()) >= len(expected) // 2


def test_every_free_answer_rule_is_checked():
    here = {**NUMBER_RULES, **STRING_RULES, **SENTENCE_RULES}  # the others: test_rules_edits.py and its like
    unchecked = {n for n in here if n not in CHECKS and not rule_task(n)[0].choices}
    assert unchecked == {"plural"}  # by known answers


CLUES = {
    "language": {
        "Bahnhof": "German",
        "gare": "French",
        "estación": "Spanish",
        "stazione": "Italian",
        "station": "Dutch",
    },
    "support-request": {"refund": "refund", "password": "login", "cancel": "cancellation", "parcel": "delivery"},
    "assistant-command": {"Wake": "alarm", "rain": "weather", "Dial": "call", "Dim": "lights", "playlist": "music"},
    "greeting-farewell": {"Hello": "greeting", "Goodbye": "farewell", "Bye": "farewell", "Hi": "greeting"},
    "mood": {"furious": "angry", "lonely": "sad", "hooray": "happy", "nervous": "worried"},
    "review-sentiment": {
        "Terrible": "negative",
        "love": "positive",
        "disappointed": "negative",
        "Excellent": "positive",
    },
    "place-continent": {"Kenya": "Africa", "Tokyo": "Asia", "Lima": "South America", "Cuba": "North America"},
}


@pytest.mark.parametrize("name", sorted(CLUES))
def test_labels_fit_what_the_text_says(name):
    for clue, label in CLUES[name].items():
        got = {a for q, a in pairs(name) if re.search(rf"\b{clue}\b", q)}
        assert got == {label}, (clue, got)


def test_a_filled_sentence_has_the_right_article():
    for name in rule_names():
        for q, a in pairs(name):
            assert not re.search(r"\b[Aa] [aeio]\w", f"{q} | {a}") or name in ("a-an", "add-article"), (name, q, a)


def test_units_belong_to_one_kind():
    kinds: dict[str, set[str]] = {}
    for q, a in pairs("unit-kind"):
        kinds.setdefault(q.split(" ", 1)[1], set()).add(a)
    assert all(len(k) == 1 for k in kinds.values())
    assert kinds["miles"] == {"length"} and kinds["kg"] == {"weight"} and kinds["ml"] == {"volume"}
