"""File sizes and the lines of a directory listing."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Params, Value
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


def _piece(value: Value, name: str) -> str | None:
    return value.data[name]


OPERATIONS = (
    part(
        "size.larger unit",
        ("size",),
        _larger_unit,
        (
            "print {the} in the next larger unit (1024 of one make one of the next: B, KB, MB, GB, TB)",
            "divide by 1024, one unit up (B, KB, MB, GB, TB)",
        ),
        ("{the} in the next larger unit, 1024 to one", "{the} divided by 1024, one unit up (B, KB, MB, GB, TB)"),
        ("how much is {the} in the next larger unit (1024 to one)?",),
    ),
    part(
        "size.readable",
        ("size",),
        _readable,
        (
            "write multiples of 1024 in the next larger unit (2048 KB is 2 MB), any other size as it is",
            "shorten multiples of 1024 to the next unit (B, KB, MB, GB, TB), other sizes stay as they are",
        ),
        ("{the} in the next larger unit if 1024 divides it, else unchanged",),
    ),
    part(
        "size.number",
        ("size",),
        lambda v, _: str(v.data["n"]),
        ("give the number without its unit", "drop the unit of {the}"),
        ("the bare number of {the}", "{the} without its unit"),
        ("which number is it, unit left out?",),
        "number",
    ),
    part(
        "size.unit",
        ("size",),
        lambda v, _: _UNITS[v.data["unit"]],
        ("output the unit only", "drop the number of {the}"),
        ("the unit of {the}", "{the} without its number"),
        ("in which unit is {the} given?",),
    ),
    part(
        "size.unit word",
        ("size",),
        lambda v, _: f"{v.data['n']} {_WORDS[v.data['unit']]}" if v.data["n"] > 1 else None,
        (
            "repeat {the} with its unit spelled out (bytes, kilobytes, megabytes, gigabytes)",
            "write number and unit, with KB, MB and so on as a full plural word",
        ),
        ("{the} with its unit as a word, such as 5 megabytes",),
        ("how is {the} written with the unit as a word?",),
    ),
    part(
        "size.tight",
        ("size",),
        lambda v, _: f"{v.data['n']}{_UNITS[v.data['unit']].lower()}",
        ("write {the} without the space, its unit in small letters", "join number and lower-case unit, e.g. 5mb"),
        ("{the} in the form 5mb", "{the} as one word in lower case"),
    ),
    part(
        "listing.file",
        ("listing",),
        "file",
        ("fetch the name at the end of {the}", "say which file or folder {the} is about"),
        ("the name of the file or folder", "the last column of {the}"),
        ("which file or folder is it?",),
    ),
    part(
        "listing.owner",
        ("listing",),
        "owner",
        ("give the owner (the column after the permissions)", "say to which user it belongs: the second column"),
        ("the owner, second column", "the user in the second column of {the}"),
        ("who is the owner (second column)?",),
    ),
    part(
        "listing.group",
        ("listing",),
        "group",
        ("print the group (third column)", "say which group it belongs to: the column after the owner"),
        ("the group, third column", "the group that stands behind the owner"),
        ("which group is it (third column)?",),
    ),
    part(
        "listing.size",
        ("listing",),
        "size",
        ("give the size in bytes, number only", "extract the number of bytes from {the}"),
        ("the size in bytes", "the number of bytes in {the}"),
        ("how many bytes does it take?",),
        "number",
    ),
    part(
        "listing.mode",
        ("listing",),
        "mode",
        ("get the permissions column as it is", "copy the letters and hyphens at the start of {the}"),
        ("the permissions, all ten characters", "the first column of {the}"),
        ("what are the permissions?",),
    ),
    part(
        "listing.date",
        ("listing",),
        "date",
        ("give month and day as they are written", "extract the date column, such as Mar 12"),
        ("the date in {the}, month and day", "month and day as written in {the}"),
        ("which date is given?",),
    ),
    two_parts("listing.shaped", ("listing",), _piece, ("owner", "file"), ("file", "size"), ("owner", "group")),
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
        params=lambda d: {"n": d.pick((1000, 5000, 10000, 20000, 50000))},
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
