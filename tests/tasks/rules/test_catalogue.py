"""The catalogue of rule-made and word tasks: names, roles, parents, and descriptions that stand on their own."""

import re
from collections import Counter
from functools import cache
from importlib.resources import files

import pytest

from genlora.files import check_name, parse_json
from genlora.tasks.rules._registry import rule_names, rule_task

CATALOGUE = files("genlora.tasks") / "data" / "catalogue"


@cache
def catalogue(group: str) -> list[dict]:
    """Entries of every file of the group: "rules" is rules.json, rules-2.json and so on."""
    found = [f for f in CATALOGUE.iterdir() if re.fullmatch(rf"{group}(-\d+)?\.json", f.name)]
    return [e for f in sorted(found, key=lambda f: f.name) for e in parse_json(f.read_bytes(), where=f.name)]


def labels_of(entry: dict) -> tuple[str, ...]:
    return rule_task(entry["source"].removeprefix("rule:"))[0].choices


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
            assert 5 <= len(text.split()) <= 60 and not re.search("[\u2013\u2014\n]", text), text


def test_every_rule_has_one_entry_scored_the_way_it_answers():
    assert sorted(e["source"].removeprefix("rule:") for e in catalogue("rules")) == list(rule_names())
    for e in catalogue("rules"):
        assert (e["metric"] == "choice") == bool(labels_of(e))


def test_no_description_is_used_twice():
    seen = Counter(text.casefold() for g in ("rules", "words") for e in catalogue(g) for text in e["descriptions"])
    assert [text for text, n in seen.items() if n > 1] == []


def test_fixed_labels_are_named_in_the_held_out_descriptions():
    for e in catalogue("rules"):
        for held_out in e["descriptions"][-2:]:
            assert all(label.lower() in held_out.lower() for label in labels_of(e)), held_out


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


def test_held_out_descriptions_are_as_long_as_the_others():
    shown, held = [], []
    for e in catalogue("rules"):
        shown += [len(text.split()) for text in e["descriptions"][:-2]]
        held += [len(text.split()) for text in e["descriptions"][-2:]]
    assert sum(held) / len(held) >= sum(shown) / len(shown)
    assert min(held) >= 9


def test_no_opening_is_shared_by_many_descriptions():
    openings = Counter(
        " ".join(text.lower().split()[:3])
        for g in ("rules", "words")
        for e in catalogue(g)
        for text in e["descriptions"]
    )
    assert openings.most_common(1)[0][1] <= 0.03 * sum(openings.values()), openings.most_common(5)
