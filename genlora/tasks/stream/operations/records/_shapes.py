"""Two parts of an input written in a given pattern: the same wording for records, URLs, log lines and so on."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._parts import Operation, Params, Value
from ..._wording import Wording
from .._work import part_named

_SHAPES = (
    "{a}/{b}",
    "{a} ({b})",
    "{a}: {b}",
    "{a} - {b}",
    "{a}|{b}",
    "{a}, {b}",
    "[{a}] {b}",
    "{a}={b}",
    "{a} > {b}",
    "{a}_{b}",
    "{a} -> {b}",
    "{a}; {b}",
    '{a} "{b}"',
    "#{a} {b}",
    "{a} @ {b}",
)
_MARKS = ("<{}>", "<{}>", "{{{}}}", "[{}]", "${}")


def shaped(parts: Sequence[str], draw: Draw) -> Params:
    """Two of `parts` and a pattern for them; the names stand in the pattern as `<city>`, `{city}` ..."""
    one, two = draw.some(parts, 2)
    shape = draw.pick(_SHAPES)
    mark = draw.pick([m for m in _MARKS if not (m.startswith("[") and "[" in shape)])
    return {"one": one, "two": two, "shape": shape, "pattern": shape.format(a=mark.format(one), b=mark.format(two))}


def two_parts(
    name: str, on: tuple[str, ...], *groups: Sequence[str], get: Callable[[Value, str], str | None] = part_named
) -> Operation:
    """The operation that writes two parts of one of `groups` in a pattern; `get` finds a part by its name."""

    def do(value: Value, p: Params) -> str | None:
        found = get(value, p["one"]), get(value, p["two"])
        return p["shape"].format(a=found[0], b=found[1]) if found[0] and found[1] else None

    return Operation(
        name,
        on,
        "code",
        do,
        params=lambda d: shaped(d.pick(groups), d),
        wording=Wording(
            (
                "write the {one} and the {two} of {the} as {pattern}",
                "rewrite {the} in the form {pattern}",
                "turn {the} into {pattern}",
                "fill the pattern {pattern} from {the}",
                "reduce {the} to {pattern} for our list",
                "extract {one} and {two}, written like this: {pattern}",
            ),
            (
                "{the} in the form {pattern}",
                "the {one} and the {two}, written {pattern}",
                "{pattern}, filled from {the}",
            ),
            ("what does {the} look like as {pattern}?",),
        ),
    )
