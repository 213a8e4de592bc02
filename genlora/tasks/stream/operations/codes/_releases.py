"""Versions: their parts, the next one, which is newer, and what an upgrade changes."""

from collections.abc import Callable, Sequence

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
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


def _bound(draw: Draw) -> Params:
    return {"n": draw.between(1, 6)}


def _step(value: Value, _: Params) -> str | None:
    old, new = value.data
    if new < old:
        return "down"
    return "major" if old[0] != new[0] else "minor" if old[1] != new[1] else "patch"


OPERATIONS = (
    Operation(
        "version.part",
        _ONE,
        "code",
        lambda v, p: str(v.data["numbers"][p["n"]]),
        (
            "show the {place} version number",
            "extract the {place} part (major.minor.patch)",
            "write only the {nth} of the three numbers",
            "tell the {place} number of {the}",
        ),
        ("the {place} number of {the}", "the {place} part in major.minor.patch", "the {nth} number of {the}"),
        ("what is the {place} version?",),
        _place,
    ),
    Operation(
        "version.bump",
        _ONE,
        "code",
        _bumped,
        (
            "bump the {place} number: plus one, all numbers behind it become 0; digits and dots only",
            "return the next {place} version as three numbers, lower parts reset to 0",
            "raise {the} by one {place} step (numbers to the right go back to 0), plain x.y.z",
        ),
        (
            "the next {place} version, plain x.y.z with the parts behind it at 0",
            "the three numbers after a {place} release (what follows is reset to 0)",
        ),
        ("which x.y.z is the next {place} version?",),
        _place,
    ),
    part(
        "version.short",
        _ONE,
        lambda v, _: _written(v.data["numbers"][:2]),
        ("give major and minor only, such as 1.4", "drop the patch number and all around it", "shorten {the} to x.y"),
        ("the major and the minor number as x.y", "{the} cut after its second number, digits and dot only"),
        ("which x.y version is it?",),
    ),
    part(
        "version.plain",
        _ONE,
        "plain",
        (
            "output the three numbers with their dots, nothing before or after them",
            "strip {the} to x.y.z: no v, no name, no pre-release label",
        ),
        ("the bare x.y.z in {the}", "three numbers and two dots, everything else removed"),
        ("which x.y.z is it?",),
    ),
    part(
        "version.tag",
        _ONE,
        lambda v, _: f"v{v.data['plain']}",
        ("write a git tag: v and the three numbers", "make vX.Y.Z of {the}, without a pre-release label"),
        ("the tag vX.Y.Z for {the}", "v and the three numbers"),
    ),
    part(
        "version.underscores",
        _ONE,
        lambda v, _: v.data["plain"].replace(".", "_"),
        ("write the three numbers with underscores between them", "make x_y_z of {the} for a file name, numbers only"),
        ("the three numbers joined by underscores", "{the} as x_y_z"),
        ("what is {the} as x_y_z?",),
    ),
    part(
        "version.padded",
        _ONE,
        lambda v, _: "".join(f"{n:02}" for n in v.data["numbers"]),
        (
            "write each of the three numbers with two digits, no dots, so that it can be sorted",
            "make a six-digit build number: two digits for each part, zeros in front",
        ),
        ("a six-digit number, two digits for each part of {the}", "the three parts with two digits each, dots removed"),
        ("which six digits does {the} make, two for each part?",),
    ),
    part(
        "version.label",
        _ONE,
        "tail",
        ("fetch the pre-release label after the hyphen", "output what follows the three numbers, without the hyphen"),
        ("the pre-release label in {the}", "the part behind the hyphen, such as beta"),
        ("which pre-release is it?",),
    ),
    part(
        "version.label or stable",
        _ONE,
        lambda v, _: v.data["tail"] or "stable",
        (
            'give the pre-release label, or "stable" if there is none',
            'write what follows the patch number, hyphen left out; without a label say "stable"',
        ),
        ('the pre-release label ("stable" if {the} has none)',),
        ('which pre-release is it? If none, say "stable"',),
    ),
    part(
        "version.sum",
        _ONE,
        lambda v, _: str(sum(v.data["numbers"])),
        ("add up the three numbers of {the}", "print the sum of major, minor and patch"),
        ("the sum of the three version numbers", "major plus minor plus patch"),
        ("what do the three numbers add up to?",),
        "number",
    ),
    two_parts(
        "version.shaped",
        _ONE,
        lambda v, name: str(v.data["numbers"][_PLACES.index(name)]),
        _PLACES,
    ),
    part(
        "versions.newest",
        _MANY,
        lambda v, _: _written(max(v.data)),
        ("give the newest version, numbers and dots only", "find the highest version in {the}, without a v"),
        ("the highest version, digits and dots only", "the newest version of {the}, without a v"),
        ("which version is newest (digits and dots only)?",),
    ),
    part(
        "versions.oldest",
        _MANY,
        lambda v, _: _written(min(v.data)),
        ("get the oldest version, numbers and dots only", "find the lowest version in {the}, without a v"),
        ("the lowest version, digits and dots only", "the oldest version of {the}, without a v"),
        ("which version is oldest (digits and dots only)?",),
    ),
    part(
        "versions.sort",
        _MANY,
        lambda v, _: ", ".join(map(_written, sorted(v.data))),
        (
            "sort the versions from old to new, commas between, no v",
            "put {the} in ascending order, comma-separated, no v",
        ),
        ("the versions from oldest to newest, comma-separated, no v",),
        ("what are the versions in ascending order, commas between, no v?",),
        "code",
    ),
    part(
        "versions.sort down",
        _MANY,
        lambda v, _: ", ".join(map(_written, sorted(v.data, reverse=True))),
        (
            "sort the versions from new to old, commas between, no v",
            "put {the} in descending order, comma-separated, no v",
        ),
        ("the versions from newest to oldest, comma-separated, no v",),
        ("what are the versions in descending order, commas between, no v?",),
        "code",
    ),
    Operation(
        "versions.count major",
        _MANY,
        "number",
        lambda v, p: str(sum(x[0] == p["n"] for x in v.data)),
        ("count the versions that start with {n}.", "say how many versions have the major number {n}"),
        ("the number of versions with major {n}", "how many entries of {the} belong to {n}.x"),
        ("how many versions have the major number {n}?",),
        _bound,
    ),
    part(
        "upgrade.old",
        ("upgrade",),
        lambda v, _: _written(v.data[0]),
        ("give the version before the change, no v", "write from which version it starts, digits and dots only"),
        ("the version before the change, without v", "the version on the left, digits and dots only"),
        ("which version was there before (digits and dots only)?",),
    ),
    part(
        "upgrade.new",
        ("upgrade",),
        lambda v, _: _written(v.data[1]),
        ("show the version after the change, no v", "write to which version it leads, digits and dots only"),
        ("the version after the change, without v", "the version on the right, digits and dots only"),
        ("which version is there afterwards (digits and dots only)?",),
    ),
    part(
        "upgrade.newer",
        ("upgrade",),
        lambda v, _: _written(max(v.data)),
        (
            "return the newer of the two versions, no v",
            "compare both versions: write the higher one, digits and dots only",
        ),
        ("the higher of the two versions, without v", "whichever version is newer, digits and dots only"),
        ("which of the two versions is newer (no v)?",),
    ),
    part(
        "upgrade.undo",
        ("upgrade",),
        lambda v, _: f"{_written(v.data[1])} -> {_written(v.data[0])}",
        (
            "write the way back, from the second to the first version, as x.y.z -> x.y.z",
            "turn the change around: new -> old",
        ),
        ("the reverse change as x.y.z -> x.y.z, no v",),
    ),
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
