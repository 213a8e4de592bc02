"""Records and rows: right answers written by hand, and every operation draws rows on each of its input types."""

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream.inputs.records._records import Record
from genlora.tasks.stream.operations.records import _edits as _records_edits
from genlora.tasks.stream.operations.records import _records as _records
from genlora.tasks.stream.operations.records import _rows as _rows


class Same(dict):
    def __missing__(self, key):
        return key


def record(**fields):
    made = Record(fields)
    made.write = lambda kept: "; ".join(f"{k}: {v}" for k, v in kept.items())
    return Value(made, made.write(made))


def answer(name, value, params):
    return operations()[name].do(value, {"Y": "Y", "N": "N", "labels": Same(), **params})


ANNA = record(name="Anna", city="Oslo", age="41", active="true")
ORDER = record(id="512", stock="8", qty="12", status="open", due="2026-03-04")
BLANK = record(name="Ben", team="", priority="high")
SERVER = record(host="db1", env="prod", contact="eva@acme.io")
PAIRS = {"sep": " & ", "eq": "="}
PERSON = Value(("Anna", "Oslo", "41", "sales"), "Anna,Oslo,41,sales")
LINE = Value(("A-77", "lamp", "3", "15"), "| A-77 | lamp | 3 | 15 |")
SHAPE = {"shape": "{a} ({b})"}

RIGHT = [
    ("record.field", ANNA, {"key": "city"}, "Oslo"),
    ("record.field", ANNA, {"key": "team"}, None),
    ("record.two", ANNA, {**SHAPE, "one": "name", "two": "age"}, "Anna (41)"),
    ("record.count", ANNA, {}, "4"),
    ("record.count filled", BLANK, {}, "2"),
    ("record.names", ANNA, {}, "name, city, age, active"),
    ("record.values", ANNA, {}, "Anna, Oslo, 41, true"),
    ("record.values", BLANK, {}, None),
    ("record.nth name", ANNA, {"n": 2}, "city"),
    ("record.nth value", ANNA, {"n": 3}, "41"),
    ("record.last value", ANNA, {}, "true"),
    ("record.largest name", ORDER, {}, None),
    ("record.largest name", record(stock="8", qty="12", status="open"), {}, "qty"),
    ("record.smallest name", record(stock="8", qty="12", status="open"), {}, "stock"),
    ("record.smallest name", record(stock="8", qty="8"), {}, None),
    ("record.largest", record(stock="8", qty="12"), {}, "12"),
    ("record.typed", ORDER, {"type": "a date"}, "due"),
    ("record.typed", SERVER, {"type": "an e-mail address"}, "contact"),
    ("record.typed", SERVER, {"type": "true or false"}, None),
    ("record.empty", BLANK, {}, "team"),
    ("record.empty", ANNA, {}, "none"),
    ("record.total", ORDER, {"one": "stock", "two": "qty"}, "20"),
    ("record.rename", ANNA, {"key": "city", "new": "town"}, "name: Anna; town: Oslo; age: 41; active: true"),
    ("record.change", BLANK, {"key": "priority", "value": "low"}, "name: Ben; team: ; priority: low"),
    ("record.change", BLANK, {"key": "priority", "value": "high"}, None),
    ("record.drop", ANNA, {"key": "age"}, "name: Anna; city: Oslo; active: true"),
    ("record.keep", ANNA, {"one": "age", "two": "name"}, "name: Anna; age: 41"),
    ("record.add last", SERVER, {"key": "tag", "value": "vip"}, "host: db1; env: prod; contact: eva@acme.io; tag: vip"),
    (
        "record.add first",
        SERVER,
        {"key": "tag", "value": "vip"},
        "tag: vip; host: db1; env: prod; contact: eva@acme.io",
    ),
    ("record.sort keys", SERVER, {}, "contact: eva@acme.io; env: prod; host: db1"),
    ("record.reverse", SERVER, {}, "contact: eva@acme.io; env: prod; host: db1"),
    ("record.upper keys", SERVER, {}, "HOST: db1; ENV: prod; CONTACT: eva@acme.io"),
    ("record.drop empty", BLANK, {}, "name: Ben; priority: high"),
    ("record.drop empty", ANNA, {}, None),
    ("record.to json", ANNA, {}, '{"name": "Anna", "city": "Oslo", "age": 41, "active": true}'),
    ("record.to json", record(item="mug", price="2.50"), {}, None),
    ("record.to pairs", SERVER, PAIRS, "host=db1 & env=prod & contact=eva@acme.io"),
    ("record.to csv", ANNA, {}, "Anna,Oslo,41,true"),
    ("record.to header", ANNA, {}, "name,city,age,active"),
    ("record.to flags", SERVER, {}, "--host db1 --env prod --contact eva@acme.io"),
    ("record.to env", SERVER, {}, "HOST=db1 ENV=prod CONTACT=eva@acme.io"),
    ("record.to filter", record(city="Oslo", age="41"), {}, "city='Oslo' AND age='41'"),
    ("label.record has", ANNA, {"key": "team"}, "N"),
    ("label.record equals", ORDER, {"key": "status", "value": "open"}, "Y"),
    ("label.record over", ORDER, {"key": "qty", "n": 12}, "N"),
    ("label.record under", ORDER, {"key": "qty", "n": 13}, "Y"),
    ("label.record more", ORDER, {"one": "qty", "two": "stock"}, "Y"),
    ("label.record complete", BLANK, {}, "N"),
    ("label.record wide", ORDER, {"n": 4}, "Y"),
    ("label.record priority", BLANK, {}, "high"),
    ("label.record status", ORDER, {}, "open"),
    ("label.record env", SERVER, {}, "prod"),
    ("label.record stock", ORDER, {}, "few"),
    ("label.record age", ANNA, {}, "middle"),
    ("row.nth", PERSON, {"n": 2}, "Oslo"),
    ("row.from end", PERSON, {"n": 2}, "41"),
    ("row.pair", PERSON, {"i": 3, "j": 0}, "sales, Anna"),
    ("row.without", PERSON, {"n": 3}, "Anna, Oslo, sales"),
    ("row.reverse", PERSON, {}, "sales, 41, Oslo, Anna"),
    ("row.commas", LINE, {}, "A-77, lamp, 3, 15"),
    ("row.person named", PERSON, {"n": 3}, "sales"),
    ("row.order named", LINE, {"n": 1}, "lamp"),
    ("row.person shaped", PERSON, {**SHAPE, "one": "city", "two": "name"}, "Oslo (Anna)"),
    ("row.order shaped", LINE, {**SHAPE, "one": "item", "two": "id"}, "lamp (A-77)"),
    ("row.from", PERSON, {}, "Anna from Oslo"),
    ("row.card", PERSON, {}, "Anna (41), sales"),
    ("row.times", LINE, {}, "3 x lamp"),
    ("row.total", LINE, {}, "45"),
    ("row.invoice line", LINE, {}, "lamp: 15 EUR"),
    ("label.row older", PERSON, {"n": 41}, "Y"),
    ("label.row team", PERSON, {"team": "legal"}, "N"),
    ("label.row many", LINE, {"n": 2}, "Y"),
    ("label.row expensive", LINE, {"n": 15}, "N"),
    ("label.row batch", LINE, {}, "small"),
]


@pytest.mark.parametrize(("name", "value", "params", "right"), RIGHT, ids=[f"{r[0]} {i}" for i, r in enumerate(RIGHT)])
def test_the_answer_is_right(name, value, params, right):
    assert answer(name, value, params) == right


def test_every_operation_has_an_answer_here():
    made = [x for m in (_records, _records_edits, _rows) for x in m.OPERATIONS]
    labels = [x for m in (_records, _records_edits, _rows) for x in (*m.CONDITIONS, *m.CLASSIFIERS)]
    assert {x.name for x in made} | {f"label.{x.name}" for x in labels} == {r[0] for r in RIGHT}
