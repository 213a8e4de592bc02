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
    Operation(
        "seq.planet out",
        _PLANET,
        "word",
        step("planets", 1),
        (
            "name the next planet, going away from the sun",
            "give the neighbour of {the} on the outer side",
            "travel away from the sun and name the planet after this one",
        ),
        ("the next planet farther from the sun", "the outer neighbour of {the}"),
        ("which planet comes next, counted from the sun?",),
        knowledge=True,
    ),
    Operation(
        "seq.planet in",
        _PLANET,
        "word",
        step("planets", -1),
        (
            "name the next planet towards the sun",
            "give the neighbour of {the} on the inner side",
            "travel towards the sun and name the planet after this one",
        ),
        ("the next planet nearer to the sun", "the inner neighbour of {the}"),
        ("which planet comes just before it, counted from the sun?",),
        knowledge=True,
    ),
    Operation(
        "seq.planet place",
        _PLANET,
        "number",
        place_in("planets"),
        (
            "say which planet from the sun it is, as a number",
            "number {the}, counting from Mercury as 1",
            "count the planets from the sun up to this one and write the number",
        ),
        (
            "the place of {the}, counted from the sun",
            "its number among the planets, the one nearest to the sun being 1",
        ),
        ("which planet from the sun is it, as a number?",),
        knowledge=True,
    ),
    Operation(
        "seq.planet only",
        _PLANET,
        "word",
        lambda v, _: v.data,
        ("write the name of the planet only", "extract the planet", "copy nothing but the planet"),
        ("the planet that is mentioned", "the name of the planet"),
        ("which planet is mentioned?",),
    ),
    Operation(
        "seq.direction back",
        _POINT,
        "word",
        step("directions", 4, around=True),
        ("give the opposite direction", "turn round: write where one looks after half a turn", "reverse {the}"),
        ("the opposite of {the}", "the direction to go back"),
        ("what is the opposite direction?",),
        knowledge=True,
    ),
    Operation(
        "seq.direction right",
        _POINT,
        "word",
        step("directions", 2, around=True),
        (
            "write the direction after a quarter turn to the right",
            "turn {the} clockwise by 90 degrees",
            "say where you look after turning right at a right angle",
        ),
        (
            "the direction a quarter turn to the right of {the}",
            "where one faces after a right turn of 90 degrees",
        ),
        ("where do you face after turning right by 90 degrees?",),
        knowledge=True,
    ),
    Operation(
        "seq.direction left",
        _POINT,
        "word",
        step("directions", -2, around=True),
        (
            "write the direction after a quarter turn to the left",
            "turn {the} anticlockwise by 90 degrees",
            "say where you look after turning left at a right angle",
        ),
        (
            "the direction a quarter turn to the left of {the}",
            "where one faces after a left turn of 90 degrees",
        ),
        ("where do you face after turning left by 90 degrees?",),
        knowledge=True,
    ),
    Operation(
        "seq.direction short",
        _POINT,
        "code",
        lambda v, _: _SHORT[v.data],
        (
            "abbreviate the direction: N, NE, E ...",
            "write the direction as on a compass, one or two capital letters",
            "shorten northwest to NW, east to E and so on",
        ),
        ("the abbreviation of {the}, such as NE", "the compass letters of {the}"),
        ("how is {the} abbreviated on a compass?",),
    ),
    Operation(
        "seq.direction degrees",
        _POINT,
        "number",
        lambda v, _: str(_DEGREES[v.data]),
        (
            "give the direction in degrees: north is 0, east is 90",
            "write the compass bearing of {the} as a number",
            "convert the direction to degrees, clockwise from north",
        ),
        (
            "the bearing of {the} in degrees (north 0, east 90)",
            "the direction in degrees, clockwise from north",
        ),
        ("how many degrees is {the}, if north is 0 and east is 90?",),
        knowledge=True,
    ),
    Operation(
        "seq.direction only",
        _POINT,
        "word",
        lambda v, _: v.data,
        ("write the direction only", "extract the direction as a word", "copy nothing but the compass direction"),
        (
            "the direction that is mentioned",
            "the compass direction alone",
        ),
        ("which direction is mentioned?",),
    ),
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
