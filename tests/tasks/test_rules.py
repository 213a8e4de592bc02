"""Rule-made tasks: the same everywhere, big enough, and every answer follows from its input."""

import datetime
import itertools
import json
import os
import re
import subprocess
import sys
from collections import Counter
from importlib.resources import files

import pytest

from genlora.errors import TaskError
from genlora.files import check_name, parse_json
from genlora.tasks._rules import rule_names, rule_task
from genlora.tasks._task import Task

CATALOGUE = files("genlora.tasks") / "data" / "catalogue"
DIGEST = (
    "import hashlib; from genlora.tasks._rules import rule_names, rule_task;"
    "print(hashlib.sha256(repr([(n, rule_task(n)) for n in rule_names()]).encode()).hexdigest())"
)


def catalogue(group: str) -> list[dict]:
    return parse_json((CATALOGUE / f"{group}.json").read_bytes(), where=group)


def entries() -> dict[str, dict]:
    return {e["source"].removeprefix("rule:"): e for e in catalogue("rules")}


def pairs(name: str) -> list[tuple[str, str]]:
    return [(e.input, e.output) for e in rule_task(name)]


def test_examples_do_not_depend_on_the_hash_seed():
    seen = set()
    for seed in ("0", "1", "4242"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        seen.add(
            subprocess.run([sys.executable, "-c", DIGEST], env=env, capture_output=True, text=True, check=True).stdout
        )
    assert len(seen) == 1


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
    entry = entries()[name]
    task = Task(entry["name"], tuple(entry["descriptions"]), tuple(examples), entry["family"], entry["parent"])
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
    assert bool(labels) == (entries()[name]["metric"] == "choice")
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


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_answers_follow_the_rule(name):
    wrong = [(q, a) for q, a in pairs(name) if not CHECKS[name](q, a)]
    assert not wrong


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("plural", "box boxes city cities boy boys knife knives woman women hero heroes piano pianos sheep sheep "
         "beach beaches roof roofs tooth teeth photo photos quiz quizzes day days"),
        ("a-an", "hour an uniform a university a umbrella an honor an user a onion an euro a usage a unicorn a"),
    ],
)  # fmt: skip
def test_known_answers(name, known):
    words = known.split()
    expected = dict(zip(words[::2], words[1::2], strict=True))
    got = dict(pairs(name))
    assert {q: got[q] for q in expected if q in got} == {q: a for q, a in expected.items() if q in got}
    assert len(expected.keys() & got.keys()) >= len(expected) // 2


def test_units_belong_to_one_kind():
    kinds: dict[str, set[str]] = {}
    for q, a in pairs("unit-kind"):
        kinds.setdefault(q.split(" ", 1)[1], set()).add(a)
    assert all(len(k) == 1 for k in kinds.values())
    assert kinds["miles"] == {"length"} and kinds["kg"] == {"weight"} and kinds["ml"] == {"volume"}


@pytest.mark.parametrize("group", ["rules", "words"])
def test_catalogue_entries(group):
    loaded = catalogue(group)
    names = [check_name(e["name"]) for e in loaded]
    assert len(set(names)) == len(names)
    keys = {"name", "source", "parent", "family", "metric", "role", "options", "licence", "descriptions"}
    prefix, licence = {"rules": ("r-", "Apache-2.0"), "words": ("w-", "MIT")}[group]
    for e in loaded:
        assert set(e) == keys
        assert re.fullmatch(r"[a-z0-9-]{3,50}", e["name"]) and e["name"] == prefix + e["source"].split(":")[1]
        assert e["metric"] in {"exact", "choice", "rouge-l"} and e["options"] == "none" and e["licence"] == licence
        assert e["role"] in {"bank", "validation", "test-near", "test-far"}
        assert len(e["descriptions"]) >= 8
        for text in e["descriptions"]:
            assert 4 <= len(text.split()) <= 60 and not re.search("[\u2013\u2014\n]", text), text


def test_every_rule_has_one_entry():
    assert sorted(entries()) == sorted(rule_names())
    assert len(catalogue("rules")) == len(rule_names())


def test_no_description_is_used_twice():
    seen = Counter(text.casefold() for g in ("rules", "words") for e in catalogue(g) for text in e["descriptions"])
    assert [text for text, n in seen.items() if n > 1] == []


def test_fixed_labels_are_named_in_most_descriptions():
    for e in catalogue("rules"):
        labels = rule_task(e["source"].removeprefix("rule:"))[0].choices
        if labels:
            for held_out in e["descriptions"][-2:]:
                assert all(label.lower() in held_out.lower() for label in labels), held_out


def test_a_parent_or_a_family_of_the_far_tests_is_never_trained_on():
    loaded = catalogue("rules") + catalogue("words")
    roles: dict[str, set[str]] = {}
    for e in loaded:
        roles.setdefault(e["parent"], set()).add(e["role"])
    assert {parent: r for parent, r in roles.items() if len(r) > 1} == {}
    assert max(Counter(e["parent"] for e in loaded).values()) <= 4
    far = {e["family"] for e in loaded if e["role"] == "test-far"}
    assert not far & {e["family"] for e in loaded if e["role"] != "test-far"}
    near = {e["family"] for e in loaded if e["role"] == "test-near"}
    assert near <= {e["family"] for e in loaded if e["role"] == "bank"}
