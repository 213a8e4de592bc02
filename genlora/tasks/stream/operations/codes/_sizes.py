"""File sizes and the lines of a directory listing."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Params, Value, picked
from ..records._shapes import two_parts
from ..words._parts_of import part

_UNITS = ("B", "KB", "MB", "GB", "TB")
_WORDS = ("bytes", "kilobytes", "megabytes", "gigabytes")


def _larger_unit(value: Value, _: Params) -> str | None:
    n, unit = value.data["n"], value.data["unit"]
    return f"{n // 1024} {_UNITS[unit + 1]}" if n % 1024 == 0 else None


def _readable(value: Value, p: Params) -> str:
    return _larger_unit(value, p) or value.data["text"]


def _bytes(value: Value) -> int:
    return value.data["n"] * 1024 ** value.data["unit"]


def _limit(draw: Draw) -> Params:
    n, unit = draw.pick(((100, 1), (500, 1), (1, 2), (10, 2), (50, 2), (100, 2), (1, 3), (5, 3)))
    return {"n": n, "unit": unit, "limit": f"{n} {_UNITS[unit]}"}


def _under(value: Value, p: Params) -> bool | None:
    mine, limit = _bytes(value), p["n"] * 1024 ** p["unit"]
    return None if mine == limit else mine < limit


OPERATIONS = (
    part("size.larger unit", ("size",), _larger_unit),
    part("size.readable", ("size",), _readable),
    part("size.number", ("size",), lambda v, _: str(v.data["n"]), answer="number"),
    part("size.unit", ("size",), lambda v, _: _UNITS[v.data["unit"]]),
    part(
        "size.unit word", ("size",), lambda v, _: f"{v.data['n']} {_WORDS[v.data['unit']]}" if v.data["n"] > 1 else None
    ),
    part("size.tight", ("size",), lambda v, _: f"{v.data['n']}{_UNITS[v.data['unit']].lower()}"),
    part("listing.file", ("listing",), "file"),
    part("listing.owner", ("listing",), "owner"),
    part("listing.group", ("listing",), "group"),
    part("listing.size", ("listing",), "size", answer="number"),
    part("listing.mode", ("listing",), "mode"),
    part("listing.date", ("listing",), "date"),
    two_parts("listing.shaped", ("listing",), ("owner", "file"), ("file", "size"), ("owner", "group")),
)

CONDITIONS = (
    Condition(
        "size under",
        ("size",),
        _under,
        ("{the} is below {limit}", "{the} is less than {limit} (1024 KB to the MB)"),
        ("{the} is above {limit}", "{the} is more than {limit}"),
        params=_limit,
    ),
    Condition(
        "size over",
        ("size",),
        lambda v, p: None if (u := _under(v, p)) is None else not u,
        ("{the} is too big for a limit of {limit}", "{the} exceeds {limit}"),
        ("{the} is within {limit}", "{the} is smaller than {limit}"),
        params=_limit,
    ),
    Condition(
        "listing folder",
        ("listing",),
        lambda v, _: v.data["folder"],
        ("{the} starts with d, so it is a folder", "the first letter of the permissions is a d"),
        ("{the} starts with a hyphen, so it is a file", "the permissions start with a hyphen"),
    ),
    Condition(
        "listing root",
        ("listing",),
        lambda v, _: v.data["owner"] == "root",
        ("the owner is root", "it belongs to root"),
        ("somebody else owns it", "the owner is not root"),
    ),
    Condition(
        "listing runs",
        ("listing",),
        lambda v, _: v.data["mode"][3] == "x",
        ("the fourth character is an x", "the owner may execute it (x in fourth place)"),
        ("the fourth character is a hyphen", "the owner may not execute it"),
    ),
    Condition(
        "listing large",
        ("listing",),
        lambda v, p: int(v.data["size"]) > p["n"],
        ("the size is over {n} bytes", "it takes more than {n} bytes"),
        ("the size is {n} bytes or less", "it takes at most {n} bytes"),
        params=picked(n=(1000, 5000, 10000, 20000, 50000)),
    ),
)

CLASSIFIERS = (
    Classifier(
        "size scale",
        ("size",),
        lambda v, _: _UNITS[v.data["unit"]],
        {u: f"the unit is {u}" for u in _UNITS[:4]},
        "the size class",
        {"B": "tiny", "KB": "small", "MB": "medium", "GB": "large"},
    ),
)
