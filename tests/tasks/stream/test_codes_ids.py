"""Logs, timestamps, schedules, ids, phones, plates, posts, number bases: right answers written by hand."""

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream.operations.codes import _ids as _codes_ids
from genlora.tasks.stream.operations.codes import _logs as _codes_logs
from genlora.tasks.stream.operations.codes import _plates as _codes_plates
from genlora.tasks.stream.operations.codes import _times as _codes_times
from genlora.tasks.stream.operations.office import _phones as _office_phones

MODULES = (_codes_ids, _codes_logs, _office_phones, _codes_plates, _codes_times)


class Same(dict):
    def __missing__(self, key):
        return key


def answer(name, value, params):
    return operations()[name].do(value, {"Y": "Y", "N": "N", "labels": Same(), **params})


LOG = Value(
    {
        "level": "ERROR",
        "service": "billing",
        "message": "payment 71 failed",
        "number": "71",
        "user": "ben",
        "time": "12:30:11",
        "hour": "12",
        "minute": "30",
        "date": "2026-03-04",
    },
    "2026-03-04 12:30:11 ERROR billing: payment 71 failed",
)
LOGS = Value(
    (
        {"level": "INFO", "message": "server started", "clock": "08:01"},
        {"level": "ERROR", "message": "file not found", "clock": "08:04"},
        {"level": "INFO", "message": "job 3 finished", "clock": "08:09"},
    ),
    "08:01 INFO server started\n08:04 ERROR file not found\n08:09 INFO job 3 finished",
)
STAMP = Value(
    {"date": "2026-03-04", "hour": "09", "minute": "05", "second": "30", "offset": "+02:00"},
    "2026-03-04T09:05:30+02:00",
)
CRON = Value(
    {"minute": "5", "hour": "6", "month day": "*", "week": "1", "job": "backup"},
    "5 6 * * 1 backup",
)
SLOT = Value(
    {
        "day": "Sat",
        "hour": "09",
        "start": "09:30",
        "end": "11:30",
        "hours": "2",
        "job": "report",
        "owner": "anna",
    },
    "Sat 09:30-11:30 report (anna)",
)
RESULT = Value(
    {"module": "cart", "test": "test_get_total", "result": "FAILED", "seconds": "2.50"},
    "cart::test_get_total FAILED (2.50s)",
)
ORDER = Value(
    {
        "prefix": "INV",
        "year": "2025",
        "number": "00099",
        "n": 99,
        "width": 5,
        "department": "",
        "shape": "{prefix}/{year}/{number}",
    },
    "INV/2025/00099",
)
SKU = Value({"item": "MUG", "color": "BLU", "size": "L", "number": "204", "sep": "-"}, "MUG-BLU-L-204")
US = Value({"area": "555", "local": "1234567", "digits": "5551234567", "last": "4567"}, "+1 555 123 4567")
OSLO = Value({"country": "47", "national": "22334050", "digits": "4722334050", "last": "4050"}, "0047 22 33 40 50")
PLATE = Value({"letters": "ABCD", "digits": "127", "parts": ["AB", "127", "CD"]}, "AB 127 CD")
UK = Value({"left": "SW1", "right": "2AB", "area": "SW"}, "SW1 2AB")
CITY = Value({"code": "50667", "city": "Oslo", "country": "N"}, "N-50667 Oslo")
POST = Value({"text": "Big day today", "tags": ["Win", "news"], "mention": ""}, "Big day today #Win #news")
BINARY, HEX, NUMBER = Value(13, "1101"), Value(47, "0x2f"), Value(26, "26")
SHAPE = {"shape": "{a} > {b}"}

RIGHT = [
    ("log.level", LOG, {}, "ERROR"),
    ("log.service", LOG, {}, "billing"),
    ("log.message", LOG, {}, "payment 71 failed"),
    ("log.time", LOG, {}, "12:30:11"),
    ("log.short time", LOG, {}, "12:30"),
    ("log.hour", LOG, {}, "12"),
    ("log.date", LOG, {}, "2026-03-04"),
    ("log.number", LOG, {}, "71"),
    ("log.user", LOG, {}, "ben"),
    ("log.initial", LOG, {}, "E"),
    ("log.plain", LOG, {}, "ERROR payment 71 failed"),
    ("log.alert", LOG, {}, "billing: payment 71 failed"),
    ("log.loud", LOG, {}, "PAYMENT 71 FAILED"),
    ("log.shaped", LOG, {**SHAPE, "one": "service", "two": "level"}, "billing > ERROR"),
    ("log.nth level", LOGS, {"n": -1}, "INFO"),
    ("log.nth message", LOGS, {"n": 1}, "file not found"),
    ("log.nth time", LOGS, {"n": 0}, "08:01"),
    ("log.message of", LOGS, {"level": "ERROR"}, "file not found"),
    ("log.message of", LOGS, {"level": "INFO"}, None),
    ("log.time of", LOGS, {"level": "ERROR"}, "08:04"),
    ("log.count of", LOGS, {"level": "INFO"}, "2"),
    ("log.worst", LOGS, {}, "ERROR"),
    ("log.worst message", LOGS, {}, "file not found"),
    ("log.levels", LOGS, {}, "INFO, ERROR, INFO"),
    ("log.times", LOGS, {}, "08:01, 08:04, 08:09"),
    ("label.log level", LOG, {"level": "INFO"}, "N"),
    ("label.log at least", LOG, {"n": 2}, "Y"),
    ("label.log below", LOG, {"n": 3}, "N"),
    ("label.log number", LOG, {}, "Y"),
    ("label.log morning", LOG, {}, "N"),
    ("label.log after", LOG, {"n": 10}, "Y"),
    ("label.log any", LOGS, {"level": "DEBUG"}, "N"),
    ("label.log level name", LOG, {}, "ERROR"),
    ("label.log reaction", LOG, {}, "mail"),
    ("label.log team", LOG, {}, "money"),
    ("isotime.date", STAMP, {}, "2026-03-04"),
    ("isotime.time", STAMP, {}, "09:05:30"),
    ("isotime.short time", STAMP, {}, "09:05"),
    ("isotime.hour", STAMP, {}, "09"),
    ("isotime.minute", STAMP, {}, "05"),
    ("isotime.second", STAMP, {}, "30"),
    ("isotime.zone", STAMP, {}, "+02:00"),
    ("isotime.compact", STAMP, {}, "20260304_0905"),
    ("isotime.month file", STAMP, {}, "2026-03"),
    ("label.isotime morning", STAMP, {}, "Y"),
    ("label.isotime from", STAMP, {"n": 10}, "N"),
    ("label.isotime office", STAMP, {}, "Y"),
    ("label.isotime shift", STAMP, {}, "day"),
    ("cron.clock", CRON, {}, "06:05"),
    ("cron.hour", CRON, {}, "6"),
    ("cron.minute", CRON, {}, "5"),
    ("cron.weekday field", CRON, {}, "1"),
    ("cron.job", CRON, {}, "backup"),
    ("cron.weekday", CRON, {}, "Monday"),
    ("cron.shift", CRON, {"n": 2}, "5 8 * * 1 backup"),
    ("cron.shift", CRON, {"n": -7}, None),
    ("label.cron daily", CRON, {}, "N"),
    ("label.cron night", CRON, {}, "N"),
    ("label.cron full hour", CRON, {}, "N"),
    ("slot.start", SLOT, {}, "09:30"),
    ("slot.end", SLOT, {}, "11:30"),
    ("slot.hours", SLOT, {}, "2"),
    ("slot.job", SLOT, {}, "report"),
    ("slot.owner", SLOT, {}, "anna"),
    ("slot.day", SLOT, {}, "Saturday"),
    ("slot.shaped", SLOT, {**SHAPE, "one": "day", "two": "job"}, "Sat > report"),
    ("label.slot weekend", SLOT, {}, "Y"),
    ("label.slot early", SLOT, {"n": 9}, "N"),
    ("result.test", RESULT, {}, "test_get_total"),
    ("result.module", RESULT, {}, "cart"),
    ("result.outcome", RESULT, {}, "FAILED"),
    ("result.seconds", RESULT, {}, "2.50"),
    ("result.tested", RESULT, {}, "get_total"),
    ("result.shaped", RESULT, {**SHAPE, "one": "result", "two": "test"}, "FAILED > test_get_total"),
    ("label.result passed", RESULT, {}, "N"),
    ("label.result slow", RESULT, {"n": 2}, "Y"),
    ("label.result outcome", RESULT, {}, "FAILED"),
    ("id.prefix", ORDER, {}, "INV"),
    ("id.year", ORDER, {}, "2025"),
    ("id.number", ORDER, {}, "00099"),
    ("id.bare number", ORDER, {}, "99"),
    ("id.next", ORDER, {}, "INV/2025/00100"),
    ("id.previous", ORDER, {}, "INV/2025/00098"),
    ("id.new prefix", ORDER, {"prefix": "PO"}, "PO/2025/00099"),
    ("id.new year", ORDER, {"year": "2026"}, "INV/2026/00099"),
    ("id.plain", ORDER, {}, "INV202500099"),
    ("id.lower", ORDER, {}, "inv-2025-00099"),
    ("id.short", ORDER, {}, "INV25-99"),
    ("id.shaped", ORDER, {**SHAPE, "one": "year", "two": "prefix"}, "2025 > INV"),
    ("label.id type", ORDER, {"prefix": "PO"}, "N"),
    ("label.id since", ORDER, {"year": "2025"}, "Y"),
    ("label.id even", ORDER, {}, "N"),
    ("label.id desk", ORDER, {}, "money"),
    ("sku.item", SKU, {}, "MUG"),
    ("sku.color", SKU, {}, "BLU"),
    ("sku.size", SKU, {}, "L"),
    ("sku.number", SKU, {}, "204"),
    ("sku.new size", SKU, {"size": "S"}, "MUG-BLU-S-204"),
    ("sku.new color", SKU, {"color": "RED"}, "MUG-RED-L-204"),
    ("sku.shaped", SKU, {**SHAPE, "one": "item", "two": "size"}, "MUG > L"),
    ("label.sku color", SKU, {"color": "BLU"}, "Y"),
    ("label.sku large", SKU, {}, "Y"),
    ("label.sku size", SKU, {}, "large"),
    ("phone.last", US, {"n": 3}, "567"),
    ("phone.digits", OSLO, {}, "004722334050"),
    ("phone.spaces", US, {}, "1 555 123 4567"),
    ("phone.area", US, {}, "555"),
    ("phone.local", US, {}, "1234567"),
    ("phone.shape", US, {"shape": "({a}) {b}-{c}"}, "(555) 123-4567"),
    ("phone.country code", OSLO, {}, "47"),
    ("phone.national", OSLO, {}, "022334050"),
    ("phone.plus", OSLO, {}, "+4722334050"),
    ("phone.country", OSLO, {}, "Norway"),
    ("label.phone zero", OSLO, {}, "Y"),
    ("label.phone land", OSLO, {}, "47"),
    ("plate.letters", PLATE, {}, "ABCD"),
    ("plate.digits", PLATE, {}, "127"),
    ("plate.compact", PLATE, {}, "AB127CD"),
    ("plate.hyphens", PLATE, {}, "AB-127-CD"),
    ("plate.lower", PLATE, {}, "ab127cd"),
    ("plate.first letter", PLATE, {}, "A"),
    ("plate.last", PLATE, {}, "D"),
    ("label.plate even", PLATE, {}, "N"),
    ("postcode.left", UK, {}, "SW1"),
    ("postcode.right", UK, {}, "2AB"),
    ("postcode.area", UK, {}, "SW"),
    ("postcode.compact", UK, {}, "SW12AB"),
    ("postcode.lower", UK, {}, "sw1-2ab"),
    ("label.postcode two letters", UK, {}, "Y"),
    ("address.code", CITY, {}, "50667"),
    ("address.city", CITY, {}, "Oslo"),
    ("address.region", CITY, {}, "50"),
    ("address.turned", CITY, {}, "OSLO 50667"),
    ("address.shaped", CITY, {**SHAPE, "one": "city", "two": "code"}, "Oslo > 50667"),
    ("post.tags", POST, {}, "Win, news"),
    ("post.count", POST, {}, "2"),
    ("post.nth", POST, {"n": 1}, "news"),
    ("post.last", POST, {}, "#news"),
    ("post.text", POST, {}, "Big day today"),
    ("post.mention", POST, {}, None),
    ("post.mention or none", POST, {}, "none"),
    ("post.lower tags", POST, {}, "#news #win"),
    ("post.add", POST, {"tag": "sale"}, "Big day today #Win #news #sale"),
    ("post.add", POST, {"tag": "win"}, None),
    ("label.post tagged", POST, {}, "Y"),
    ("label.post mentions", POST, {}, "N"),
    ("base.from binary", BINARY, {}, "13"),
    ("base.ones", BINARY, {}, "3"),
    ("base.bits", BINARY, {}, "00001101"),
    ("base.from hex", HEX, {}, "47"),
    ("base.hex upper", HEX, {}, "0x2F"),
    ("base.to binary", NUMBER, {}, "11010"),
    ("base.to hex", NUMBER, {}, "1a"),
    ("base.to byte", NUMBER, {}, "00011010"),
    ("base.to octal", NUMBER, {}, "32"),
    ("label.base odd", BINARY, {}, "Y"),
    ("label.base over", BINARY, {"n": 13}, "N"),
]


@pytest.mark.parametrize(("name", "value", "params", "right"), RIGHT, ids=[f"{r[0]} {i}" for i, r in enumerate(RIGHT)])
def test_the_answer_is_right(name, value, params, right):
    assert answer(name, value, params) == right


def test_every_operation_has_an_answer_here():
    made = {x.name for m in MODULES for x in m.OPERATIONS}
    labels = {f"label.{x.name}" for m in MODULES for x in (*m.CONDITIONS, *m.CLASSIFIERS)}
    assert made | labels == {r[0] for r in RIGHT}
