"""Rules about grammar, facts and parts of a line: every answer is worked out a second time, another way."""

import re

import pytest

from genlora.tasks.rules._data import words
from genlora.tasks.rules._facts import FACT_RULES
from genlora.tasks.rules._grammar import GRAMMAR_RULES
from genlora.tasks.rules._kinds import table
from genlora.tasks.rules._parts import PART_RULES
from genlora.tasks.rules._registry import rule_task
from genlora.tasks.rules._strings import plural

NUMBERS = "zero one two three four five six seven eight nine".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def pairs(name: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in table(name))


def swapped(before: str, after: str) -> tuple[str, str]:
    """The words that differ between two lines of the same length, articles aside."""
    differing = [(x, y) for x, y in zip(before.split(), after.split(), strict=True) if x != y]
    differing = [(x, y) for x, y in differing if x.lower() not in ("a", "an")]
    assert len(differing) == 1, (before, after)
    return differing[0][0].strip(".,"), differing[0][1].strip(".,")


def verb_forms(base: str) -> tuple[str, str]:
    """(third person, -ing form) by the rules of spelling."""
    doubles = {"cut", "swim", "run"}
    drop = base[:-1] if base.endswith("e") else base + base[-1] if base in doubles else base
    third = base + "es" if re.search("(s|x|z|ch|sh)$", base) else re.sub("([^aeiou])y$", r"\1ies", base + "s")
    return re.sub("([^aeiou])ys$", r"\1ies", third), drop + "ing"


def ing_ok(q: str, a: str) -> bool:
    base, _, rest = q.partition(" ")
    return a == f"{verb_forms(base)[1]} {rest}"


def third_ok(q: str, a: str, subject: str = "She") -> bool:
    base, _, rest = q.partition(" ")
    return a == f"{subject} {verb_forms(base)[0]} {rest}"


def items(text: str) -> list[str]:
    return text.split(", ")


def kind_of(word: str) -> str:
    return next(k for k in ("animal", "clothing", "tool", "vehicle", "food") if word in table(f"kind {k}"))


def spelled(n: int) -> str:
    if n < 10:
        return NUMBERS[n]
    teens = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    return teens[n - 10] if n < 20 else TENS[n // 10 - 2] + (f"-{NUMBERS[n % 10]}" if n % 10 else "")


def only(found: list[str]) -> str:
    assert len(found) == 1, found
    return found[0]


SHORT = {full: short for full, short in pairs("contractions").items()}
DIRECTIONS = {**pairs("directions"), **{b: a for a, b in pairs("directions").items()}}
PRONOUNS = {"him": r"my (brother|father|uncle|son|grandfather)", "her": r"my (sister|mother|aunt|daughter|grandmother)"}
PRONOUNS |= {"them": "the (neighbours|children|girls|boys|twins|guests|players)"}
GROUPS = {"him": words("men"), "her": words("women"), "them": ()}
TO_YOU = {"I": "You", "My": "Your", "my": "your", "me": "you", "mine.": "yours.", "myself.": "yourself."}


def person_ok(q: str, a: str) -> bool:
    text = q.replace("I am ", "I are ").replace("I was ", "I were ")
    return " ".join(TO_YOU.get(word, word) for word in text.split()) == a


def pronoun_ok(q: str, a: str) -> bool:
    for pronoun, pattern in PRONOUNS.items():
        who = rf"({pattern}|{'|'.join(GROUPS[pronoun]) or 'nobody'})"
        for m in re.finditer(rf"\b{pronoun}\b", a):
            if re.fullmatch(re.escape(a[: m.start()]) + who + re.escape(a[m.end() :]), q):
                return True
    return False


def place_of(word: str) -> str:
    return only([place for job, place in pairs("job places").items() if job == word])


CHECKS = {
    "ing-form": ing_ok,
    "third-person": lambda q, a: third_ok(q.removeprefix("I "), a),
    "future": lambda q, a: third_ok(a.split(" will ")[1], q, subject=a.split()[0]),
    "passive": lambda q, a: (
        re.fullmatch(r"The (.+) was (\w+) by (\w+)\.", a)
        and re.sub(r"The (.+) was \w+ by (\w+)\.", r"\2 . the \1.", a).split(" . ")
        == [q.split()[0], q.split(" ", 2)[2]]
        and any(line.startswith(f"{q.split()[1]} {a.split(' by ')[0].split()[-1]}|") for line in table("passive"))
    ),
    "possessive": lambda q, a: "the {1} of {0}".format(*a.split("'s ")) == q,
    "contract": lambda q, a: a in {q.replace(full, short) for full, short in SHORT.items() if full in q},
    "uncontract": lambda q, a: q in {a.replace(full, short) for full, short in SHORT.items() if full in a},
    "adverb": lambda q, a: a.split() == [q.split()[0], pairs("adverbs")[q.split()[2]]],
    "object-pronoun": pronoun_ok,
    "person-change": person_ok,
    "these-those": lambda q, a: (
        a.split()[0] == {"this": "these", "that": "those"}[q.split()[0]]
        and [*q.split()[1:-1], plural(q.split()[-1])] == a.split()[1:]
    ),
    "negative-order": lambda q, a: a == f"Don't {q[0].lower()}{q[1:]}",
    "add-article": lambda q, a: (
        a.partition(" ")[2] == q
        and (a.split()[0] == "an")
        == (bool(re.match("[aeio]|ho(ur|ne|no)|he(ir)|u[^nstk]|un[^i]|ug", q)) and not re.match("eur|one", q))
    ),
    "count-plural": lambda q, a: a == f"{q.split(' + ')[0]} {plural(q.split(' + ')[1])}",
    "is-are": lambda q, a: (
        (a == "are") == any(re.search(rf"\b{plural(noun)}\b", q) for noun in words("objects") if plural(noun) in q)
    ),
    "time-word": lambda q, a: (
        (a == "on") == bool(re.search(r"___ (\w+day|[A-Z]\w+ \d+\.)", q))
        and (a == "at") == bool(re.search(r"___ (\d+:|noon|midnight|five)", q))
    ),
    "gender-swap": lambda q, a: pairs("genders")[swapped(q, a)[0]] == swapped(q, a)[1],
    "opposite-direction": lambda q, a: DIRECTIONS[swapped(q, a)[0]] == swapped(q, a)[1],
    "nationality": lambda q, a: (
        q.split(" from ")[0].split()[1] == a.split()[2] and pairs("nations")[q.split(" from ")[1]] == a.split()[1]
    ),
    "british-spelling": lambda q, a: swapped(q, a)[0] in table("british words"),
    "animal-sound": lambda q, a: pairs("sounds")[q.split()[-1]] == a,
    "job-place": lambda q, a: a in {place for job, place in pairs("job places").items() if re.search(rf"\b{job}\b", q)},
    "element-symbols": lambda q, a: [pairs("elements")[name] for name in q.split(" and ")] == items(a),
    "nato": lambda q, a: "".join(re.findall(r"\b[A-Z]", a.replace("X-ray", "Xray"))) == q,
    "country-currency": lambda q, a: a in {money for land, money in pairs("currencies").items() if land in q},
    "capital-country": lambda q, a: any(
        land.removeprefix("the ") == a for city, land in pairs("capitals").items() if re.search(rf"\b{city}\b", q)
    ),
    "spanish-count": lambda q, a: (
        table("spanish numbers").index(q.split()[0]) + 2 == int(a.split()[0])
        and pairs("spanish nouns")[q.split()[1]] == a.split()[1]
    ),
    "odd-one-out": lambda q, a: (
        len({kind_of(w) for w in items(q) if w != a}) == 1
        and kind_of(a) not in {kind_of(w) for w in items(q) if w != a}
    ),
    "pick-vehicle": lambda q, a: [w for w in items(q) if kind_of(w) == "vehicle"] == [a],
    "pick-tool": lambda q, a: [w for w in items(q) if kind_of(w) == "tool"] == [a],
    "pick-city": lambda q, a: [w for w in items(q) if w in words("cities")] == [a],
    "extract-time": lambda q, a: re.findall(r"\d+:\d\d(?: [ap]m)?", q) == [a],
    "extract-price": lambda q, a: re.findall(r"[$€£]\d+(?:\.\d\d)?", q) == [a],
    "extract-quoted": lambda q, a: q.split('"')[1] == a and q.count('"') == 2,
    "first-name": lambda q, a: [w for w in re.findall(r"\w+", q) if w in words("women") + words("men")] == [a],
    "username": lambda q, a: re.fullmatch(rf"{a[0]}\w+ {a[1:]}", q.lower()),
    "make-email": lambda q, a: a.partition("@")[::2] == (q.split(",")[0].lower().replace(" ", "."), q.split(", ")[1]),
    "formal-greeting": lambda q, a: re.sub(r"^(\w+\.) \w+ (\w+)$", r"Dear \1 \2,", q) == a,
    "email-user": lambda q, a: q.partition("@")[0] == a,
    "file-ending": lambda q, a: q.rpartition(".")[2] == a,
    "file-stem": lambda q, a: q.rpartition(".")[0] == a,
    "path-file": lambda q, a: q.rpartition("/")[2] == a,
    "url-domain": lambda q, a: re.fullmatch(rf"https?://(www\.)?{re.escape(a)}/[\w/]+", q),
    "value-to-key": lambda q, a: f"{a}={q.split(' | ')[1]}" in q.split(" | ")[0].split("; "),
    "word-length": lambda q, a: re.fullmatch(rf"\w{{{a}}}", q),
    "count-vowels": lambda q, a: len(re.findall("[aeiou]", q.lower())) == int(a),
    "second-caps": lambda q, a: q.split()[1] == a.lower() and a.isupper(),
    "first-item-caps": lambda q, a: q.partition(", ")[0].upper() == a,
    "longest-caps": lambda q, a: all(len(w) < len(a) for w in items(q) if w.upper() != a) and a.lower() in items(q),
    "initials-joined": lambda q, a: re.findall(r"\b\w", q) == list(a),
    "reverse-list": lambda q, a: list(reversed(items(a))) == items(q),
    "plural-list": lambda q, a: [plural(item) for item in items(q)] == items(a),
    "animal-plural": lambda q, a: [plural(w) for w in items(q) if w in table("kind animal")] == [a],
    "largest-in-words": lambda q, a: spelled(sorted(map(int, items(q)))[-1]) == a,
    "in-list": lambda q, a: (items(q.split(" : ")[0]).count(q.split(" : ")[1]) == 1) == (a == "yes"),
    "item-place": lambda q, a: items(q.split(" in: ")[1])[int(a) - 1] == q.split(" in: ")[0],
}


@pytest.mark.parametrize("name", sorted({**GRAMMAR_RULES, **FACT_RULES, **PART_RULES}))
def test_answers_follow_the_rule(name):
    wrong = [(e.input, e.output) for e in rule_task(name) if not CHECKS[name](e.input, e.output)]
    assert not wrong


def test_a_word_of_the_tables_has_one_meaning():
    kinds = [w for k in ("animal", "clothing", "tool", "vehicle", "food") for w in table(f"kind {k}")]
    assert len(set(kinds)) == len(kinds)
    for name in ("genders", "nations", "sounds", "elements", "currencies", "capitals", "spanish nouns", "adverbs"):
        left = [pair.split(":")[0] for pair in table(name)]
        assert len(set(left)) == len(left), name
    assert [code[0] for code in table("nato")] == [chr(ord("A") + i) for i in range(26)]
    assert len(table("british")) == len(table("british words"))
    assert all(w in t.split("|")[0] for w, t in zip(table("british words"), table("british"), strict=True))
