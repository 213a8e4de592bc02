"""Versions: their parts, the next one, which is newer, and what an upgrade changes."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..records._shapes import two_parts
from ..words._parts_of import part

_ONE = ("version",)
_MANY = ("versions",)
_PLACES = ("major", "minor", "patch")


def _written(numbers: Sequence[int]) -> str:
    return ".".join(map(str, numbers))


def _place(draw: Draw) -> Params:
    n = draw.between(0, 2)
    return {"n": n, "place": _PLACES[n], "nth": ("first", "second", "third")[n]}


def _bumped(value: Value, p: Params) -> str:
    a, b, c = value.data["numbers"]
    return _written(((a + 1, 0, 0), (a, b + 1, 0), (a, b, c + 1))[p["n"]])


def _same(n: int) -> Callable[[Value, Params], bool | None]:
    return lambda value, _: value.data[0][:n] == value.data[1][:n]


_bound = picked(n=range(1, 7))


def _step(value: Value, _: Params) -> str | None:
    old, new = value.data
    if new < old:
        return "down"
    return "major" if old[0] != new[0] else "minor" if old[1] != new[1] else "patch"


OPERATIONS = (
    Operation("version.part", _ONE, "code", lambda v, p: str(v.data["numbers"][p["n"]]), params=_place),
    Operation("version.bump", _ONE, "code", _bumped, params=_place),
    part("version.short", _ONE, lambda v, _: _written(v.data["numbers"][:2])),
    part("version.plain", _ONE, "plain"),
    part("version.tag", _ONE, lambda v, _: f"v{v.data['plain']}"),
    part("version.underscores", _ONE, lambda v, _: v.data["plain"].replace(".", "_")),
    part("version.padded", _ONE, lambda v, _: "".join(f"{n:02}" for n in v.data["numbers"])),
    part("version.label", _ONE, "tail"),
    part("version.label or stable", _ONE, lambda v, _: v.data["tail"] or "stable"),
    part("version.sum", _ONE, lambda v, _: str(sum(v.data["numbers"])), answer="number"),
    two_parts("version.shaped", _ONE, _PLACES, get=lambda v, name: str(v.data["numbers"][_PLACES.index(name)])),
    part("versions.newest", _MANY, lambda v, _: _written(max(v.data))),
    part("versions.oldest", _MANY, lambda v, _: _written(min(v.data))),
    part("versions.sort", _MANY, lambda v, _: ", ".join(map(_written, sorted(v.data))), answer="code"),
    part(
        "versions.sort down", _MANY, lambda v, _: ", ".join(map(_written, sorted(v.data, reverse=True))), answer="code"
    ),
    Operation(
        "versions.count major", _MANY, "number", lambda v, p: str(sum(x[0] == p["n"] for x in v.data)), params=_bound
    ),
    part("upgrade.old", ("upgrade",), lambda v, _: _written(v.data[0])),
    part("upgrade.new", ("upgrade",), lambda v, _: _written(v.data[1])),
    part("upgrade.newer", ("upgrade",), lambda v, _: _written(max(v.data))),
    part("upgrade.undo", ("upgrade",), lambda v, _: f"{_written(v.data[1])} -> {_written(v.data[0])}"),
)

CONDITIONS = (
    Condition(
        "version valid",
        ("maybe version",),
        lambda v, _: v.data["ok"],
        (
            "{the} is a valid semantic version (x.y.z with an optional -label)",
            "it has exactly three numbers with dots between",
        ),
        ("{the} is no valid x.y.z version", "it is malformed"),
    ),
    Condition(
        "version invalid",
        ("maybe version",),
        lambda v, _: not v.data["ok"],
        ("{the} is not of the form x.y.z", "it breaks the pattern x.y.z (a -label at the end is fine)"),
        ("{the} has the form x.y.z or x.y.z-label", "it is a proper version"),
    ),
    Condition(
        "version early",
        _ONE,
        lambda v, _: v.data["numbers"][0] == 0,
        ("the major version is 0", "the first number is 0"),
        ("the major version is 1 or higher", "the first number is not 0"),
    ),
    Condition(
        "version major",
        _ONE,
        lambda v, p: v.data["numbers"][0] >= p["n"],
        ("the major version is at least {n}", "the first number is {n} or more"),
        ("the major version is below {n}", "the first number is less than {n}"),
        params=_bound,
    ),
    Condition(
        "version pre-release",
        _ONE,
        lambda v, _: bool(v.data["tail"]),
        ("it is a pre-release (alpha, beta, rc or dev)", "the numbers are followed by a label"),
        ("it is a final release", "nothing follows the three numbers"),
    ),
    Condition(
        "version feature",
        _ONE,
        lambda v, _: v.data["numbers"][2] == 0,
        ("the patch number is 0", "the third number is 0"),
        ("the patch number is not 0", "the third number is above 0"),
    ),
    Condition(
        "upgrade up",
        ("upgrade",),
        lambda v, _: v.data[1] > v.data[0],
        ("the second version is newer", "the version goes up"),
        ("the second version is older", "the version goes down"),
    ),
    Condition(
        "upgrade same major",
        ("upgrade",),
        _same(1),
        ("both versions have the same major number", "the first number stays the same"),
        ("the major numbers differ", "the first number changes"),
    ),
    Condition(
        "upgrade same minor",
        ("upgrade",),
        _same(2),
        ("major and minor number stay the same", "at most the patch number changes"),
        ("the major or the minor number changes", "more than the patch number changes"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "upgrade step",
        ("upgrade",),
        _step,
        {
            "major": "the major number rises",
            "minor": "the major number stays and the minor number rises",
            "patch": "only the patch number rises",
            "down": "the new version is lower than the old one",
        },
        "the kind of change",
        {"major": "major", "minor": "minor", "patch": "patch", "down": "downgrade"},
    ),
)
