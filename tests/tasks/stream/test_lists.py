"""Lists: places, edits, repeats, two lists, one item named, checklists. Right answers, written by hand."""

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations

LIST = ("tea", "rice", "butter", "jam")


def answer(name, data, **params):
    return operations()[name].do(Value(data, str(data)), params)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("place.insert before", "tea, NEW, rice, butter, jam"),
        ("place.insert after", "tea, rice, NEW, butter, jam"),
        ("place.append", "tea, rice, butter, jam, NEW"),
        ("place.prepend", "NEW, tea, rice, butter, jam"),
        ("place.replace", "tea, NEW, butter, jam"),
        ("place.replace last", "tea, rice, butter, NEW"),
        ("place.remove", "tea, butter, jam"),
        ("place.swap", "tea, jam, butter, rice"),
        ("place.move to end", "tea, butter, jam, rice"),
        ("place.move to front", "rice, tea, butter, jam"),
        ("place.from end", "butter"),
        ("place.zero based", "rice"),
        ("place.slice", "rice, butter, jam"),
        ("place.two", "rice, jam"),
        ("place.two back", "jam, rice"),
        ("place.hyphen", "rice-jam"),
        ("place.head", "tea, rice"),
        ("place.tail", "butter, jam"),
        ("place.inner", "rice, butter"),
        ("place.even", "rice, jam"),
        ("place.after nth", "butter, jam"),
        ("place.before nth", "tea"),
        ("list.capitalise", "Tea, Rice, Butter, Jam"),
        ("list.upper one", "tea, RICE, butter, jam"),
        ("list.bold one", "tea, **rice**, butter, jam"),
        ("list.number", "1) tea, 2) rice, 3) butter, 4) jam"),
        ("list.letter marks", "a) tea b) rice c) butter d) jam"),
        ("list.prefix each", "#tea, #rice, #butter, #jam"),
        ("list.suffix each", "tea!, rice!, butter!, jam!"),
        ("list.wrap each", "[tea], [rice], [butter], [jam]"),
        ("list.sql", "('tea', 'rice', 'butter', 'jam')"),
        ("list.json", '["tea", "rice", "butter", "jam"]'),
        ("list.glue", "tea|rice|butter|jam"),
        ("list.or", "tea, rice, butter or jam"),
        ("list.others", "tea and 3 others"),
        ("list.more", "tea, rice +2"),
        ("list.ends", "tea to jam"),
        ("list.twice", "tea, tea, rice, rice, butter, butter, jam, jam"),
        ("list.sort last letter", "tea, rice, jam, butter"),
        ("list.sort long first", None),
        ("list.alphabet first", "butter"),
        ("list.letters of nth", "4"),
        ("list.longest length", "6"),
        ("list.most vowels", None),
        ("list.most of a letter", "butter"),
        ("list.letter of item", "c"),
        ("list.letters down", "actm"),
        ("list.cut each", "te, ri, bu, ja"),
    ],
)
def test_one_list(name, right):
    params = {"n": 2, "i": 2, "j": 4, "new": "NEW", "shape": "{}) ", "mark": "#", "tail": "!", "glue": "|"}
    third = 3 if name in ("list.letter of item", "list.letters down") else 1
    assert answer(name, LIST, left="[", right="]", letter="t", m=third, **params) == right


VOTES = ("ok", "fail", "ok", "ok", "late", "fail", "new")


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("votes.winner", "ok"),
        ("votes.rarest", None),
        ("votes.second", "fail"),
        ("votes.winner count", "3"),
        ("votes.winner with count", "ok (3)"),
        ("votes.margin", "1"),
        ("votes.unique", "ok, fail, late, new"),
        ("votes.distinct count", "4"),
        ("votes.first repeated", "ok"),
        ("votes.repeated", "ok, fail"),
        ("votes.once", "late, new"),
        ("votes.first count", "3"),
        ("votes.last count", "1"),
        ("votes.without first", "fail, late, fail, new"),
        ("votes.without winner", "fail, late, fail, new"),
        ("votes.collapse", "ok, fail, ok, late, fail, new"),
        ("votes.changes", "5"),
        ("votes.twice running", "ok"),
        ("votes.longest run", "2"),
        ("votes.group", "ok 3, fail 2, late 1, new 1"),
        ("label.has duplicates", "y"),
        ("label.tie", "n"),
        ("label.majority", "n"),
        ("label.in a row", "y"),
        ("label.ends equal", "n"),
        ("label.last is new", "y"),
    ],
)
def test_repeats(name, right):
    assert answer(name, VOTES, Y="y", N="n") == right


def test_a_tie_has_no_winner():
    assert answer("votes.winner", ("a", "b", "a", "b")) is None
    assert answer("votes.margin", ("a", "b", "a", "b")) == "0"


TWO = (("tea", "rice", "jam"), ("jam", "salt", "tea", "milk"))


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("sets.common one", None),
        ("sets.common", "tea, jam"),
        ("sets.common count", "2"),
        ("sets.first only", "rice"),
        ("sets.second only", "salt, milk"),
        ("sets.removed one", "rice"),
        ("sets.added one", None),
        ("sets.removed count", "1"),
        ("sets.added count", "2"),
        ("sets.union", "tea, rice, jam, salt, milk"),
        ("sets.union count", "5"),
        ("sets.either", "rice, salt, milk"),
        ("sets.all", "tea, rice, jam, jam, salt, tea, milk"),
        ("sets.firsts", "tea, jam"),
        ("sets.second list", "jam, salt, tea, milk"),
        ("sets.first list", "tea, rice, jam"),
        ("sets.longer", "jam, salt, tea, milk"),
        ("label.share items", "y"),
        ("label.same items", "n"),
        ("label.second inside first", "n"),
        ("label.first inside second", "n"),
        ("label.same first item", "n"),
    ],
)
def test_two_lists(name, right):
    assert answer(name, TWO, Y="y", N="n") == right


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("item.position", "2"),
        ("item.index", "1"),
        ("item.after", "butter"),
        ("item.before", "tea"),
        ("item.following", "butter, jam"),
        ("item.preceding", "tea"),
        ("item.after count", "2"),
        ("item.before count", "1"),
        ("item.remove", "tea, butter, jam"),
        ("item.to front", "rice, tea, butter, jam"),
        ("item.to end", "tea, butter, jam, rice"),
        ("item.replace", "tea, NEW, butter, jam"),
        ("item.insert after", "tea, rice, NEW, butter, jam"),
        ("item.insert before", "tea, NEW, rice, butter, jam"),
        ("item.swap with next", "tea, butter, rice, jam"),
        ("item.mark", "tea, RICE, butter, jam"),
        ("item.add if missing", "tea, rice, butter, jam"),
        ("item.toggle", "tea, butter, jam"),
        ("label.item in list", "y"),
        ("label.item is first", "n"),
        ("label.item is last", "n"),
    ],
)
def test_list_and_item(name, right):
    assert answer(name, (LIST, "rice"), new="NEW", Y="y", N="n") == right


def test_an_item_that_is_missing():
    assert answer("item.position", (LIST, "salt")) is None
    assert answer("item.add if missing", (LIST, "salt")) == "tea, rice, butter, jam, salt"
    assert answer("label.item in list", (LIST, "salt"), Y="y", N="n") == "n"


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("check.done", "tea, butter"),
        ("check.open", "rice, jam"),
        ("check.next", "rice"),
        ("check.last done", "butter"),
        ("check.count done", "2"),
        ("check.count open", "2"),
        ("check.progress", "2/4"),
        ("check.all entries", "tea, rice, butter, jam"),
        ("label.all done", "n"),
        ("label.first done", "y"),
        ("label.mostly done", None),
    ],
)
def test_checklists(name, right):
    assert answer(name, (LIST, (True, False, True, False)), Y="y", N="n") == right
