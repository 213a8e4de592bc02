"""Next, previous and opposite: planets and directions."""

from collections.abc import Callable

from ..._facts import after, sequence
from ..._parts import Classifier, Condition, Operation, Params, Value

_PLANET, _POINT = ("planet",), ("direction",)


def step(name: str, steps: int, *, around: bool = False) -> Callable[[Value, Params], str | None]:
    return lambda value, _: after(name, value.data, steps, around=around)


def place_in(name: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: str(sequence(name).index(value.data) + 1)


_SHORT = {
    "north": "N",
    "northeast": "NE",
    "east": "E",
    "southeast": "SE",
    "south": "S",
    "southwest": "SW",
    "west": "W",
    "northwest": "NW",
}


_DEGREES = {point: 45 * i for i, point in enumerate(_SHORT)}


OPERATIONS = (
    Operation("seq.planet out", _PLANET, "word", step("planets", 1), knowledge=True),
    Operation("seq.planet in", _PLANET, "word", step("planets", -1), knowledge=True),
    Operation("seq.planet place", _PLANET, "number", place_in("planets"), knowledge=True),
    Operation("seq.planet only", _PLANET, "word", lambda v, _: v.data),
    Operation("seq.direction back", _POINT, "word", step("directions", 4, around=True), knowledge=True),
    Operation("seq.direction right", _POINT, "word", step("directions", 2, around=True), knowledge=True),
    Operation("seq.direction left", _POINT, "word", step("directions", -2, around=True), knowledge=True),
    Operation("seq.direction short", _POINT, "code", lambda v, _: _SHORT[v.data]),
    Operation("seq.direction degrees", _POINT, "number", lambda v, _: str(_DEGREES[v.data]), knowledge=True),
    Operation("seq.direction only", _POINT, "word", lambda v, _: v.data),
)

CONDITIONS = (
    Condition(
        "inner planet",
        _PLANET,
        lambda v, _: sequence("planets").index(v.data) < 4,
        ("the planet is one of the four inner ones", "it is Mars or nearer to the sun"),
        ("the planet is one of the four outer ones", "it is farther from the sun than Mars"),
        knowledge=True,
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
